import importlib
from pathlib import Path

import pytest

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from stages import check
from tests.conftest import ROOT, set_parameters


def stopped() -> str:
    with pytest.raises(SystemExit) as exit_:
        check.main()
    assert not check.CHECKED.exists()
    return str(exit_.value.code)


def test_right_parameters_leave_the_same_mark(in_workspace: Path) -> None:
    check.main()
    first = check.CHECKED.read_bytes()
    set_parameters(in_workspace, train__epochs=7)
    check.main()
    assert check.CHECKED.read_bytes() == first


@pytest.mark.parametrize(
    ("dataset", "hint"),
    [
        ("bras", " (did you mean bars?)"),
        ("zzz", ""),
        ("own", ""),
        ("raw/images.npz", " (put the file, or a link to it, there)"),
        ("/tmp/tiny.npz", " (put the file, or a link to it, there)"),
        ("own/../tiny.npz", " (put the file, or a link to it, there)"),
        ("data/own/tiny.npz", " (write own/tiny.npz)"),
        ("own/none.npz", " (no such file: data/own/none.npz; see docs/own-data.md)"),
    ],
)
def test_wrong_data_set(dataset: str, hint: str, in_workspace: Path) -> None:
    """One line; the names are those of the files in data/."""
    (in_workspace / "data/bars").touch()
    (in_workspace / "data/params.old").touch()
    set_parameters(in_workspace, data__dataset=dataset, train__epochs=0)
    assert stopped() == (
        "check: params.yaml: data.dataset: expected bars or own/NAME.npz, a file in data/own/"
        f"{hint}; found '{dataset}' (and 1 more)"
    )


def test_processor() -> None:
    """AVX, and AVX2 where the instructions are avx2."""
    params = load_parameters(ROOT / "params.yaml")
    native = params.model_copy(
        update={"train": params.train.model_copy(update={"instructions": "native"})}
    )
    check.check_processor(params, {"AVX": True, "AVX2": True})
    check.check_processor(native, {"AVX": True, "AVX2": False})
    with pytest.raises(InputError, match="instructions: avx2: expected a processor with AVX2"):
        check.check_processor(params, {"AVX": True, "AVX2": False})
    with pytest.raises(InputError, match="processor: expected AVX, without which TensorFlow"):
        check.check_processor(native, {"AVX": False, "AVX2": False})


def test_processor_is_asked(in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    numpy = importlib.import_module("numpy._core._multiarray_umath")
    monkeypatch.setattr(numpy, "__cpu_features__", {"AVX": True, "AVX2": False})
    assert stopped().startswith("check: params.yaml: train.instructions: avx2: expected a proc")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    check.main()
