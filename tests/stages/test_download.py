from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiment.common.errors import InputError
from experiment.data.known import KNOWN_DATASETS
from stages.download import RAW, get_dataset
from tests.conftest import Run, set_parameters, synthetic_arrays


def test_own_dataset_is_written_as_the_same_bytes(run: Run, workspace: Path) -> None:
    assert run(workspace, "stages.download").returncode == 0
    first = (workspace / RAW).read_bytes()
    np.savez_compressed(workspace / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    assert run(workspace, "stages.download").returncode == 0
    assert (workspace / RAW).read_bytes() == first
    with np.load(workspace / RAW) as arrays:
        assert sorted(arrays) == ["x_test", "x_train", "y_test", "y_train"]


def test_wrong_own_dataset_is_one_line_and_keeps_the_last_good_one(
    run: Run, workspace: Path
) -> None:
    run(workspace, "stages.download")
    before = (workspace / RAW).read_bytes()
    (workspace / "data/own/tiny.npz").write_bytes(b"<html>")
    done = run(workspace, "stages.download")
    assert done.returncode == 1
    assert done.stderr == (
        "download: data/own/tiny.npz: not a whole .npz file (File is not a zip file);"
        " get or make it again\n"
    )
    assert (workspace / RAW).read_bytes() == before
    assert [path.name for path in (workspace / RAW).parent.iterdir()] == [RAW.name]


def test_missing_own_dataset_is_one_line(run: Run, workspace: Path) -> None:
    set_parameters(workspace, data__dataset="data/own/none.npz")
    done = run(workspace, "stages.download")
    assert done.returncode == 1
    assert done.stderr == (
        "download: data/own/none.npz: no such file; check the path (with `dvc exp run --temp` or"
        " `--queue`, add `--copy-paths data/own/none.npz`, or"
        " `git add --force data/own/none.npz` first)\n"
    )


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


def test_unknown_name_is_a_path(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        get_dataset(f"{tmp_path}/none.npz")
    assert str(error.value) == f"{tmp_path}/none.npz: no such file; check the path"
