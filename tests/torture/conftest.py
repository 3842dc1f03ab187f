"""How the programs that torture runs are started by tests."""

from tests import forked
from tests.conftest import REPOSITORY


def torture(name, *arguments):
    """Run one of them; returns what it tells."""
    # In a process of its own: it forks, and torch's threads of earlier tests would not come along.
    program = f"import sys\nfrom tests.torture.{name} import main\nsys.exit(main())"
    done = forked.run(program, *arguments, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
