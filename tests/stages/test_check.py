import importlib
from pathlib import Path

import pytest

from stages import check
from tests.conftest import set_parameters
from tests.stages.programs import message_of


@pytest.mark.parametrize(
    ("dataset", "hint"),
    [
        ("bras", "did you mean bars?"),
        ("/tmp/tiny.npz", "see docs/own-data.md"),
        ("own/../own/tiny.npz", "see docs/own-data.md"),
        ("own/tiny.txt", "see docs/own-data.md"),
        ("own/no.npz", "no such file: data/own/no.npz; see docs/own-data.md"),
    ],
)
def test_wrong_data_set(dataset: str, hint: str, in_workspace: Path) -> None:
    """The names are those of the files in data/."""
    (in_workspace / "data/bars").touch()
    (in_workspace / "data/params.old").touch()
    set_parameters(in_workspace, data__dataset=dataset, train__epochs=0)
    assert message_of(check.main) == (
        "check: params.yaml: data.dataset: expected bars or own/NAME.npz, a file in data/own/"
        f" ({hint}); found '{dataset}' (and 1 more)"
    )
    assert not check.CHECKED.exists()


@pytest.mark.parametrize(
    ("machine", "instructions", "features", "message"),
    [
        ("x86_64", "avx2", ["AVX", "AVX2"], None),
        ("x86_64", "native", ["AVX"], None),
        ("arm64", "avx2", [], None),
        ("AMD64", "avx2", ["AVX"], "params.yaml: train.instructions: avx2: expected a processor"),
        ("x86_64", "native", [], "processor: expected AVX, without which TensorFlow dies"),
    ],
)
def test_processor(
    machine: str, instructions: str, features: list[str], message: str | None,
    in_workspace: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """AVX, and AVX2 where the instructions are avx2; the mark is the same for all parameters."""
    set_parameters(in_workspace, train__instructions=instructions)
    numpy = importlib.import_module("numpy._core._multiarray_umath")
    found = {name: name in features for name in ("AVX", "AVX2")}
    monkeypatch.setattr(numpy, "__cpu_features__", found)
    monkeypatch.setattr("platform.machine", lambda: machine)
    if message:
        assert message_of(check.main).startswith(f"check: {message}")
    else:
        check.main()
        assert check.CHECKED.read_text() == "params.yaml was right when this was written\n"
