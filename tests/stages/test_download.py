from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiment.data.known import KNOWN_DATASETS
from experiment.support.errors import InputError
from stages import download
from stages.download import RAW, get_dataset
from tests.conftest import set_parameters, synthetic_arrays


def stopped() -> str:
    """The line with which the stage ends; Python prints it, and the status is 1."""
    with pytest.raises(SystemExit) as exit_:
        download.main()
    return str(exit_.value.code)


def test_own_dataset_is_written_as_the_same_bytes_and_kept_when_the_next_one_is_wrong(
    in_workspace: Path,
) -> None:
    download.main()
    first = RAW.read_bytes()
    np.savez_compressed("data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    download.main()
    assert RAW.read_bytes() == first
    with np.load(RAW) as arrays:
        assert sorted(arrays) == ["x_test", "x_train", "y_test", "y_train"]
    Path("data/own/tiny.npz").write_bytes(b"<html>")
    assert stopped() == (
        "download: data/own/tiny.npz: not a whole .npz file (File is not a zip file);"
        " get or make it again"
    )
    assert RAW.read_bytes() == first
    assert [path.name for path in RAW.parent.iterdir()] == [RAW.name]


def test_missing_own_dataset_is_one_line(in_workspace: Path, tmp_path: Path) -> None:
    set_parameters(in_workspace, data__dataset="data/own/none.npz")
    assert stopped() == (
        "download: data/own/none.npz: no such file; check the path (with `dvc exp run --temp` or"
        " `--queue`, add `--copy-paths data/own/none.npz`, or"
        " `git add --force data/own/none.npz` first)"
    )
    with pytest.raises(InputError, match=r"/none\.npz: no such file; check the path$"):
        get_dataset(f"{tmp_path}/none.npz")


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="Debian's dataset-fashion-mnist is not installed",
)
def test_fashion_mnist_comes_from_debians_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KNOWN_DATASETS["fashion_mnist"]
    local = replace(known, sources=known.sources[-1:])
    monkeypatch.setitem(KNOWN_DATASETS, "fashion_mnist", local)
    monkeypatch.chdir(tmp_path)
    dataset = get_dataset("fashion_mnist")
    assert dataset.x_train.shape == (60_000, 28, 28)
    assert np.bincount(dataset.y_test).tolist() == [1000] * 10
