from pathlib import Path

import pytest

from stages import check
from tests.conftest import set_parameters


def test_right_parameters_leave_the_same_mark(in_workspace: Path) -> None:
    check.main()
    first = check.CHECKED.read_bytes()
    set_parameters(in_workspace, train__epochs=7)
    check.main()
    assert check.CHECKED.read_bytes() == first


@pytest.mark.parametrize(
    ("dataset", "hint"), [("fashion-mnist", " (did you mean fashion_mnist?)"), ("zzz", "")]
)
def test_wrong_parameters_are_one_line(dataset: str, hint: str, in_workspace: Path) -> None:
    set_parameters(in_workspace, data__dataset=dataset, train__epochs=0)
    with pytest.raises(SystemExit) as stopped:
        check.main()
    assert stopped.value.code == (
        "check: params.yaml: data.dataset: expected mnist, fashion_mnist or the path of an .npz"
        f" file{hint}; found '{dataset}' (and 1 more)"
    )
    assert not check.CHECKED.exists()
