import subprocess
from pathlib import Path

import numpy as np
import pytest

from experiment.common.splits import read_split
from stages.preprocess import PROCESSED
from tests.conftest import Run, set_parameters, synthetic_arrays


@pytest.mark.parametrize(
    ("parameters", "train", "validation"),
    [
        ({}, range(96), range(96, 120)),
        (
            {"train__seed": 3, "preprocess__validation_split": 0.35},
            range(78),
            range(78, 120),
        ),
    ],
)
def test_each_part_has_its_images_with_their_labels(
    parameters: dict[str, object], train: range, validation: range, run: Run, workspace: Path
) -> None:
    set_parameters(workspace, **parameters)
    done = preprocess(run, workspace)
    assert (done.returncode, done.stderr) == (0, "")
    own = synthetic_arrays()
    for name, source, chosen in (
        ("train", "train", train), ("validation", "train", validation), ("test", "test", range(30)),
    ):  # fmt: skip
        split = read_split(workspace / PROCESSED / f"{name}.npz")
        np.testing.assert_array_equal(split.images[..., 0], own[f"x_{source}"][chosen])
        np.testing.assert_array_equal(split.labels, own[f"y_{source}"][chosen])
        assert split.images.shape == (len(chosen), 8, 8, 1)
        assert split.images.dtype == split.labels.dtype == np.uint8
        assert split.classes == 3


@pytest.mark.parametrize("samples", [None, 30])
def test_drawn_images_follow_the_seed_and_keep_their_labels(
    samples: int | None, run: Run, workspace: Path
) -> None:
    own = synthetic_arrays()
    label_of = {
        image.tobytes(): label for image, label in zip(own["x_train"], own["y_train"], strict=True)
    }
    set_parameters(
        workspace,
        preprocess__validation_from="stratified",
        preprocess__validation_split=0.25,
        preprocess__train_samples=samples,
    )
    drawn = []
    for seed in (1, 2):
        set_parameters(workspace, train__seed=seed)
        assert preprocess(run, workspace).returncode == 0
        parts = {
            name: read_split(workspace / PROCESSED / f"{name}.npz")
            for name in ("train", "validation")
        }
        for part in parts.values():
            assert part.labels.tolist() == [label_of[image.tobytes()] for image in part.images]
        assert np.bincount(parts["validation"].labels).tolist() == [10, 10, 10]
        assert len(parts["train"].labels) == (samples or 90)
        drawn.append({name: part.images.tobytes() for name, part in parts.items()})
    assert drawn[0]["train"] != drawn[1]["train"]
    assert drawn[0]["validation"] != drawn[1]["validation"]


def test_images_sorted_by_class_are_refused_until_they_are_drawn(run: Run, workspace: Path) -> None:
    arrays = synthetic_arrays()
    order = np.argsort(arrays["y_train"], kind="stable")
    arrays |= {name: arrays[name][order] for name in ("x_train", "y_train")}
    np.savez(workspace / "data/own/tiny.npz", **arrays)  # type: ignore[arg-type]
    done = preprocess(run, workspace)
    assert (done.returncode, done.stderr) == (
        1,
        "preprocess: preprocess.validation_from: last leaves no image of classes 0 and 1 to"
        " validate on (are the images sorted by class?); set it to stratified\n",
    )
    assert not (workspace / PROCESSED).exists()
    set_parameters(workspace, preprocess__validation_from="stratified")
    done = preprocess(run, workspace)
    assert (done.returncode, done.stderr) == (0, "")


def test_doubts_are_said_and_do_not_stop(run: Run, workspace: Path) -> None:
    arrays = synthetic_arrays()
    arrays["x_test"][:3] = arrays["x_train"][:3]
    np.savez(workspace / "data/own/tiny.npz", **arrays)  # type: ignore[arg-type]
    done = preprocess(run, workspace)
    assert (done.returncode, done.stderr) == (
        0,
        "preprocess: warning: test: 10.0% of the images are training images, too; accuracy there"
        " counts images that were trained on\n",
    )


def test_too_many_samples_are_one_line_and_keep_the_last_good_files(
    run: Run, workspace: Path
) -> None:
    preprocess(run, workspace)
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


def preprocess(run: Run, workspace: Path) -> "subprocess.CompletedProcess[str]":
    assert run(workspace, "stages.download").returncode == 0
    return run(workspace, "stages.preprocess")
