from pathlib import Path

import numpy as np
import pytest

from experiment.splits import read_split
from stages import download, preprocess
from stages.preprocess import PROCESSED, RAW
from tests.conftest import ROOT, set_parameters, synthetic_arrays
from tests.stages.programs import message_of


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
