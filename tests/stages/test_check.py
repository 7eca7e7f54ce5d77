from pathlib import Path

from stages.check import CHECKED
from tests.conftest import Run, set_parameters


def test_right_parameters_leave_the_same_mark(run: Run, workspace: Path) -> None:
    assert run(workspace, "stages.check").returncode == 0
    first = (workspace / CHECKED).read_bytes()
    set_parameters(workspace, train__epochs=7)
    assert run(workspace, "stages.check").returncode == 0
    assert (workspace / CHECKED).read_bytes() == first


def test_wrong_parameter_is_one_line_and_status_1(run: Run, workspace: Path) -> None:
    set_parameters(workspace, train__dropout_rate=1.5)
    done = run(workspace, "stages.check")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "check: params.yaml: train.dropout_rate: expected less than 1; found 1.5\n",
    )
    assert not (workspace / CHECKED).exists()
