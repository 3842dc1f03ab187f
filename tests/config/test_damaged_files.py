"""Files of configurations that are damaged: one message that names the file or the key."""

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autrainer.errors import ConfigError
from tests.conftest import CONF

HEAD = "defaults: [_autrainer_, _self_]\n"
DAMAGED = {
    "defaults:\n\t- _autrainer_\n": r"config.yaml, line 2, column 1: found character",
    f"{HEAD}iterations: 1\niterations: 2\n": "line 3, column 1: the key 'iterations'",
    b"\x8b\xff\x00": r"config.yaml is no text in UTF-8",
    "defaults: [config]\n": "the defaults of config lead back",
    "defaults: 5\n": "^Invalid defaults list in 'config', defaults must be a list",
    "defaults: [_autrainer_, _self_\n": r"config.yaml, line 2, column 1: ",
    f"{HEAD}a: &x [*x]\n": "config.yaml: no plain YAML: .* 100 deep",
    f"{HEAD}a: *x\n": "found undefined alias",
    "a: !!python/object/apply:os.system [true]\n": "could not determine a constructor",
    "[1, 2]\n": "must be a DictConfig",
    f"{HEAD}hydra: {{sweeper: x}}\n": "hydra.sweeper is 'x'; use a mapping",
    f"{HEAD}hydra: {{sweeper: {{params: 5}}}}\n": "hydra.sweeper.params is 5; use a mapping",
    f"{HEAD}hydra: 5\n": "HydraConf",
}


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_main_file_is_told(project, sweep, content):
    path = project("conf/config.yaml", "")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=DAMAGED[content]):
        sweep()


@pytest.mark.parametrize("content", [b"id: ToyFFNN\n_target_: [", b"\xff\xfe\x00"])
def test_a_damaged_file_of_a_group_is_told_by_its_name_alone(project, sweep, content):
    project("conf/model/ToyFFNN.yaml", "").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^/.*conf/model/ToyFFNN.yaml(,| )") as caught:
        sweep("seed=1")
    assert "seed" not in str(caught.value)


def test_a_link_to_nowhere_is_told(tmp_path, sweep):
    (tmp_path / "conf" / "config.yaml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"config.yaml cannot be read: No such file"):
        sweep()


@pytest.mark.parametrize("name", ["config.yaml", "model/ToyFFNN.yaml"])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, sweep, name, through_a_link):
    path = tmp_path / "conf" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    pipe = path.with_name("pipe") if through_a_link else path
    os.mkfifo(pipe)
    if through_a_link:
        path.symlink_to("pipe")
    with pytest.raises(ConfigError, match=f"{path.name}: expected a file, found a pipe"):
        sweep()


MAIN = re.sub(rb"#[^\n]*", b"", (CONF / "config.yaml").read_bytes())


@pytest.mark.filterwarnings("ignore:In 'config'. Defaults list is missing:UserWarning")
@given(data=st.data())
@settings(
    max_examples=int(os.environ.get("CONFIG_EXAMPLES", "25")),
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_main_file_with_any_bytes_changed_composes_or_ends_in_one_message(project, sweep, data):
    start = data.draw(st.integers(0, len(MAIN)))
    stop = data.draw(st.sampled_from([start, start + 1, start + 5, len(MAIN)]))
    inserted = data.draw(st.binary(max_size=3) | st.sampled_from([b"\t", b"[", b"{", b"${", b"'"]))
    project("conf/config.yaml", "").write_bytes(MAIN[:start] + inserted + MAIN[stop:])
    try:
        told = sweep().errors
    except ConfigError as error:
        told = str(error)
    assert "Traceback" not in told
