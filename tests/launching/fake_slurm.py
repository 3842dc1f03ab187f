"""Commands of SLURM that keep their jobs in a folder, and really run what is submitted.

`sbatch` starts each task of an array in the background, in a shell of its own, unless it is told
to hold it (`FAKE_SLURM_HOLDS`). A task that is requeued while it runs is started once more when it
has ended. Signals are sent by the tests, as SLURM would: first a warning, then more.
"""

import os
import signal
import stat
from pathlib import Path

SBATCH = r"""#!/bin/bash
set -eu
cd "$FAKE_SLURM"
id=$(($(cat last) + 1)); echo $id > last
cp "$1" $id.sh
tasks=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\)%.*/\1/p' $id.sh)
for task in $(seq 0 ${tasks:--1}); do echo PENDING > ${id}_$task.state; done
[ -n "$tasks" ] || { echo PENDING > $id.state; }
[ -n "${FAKE_SLURM_HOLDS:-}" ] || for file in $(ls | grep "^$id[_.].*state"); do
    setsid "$FAKE_SLURM/start" ${file%.state} "$OLDPWD" < /dev/null > /dev/null 2>&1 &
done
echo "Submitted batch job $id"
"""

START = r"""#!/bin/bash
# Runs a job, again and again as long as it is requeued.
job=$1; folder=$2; restarts=0
array=${job%_*}; index=${job#*_}
cd "$folder"
export SLURM_JOB_ID=$job
[ "$array" = "$job" ] || export SLURM_ARRAY_JOB_ID=$array SLURM_ARRAY_TASK_ID=$index
[ "$array" = "$job" ] || SLURM_JOB_ID=$(($$ + 100000))
asked() { sed -n "s/^#SBATCH --$1=//p" "$FAKE_SLURM/$array.sh"; }
export SLURM_NNODES=$(asked nodes) SLURM_NTASKS_PER_NODE=$(asked ntasks-per-node)
export SLURM_NTASKS=$((${SLURM_NNODES:-1} * ${SLURM_NTASKS_PER_NODE:-1}))
export SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0
while true; do
    echo RUNNING > "$FAKE_SLURM/$job.state"
    SLURM_RESTART_COUNT=$restarts bash "$FAKE_SLURM/$array.sh"
    code=$?
    [ -e "$FAKE_SLURM/$job.requeued" ] || break
    rm "$FAKE_SLURM/$job.requeued"; restarts=$((restarts + 1))
    echo PENDING > "$FAKE_SLURM/$job.state"
done
rm "$FAKE_SLURM/$job.state"
echo $code > "$FAKE_SLURM/$job.code"; mv "$FAKE_SLURM/$job.code" "$FAKE_SLURM/$job.ended"
"""

SRUN = r"""#!/bin/bash
# Its output goes where it is told; everything else it is told is about nodes.
while [ "${1#--}" != "$1" ]; do
    [ "$1" != --output ] || out=$2
    case $1 in --output) shift 2 ;; *) shift ;; esac
done
out=${out//%A/${SLURM_ARRAY_JOB_ID:-}}; out=${out//%a/${SLURM_ARRAY_TASK_ID:-}}
out=${out//%j/$SLURM_JOB_ID}
mkdir -p "$(dirname "$out")"
[ "${SLURM_NTASKS:-1}" != 1 ] || exec "$@" >> "${out//%t/0}" 2>&1
each=${SLURM_NTASKS_PER_NODE:-1}
export SLURM_STEP_NUM_TASKS=$SLURM_NTASKS SLURM_STEP_NODELIST=localhost
export SLURM_STEP_TASKS_PER_NODE="$each(x$SLURM_NNODES)"
for task in $(seq 0 $((SLURM_NTASKS - 1))); do
    SLURM_PROCID=$task SLURM_LOCALID=$((task % each)) SLURM_NODEID=$((task / each)) \
        "$@" >> "${out//%t/$task}" 2>&1 &
    started="${started:-} $!"
done
for process in $started; do wait $process || code=$?; done
exit ${code:-0}
"""

SQUEUE = r"""#!/bin/bash
cd "$FAKE_SLURM"
for file in *.state; do [ ! -e "$file" ] || echo "${file%.state}|$(cat "$file")"; done
"""

SCONTROL = r"""#!/bin/bash
[ "$1" = requeue ] || exit 1
touch "$FAKE_SLURM/$2.requeued"
"""

SCANCEL = r"""#!/bin/bash
cd "$FAKE_SLURM"
echo "$@" >> cancelled
only=; for job in "$@"; do
    case $job in --state=*) only=${job#--state=}; continue ;; esac
    for file in $job.state ${job}_*.state; do
        [ -z "$only" ] || grep -qs "$only" $file || continue
        rm -f $file
    done
done
"""


class FakeSlurm:
    """A cluster in a folder.

    Attributes:
        environment: What a command needs to find it.
    """

    def __init__(self, folder):
        self.folder = folder / "cluster"
        programs = folder / "bin"
        for each in (self.folder, programs):
            each.mkdir()
        (self.folder / "last").write_text("11")
        for name, text in (
            *(("sbatch", SBATCH), ("srun", SRUN), ("squeue", SQUEUE)),
            *(("scontrol", SCONTROL), ("scancel", SCANCEL)),
        ):
            write_program(programs / name, text)
        write_program(self.folder / "start", START)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "FAKE_SLURM": str(self.folder),
        }

    def script(self, number):
        """What was submitted as the script of a job or an array."""
        return (self.folder / f"{number}.sh").read_text()

    def is_requeued(self, job):
        """Whether a job is to be started once more, which is forgotten then."""
        path = self.folder / f"{job}.requeued"
        is_there = path.exists()
        path.unlink(missing_ok=True)
        return is_there

    def leave_queue(self, job):
        """A job has ended."""
        (self.folder / f"{job}.state").unlink()

    def exit_code(self, job):
        """The exit code of a job that sbatch has started, or None."""
        path = self.folder / f"{job}.ended"
        return int(path.read_text()) if path.exists() else None

    def environment_of(self, job, restarts=0):
        """What a job finds in its environment that is started by a test."""
        array, _, index = job.partition("_")
        own = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index} if index else {}
        return {
            **self.environment,
            **own,
            "SLURM_JOB_ID": str(9000 + int(index or 0)) if index else array,
            "SLURM_RESTART_COUNT": str(restarts),
            "SUBMITIT_EXECUTOR": "slurm",
        }


def write_program(path, text):
    """A file that can be started."""
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


WARNING, END = signal.SIGUSR2, signal.SIGTERM


def log_of(project, job):
    """What a job has printed."""
    return Path(project / f"results/default/slurm/{job}/{job}_0_log.out").read_text()
