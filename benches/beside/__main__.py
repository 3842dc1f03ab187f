"""Benches of this tree beside those of an earlier commit, in turns, round by round.

`python -m benches.beside COMMIT [FILES] [-k EXPRESSION] [--pairs 3]` builds the commit below
`target/beside` and starts the same benches in both trees. While a round of one runs, the other
waits, so whatever else the machine does slows both down alike: the median of the ratios of
neighbouring rounds tells a few per cent where medians of whole sessions tell nothing. Where a
process happens to lie in memory can cost more than that, hence several pairs of processes.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT = REPOSITORY / "target" / "beside"
TURNS = Path(__file__).parent
PYTEST = (
    *("-q", "-p", "turns", "-p", "no:benchmark", "-p", "no:cacheprovider"),
    *("-o", "timeout=1800", "-o", "faulthandler_timeout=0"),
)


def built(commit):
    """The tree of a commit with its extension."""
    command = ["git", "rev-parse", "--short", f"{commit}^{{commit}}"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"there is no commit {commit!r}: {done.stderr.strip()}")
    name = done.stdout.strip()
    tree = BUILT / name
    if not tree.is_dir():
        subprocess.run(["git", "worktree", "prune"], cwd=REPOSITORY, check=True)
        command = ["git", "worktree", "add", "--quiet", "--detach", str(tree), name]
        subprocess.run(command, cwd=REPOSITORY, check=True)
    target = BUILT / "target"
    command = ["cargo", "build", "--release", "--quiet", "--package", "autrainer-python"]
    subprocess.run([*command, "--target-dir", target], cwd=tree, check=True)
    (library,) = [
        p for p in (target / "release").glob("lib_core.*") if p.suffix in (".so", ".dylib")
    ]
    shutil.copy(library, tree / "python" / "autrainer" / "_core.abi3.so")
    return tree


def benches_of(tree, files, expression):
    """Names of the benches of a tree, in their order."""
    chosen = [f"benches/python/test_{name}.py" for name in files] or ["benches/python"]
    command = [sys.executable, "-m", "pytest", *chosen, "-k", expression, "--collect-only", "-q"]
    done = subprocess.run(
        command, cwd=tree, env=_environment(tree), capture_output=True, text=True, check=False
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


class Side:
    """The process that runs the benches of one tree."""

    def __init__(self, tree, benches, log):
        self._connection, theirs = Pipe()
        environment = {**_environment(tree), "BESIDE_PIPE": str(theirs.fileno())}
        with log.open("w") as output, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *PYTEST, *benches],
                cwd=tree,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
            )
        self._positions = {name: number for number, name in enumerate(benches)}
        self.position = -1
        self.listen()

    def listen(self):
        """Take what the process says: the seconds of a round, or None and where it is now."""
        try:
            event, value = self._connection.recv()
        except EOFError:
            event, value = "ended", None
        if event == "took":
            return value
        # Behind the last bench where the process has ended.
        self.position = self._positions.get(value, len(self._positions))
        return None

    def round(self):
        """Seconds that a round took; None if the bench failed, and another one is next."""
        self._connection.send("round")
        return self.listen()

    def leave(self):
        """Go on to the next bench."""
        self._connection.send("on")
        self.listen()

    def wait(self):
        """Wait for the end of the process."""
        self._process.wait()
        self._connection.close()


def compare(trees, benches, seconds, rounds, logs):
    """Seconds of neighbouring rounds of both trees, by the name of the bench."""
    old, new = sides = [Side(tree, benches, log) for tree, log in zip(trees, logs, strict=True)]
    found = {}
    while (at := min(side.position for side in sides)) < len(benches):
        if old.position == new.position and (pairs := _rounds_of(old, new, seconds, rounds)):
            found[benches[at]] = pairs
            print(f"  {_ratio(pairs):.3f}  {benches[at]}", flush=True)
        for side in sides:
            if side.position == at:
                side.leave()
    for side in sides:
        side.wait()
    return found


def _rounds_of(old, new, seconds, rounds):
    """No rounds at all where one of them failed."""
    pairs = []
    while len(pairs) < rounds and (len(pairs) < 4 or sum(map(sum, pairs)) < 2 * seconds):
        # Who is first changes, so that what a round leaves in caches helps both alike.
        order = (old, new) if len(pairs) % 2 == 0 else (new, old)
        taken = {side: side.round() for side in order}
        if None in taken.values():
            return []
        pairs.append((taken[old], taken[new]))
    return pairs


def _ratio(pairs):
    return statistics.median(after / before for before, after in pairs)


def table(sessions):
    """Lines of all benches, those that are slower than before first."""
    names = {name for found in sessions for name in found}
    rows = []
    for name in names:
        pairs = [pair for found in sessions for pair in found.get(name, [])]
        ratios = [_ratio(found[name]) for found in sessions if name in found]
        old, new = (1e3 * statistics.median(times) for times in zip(*pairs, strict=True))
        span = f"{min(ratios):.3f} to {max(ratios):.3f}"
        line = f"({span})  {old:.4g} -> {new:.4g} ms, {len(pairs)} rounds  {name}"
        rows.append((_ratio(pairs), line))
    return [f"{ratio:.3f} {line}" for ratio, line in sorted(rows, reverse=True)]


def _environment(tree):
    path = os.pathsep.join([str(tree / "python"), str(TURNS)])
    # Commands would compile themselves at each start, and the larger tree would lose.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**environment, "PYTHONPATH": path}


def main():
    """Compare, and print one line for each bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("files", nargs="*", help="such as `training`; all by default")
    parser.add_argument("-k", default="", help="which benches, as for pytest")
    parser.add_argument("--pairs", type=int, default=3, help="pairs of processes")
    parser.add_argument("--seconds", type=float, default=3, help="per bench, tree and pair")
    parser.add_argument("--rounds", type=int, default=60, help="most rounds of a pair")
    options = parser.parse_args()
    old = built(options.commit)
    here = benches_of(REPOSITORY, options.files, options.k)
    there = set(benches_of(old, options.files, options.k))
    benches = [name for name in here if name in there]
    print(f"{len(benches)} benches of {len(here)} are in {options.commit} too", flush=True)
    sessions = []
    for number in range(options.pairs):
        print(f"pair {number + 1} of {options.pairs}", flush=True)
        logs = [BUILT / f"{side}-{number}.log" for side in ("old", "new")]
        sessions.append(compare((old, REPOSITORY), benches, options.seconds, options.rounds, logs))
    print("\n".join(table(sessions)))


if __name__ == "__main__":
    main()
