"""The stages before the trainings: `check`, `download` and `preprocess`."""

from pathlib import Path

import numpy as np
import pytest

from experiment.splits import read_split
from stages import check, download, preprocess
from stages.preprocess import PROCESSED, RAW
from tests.conftest import ROOT, message_of, set_parameters, synthetic_arrays, write_known


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
    """The names are the file names in data/."""
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
    found = {name: name in features for name in ("AVX", "AVX2")}
    monkeypatch.setattr("numpy._core._multiarray_umath.__cpu_features__", found)
    monkeypatch.setattr("platform.machine", lambda: machine)
    if message:
        assert message_of(check.main).startswith(f"check: {message}")
    else:
        check.main()
        assert check.CHECKED.read_text() == "params.yaml was right when this was written\n"


def test_own_data(in_workspace: Path) -> None:
    """The same arrays are the same bytes; a file that is wrong costs nothing of the last good."""
    download.main()
    first = RAW.read_bytes()
    np.savez_compressed("data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    download.main()
    assert RAW.read_bytes() == first
    Path("data/own/tiny.npz").write_bytes(b"<html>")
    assert message_of(download.main).startswith("download: data/own/tiny.npz: expected a whole")
    assert {path: path.read_bytes() for path in RAW.parent.iterdir()} == {RAW: first}


def test_known_data_set_is_one_new_file(
    in_workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its names of classes reach the raw data, from which messages and `evaluate` take them.

    What is there already needs no other source.
    """
    original = synthetic_arrays(seed=4)
    write_known(in_workspace / "data/bars", original)
    set_parameters(in_workspace, data__dataset="bars")
    check.main()
    for source in ("here", "the file in place"):
        download.main()
        assert capsys.readouterr().err == f"download: bars from {source}, verified\n"
    with np.load(RAW) as arrays:
        assert arrays["names"].tolist() == ["a", "b", "c"]
        for name, array in original.items():
            np.testing.assert_array_equal(arrays[name], array)


def test_parts_follow_the_parameters_and_images_keep_their_labels(in_workspace: Path) -> None:
    own = synthetic_arrays()
    label_of = dict(zip(map(np.ndarray.tobytes, own["x_train"]), own["y_train"], strict=True))
    drawn = {"validation_from": "stratified", "validation_split": 0.25, "train_samples": 30}
    set_parameters(in_workspace, **{f"preprocess__{name}": drawn[name] for name in drawn})
    download.main()
    found = []
    for seed in (1, 2):
        set_parameters(in_workspace, train__seed=seed)
        preprocess.main()
        found.append({path.stem: read_split(path) for path in PROCESSED.iterdir()})
    for name in ("train", "validation"):
        part = found[0][name]
        assert part.labels.tolist() == [label_of[image.tobytes()] for image in part.images]
        assert np.bincount(part.labels).tolist() == [10, 10, 10]
        assert part.images.tobytes() != found[1][name].images.tobytes()
    for part in found[0].values():
        assert (part.images.shape, part.classes) == ((30, 8, 8, 1), 3)
        assert part.images.dtype == part.labels.dtype == np.uint8
    np.testing.assert_array_equal(found[0]["test"].images[..., 0], own["x_test"])


def test_doubts_names_and_damage(in_workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Doubts are printed, messages name the classes as the data do, and flipped bits are seen."""
    arrays = synthetic_arrays()
    arrays["x_test"][:3] = arrays["x_train"][:3]
    np.savez("data/own/tiny.npz", **arrays, names=["cat", "dog", "hen"])  # type: ignore[arg-type]
    download.main()
    preprocess.main()
    assert capsys.readouterr().err.startswith("preprocess: warning: test: 10.0% of the images are")
    set_parameters(in_workspace, preprocess__train_samples=2)
    assert "of class 2 (hen) among 2; raise it" in message_of(preprocess.main)
    damaged = bytearray(RAW.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    RAW.write_bytes(damaged)
    page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    assert f"`{message_of(preprocess.main)}`" in page
