from pathlib import Path

import numpy as np

from experiment.common.splits import read_split
from stages.preprocess import PROCESSED
from tests.conftest import Run, set_parameters


def test_three_files_with_a_channel_axis_and_bytes(run: Run, workspace: Path) -> None:
    for stage in ("download", "preprocess"):
        assert run(workspace, f"stages.{stage}").returncode == 0
    shapes = {"train": (96, 8, 8, 1), "validation": (24, 8, 8, 1), "test": (30, 8, 8, 1)}
    for name, shape in shapes.items():
        split = read_split(workspace / PROCESSED / f"{name}.npz")
        assert split.images.shape == shape
        assert split.images.dtype == split.labels.dtype == np.uint8
        assert split.classes == 3


def test_too_many_samples_are_one_line_and_keep_the_last_good_files(
    run: Run, workspace: Path
) -> None:
    run(workspace, "stages.download")
    run(workspace, "stages.preprocess")
    before = {path: path.read_bytes() for path in (workspace / PROCESSED).iterdir()}
    set_parameters(workspace, preprocess__train_samples=97)
    done = run(workspace, "stages.preprocess")
    assert done.returncode == 1
    assert done.stderr == (
        "preprocess: preprocess.train_samples: expected 96 or fewer (what validation leaves of"
        " 120); found 97; lower it, or null for all\n"
    )
    assert {path: path.read_bytes() for path in (workspace / PROCESSED).iterdir()} == before


def test_missing_raw_data_is_one_line(run: Run, workspace: Path) -> None:
    done = run(workspace, "stages.preprocess")
    assert done.returncode == 1
    assert done.stderr == "preprocess: data/raw/images.npz: no such file; check the path\n"
