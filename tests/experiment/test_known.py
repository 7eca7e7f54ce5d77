"""The known data sets: the files in `data/`, and their hashes."""

import pytest

from experiment.data.known import label_of, list_known, read_known
from tests.conftest import ROOT

# A second copy: the start of each hash, in the order of the file.
HASHES = {
    "mnist": "ba891046 65a50cbb 0fa7898d ff7bcfd4 731c5ac6 0e3e0a08",
    "fashion_mnist": "c59f468a bad3541b 5b4141f0 0402a96d",
}


def test_hashes_labels_and_locations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
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
