"""The known data sets: the files in `data/`, their hashes, and what `data.dataset` may be."""

import csv
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from experiment.data.fetch import hash_as_idx
from experiment.data.known import label_of, list_known, read_known
from experiment.support.errors import InputError
from tests.conftest import ROOT

# A second copy: the start of each hash, in the order of the file.
HASHES = {
    "mnist": "ba891046 65a50cbb 0fa7898d ff7bcfd4 731c5ac6 0e3e0a08",
    "fashion_mnist": "c59f468a bad3541b 5b4141f0 0402a96d",
}


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_hashes_labels_and_locations() -> None:
    assert list_known() == sorted(HASHES)
    labels = [label_of(name) for name in (*HASHES, "own/cats.npz")]
    assert labels == ["MNIST", "Fashion-MNIST", "own/cats.npz"]
    for name, expected in HASHES.items():
        known = read_known(name)
        found = [*known.sha256.model_dump().values(), *(each.sha256 for each in known.sources)]
        assert [digest[:8] for digest in found if digest] == expected.split()
        assert list(known.sha256.model_dump()) == ["x_train", "y_train", "x_test", "y_test"]
        assert not any(source.location.startswith("http:") for source in known.sources)
        # A file is compared with a hash, its own or those of its arrays.
        assert all(source.sha256 or source.form == "idx" for source in known.sources)


def test_hashes_are_those_of_others() -> None:
    """Keras' constant, and the labels of the committed predictions."""
    known, spec = read_known("mnist"), importlib.util.find_spec("keras")  # without importing it
    assert spec
    assert spec.origin
    code = Path(spec.origin).with_name("src") / "datasets/mnist.py"
    assert re.findall(r"\b[0-9a-f]{64}\b", code.read_text()) == [known.sources[0].sha256]
    with Path("metrics/dropout.predictions.csv").open(newline="") as file:
        labels = np.array([int(row["label"]) for row in csv.DictReader(file)], np.uint8)
    assert hash_as_idx(labels) == known.sha256.y_test


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label:", "labl:", r"data/bars: labl: there is no such parameter; did you mean label\?"),
        ("x_train: ba", "x_train: b", r"data/bars: sha256.x_train: expected"),
    ],
)
def test_mistake_in_a_file(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("data/mnist").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/bars").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_known("bars")
