from pathlib import Path

import pytest

from stages.check import CHECKED
from tests.conftest import Run, set_parameters


def test_right_parameters_leave_the_same_mark(run: Run, workspace: Path) -> None:
    assert run(workspace, "stages.check").returncode == 0
    first = (workspace / CHECKED).read_bytes()
    set_parameters(workspace, train__epochs=7)
    assert run(workspace, "stages.check").returncode == 0
    assert (workspace / CHECKED).read_bytes() == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__dropout_rate": 1.5}, "train.dropout_rate: expected less than 1; found 1.5"),
        (
            {"data__dataset": "fashion-mnist"},
            "data.dataset: expected mnist, fashion_mnist or the path of an .npz file"
            " (did you mean fashion_mnist?); found 'fashion-mnist'",
        ),
        (
            {"data__dataset": "zzz", "train__epochs": 0},
            "data.dataset: expected mnist, fashion_mnist or the path of an .npz file; found 'zzz'"
            " (and 1 more)",
        ),
    ],
)
def test_wrong_parameter_is_one_line_and_status_1(
    changes: dict[str, object], message: str, run: Run, workspace: Path
) -> None:
    set_parameters(workspace, **changes)
    done = run(workspace, "stages.check")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"check: params.yaml: {message}\n",
    )
    assert not (workspace / CHECKED).exists()
