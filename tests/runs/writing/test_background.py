import os
import subprocess
import sys
import threading

import pytest

from autrainer.errors import OutputError
from autrainer.runs.writing.background import Background


def test_calls_run_in_the_order_in_which_they_came():
    background, seen = Background(), []
    for number in range(100):
        background.submit(seen.append, number)
    background.join()
    assert seen == list(range(100))


def test_no_thread_is_alive_when_there_is_nothing_to_do():
    background = Background()
    before = threading.active_count()
    background.submit(len, [])
    background.join()
    assert threading.active_count() == before


def test_the_queue_blocks_when_it_is_full():
    background, gate, seen = Background(limit=1), threading.Event(), []
    background.submit(gate.wait)
    background.submit(seen.append, 1)
    submitter = threading.Thread(target=background.submit, args=(seen.append, 2))
    submitter.start()
    submitter.join(timeout=0.05)
    assert submitter.is_alive()
    gate.set()
    submitter.join()
    background.join()
    assert seen == [1, 2]


@pytest.mark.parametrize("meet", ["check", "join", "submit"])
def test_the_first_error_is_raised_again(meet):
    background = Background()
    background.submit(int, "no number")
    background.close()
    arguments = [len, []] if meet == "submit" else []
    with pytest.raises(ValueError, match="no number"):
        getattr(background, meet)(*arguments)


def test_nothing_more_runs_after_an_error():
    background, gate, seen = Background(), threading.Event(), []
    background.submit(gate.wait)
    background.submit(int, "no number")
    background.submit(seen.append, 1)
    gate.set()
    background.close()
    assert seen == []


def test_a_job_that_was_given_up_has_ended_too():
    background, gate = Background(), threading.Event()
    background.submit(gate.wait)
    background.submit(int, "no number")
    job = background.submit(len, [])
    gate.set()
    job.wait()
    assert job.ended
    background.close()


def test_an_error_of_the_system_names_its_file(tmp_path):
    background = Background()
    background.submit((tmp_path / "missing" / "file").write_text, "text")
    with pytest.raises(OutputError, match="missing/file"):
        background.join()


def test_closing_twice_is_harmless_and_what_was_submitted_is_done():
    background, seen = Background(), []
    background.submit(seen.append, 1)
    background.close()
    background.close()
    assert seen == [1]


def test_an_interpreter_that_exits_finishes_what_was_submitted(tmp_path):
    program = (
        "import sys, time, pathlib\n"
        "from autrainer.runs.writing.background import Background\n"
        "background = Background()\n"
        "background.submit(time.sleep, 0.1)\n"
        "background.submit(pathlib.Path(sys.argv[1]).write_text, 'whole')\n"
        "sys.exit(3)\n"
    )
    path = tmp_path / "file"
    process = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert process.returncode == 3
    assert path.read_text() == "whole"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_neither_waits_for_its_parents_work_nor_does_it():
    background, gate = Background(), threading.Event()
    background.submit(gate.wait)
    background.submit(len, [])
    child = os.fork()
    if child == 0:
        background.close()
        done = []
        background.submit(done.append, 1)
        background.join()
        os._exit(0 if done == [1] else 1)
    _, status = os.waitpid(child, 0)
    gate.set()
    background.join()
    assert status == 0
