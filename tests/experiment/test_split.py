from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.data.split import Dataset, divide, stratified_sample
from experiment.parameters import ValidationFrom
from experiment.splits import Split
from experiment.support.errors import InputError
from tests.conftest import synthetic_arrays


def dataset_of(labels: list[int], test: int = 6) -> Dataset:
    """Each training image has its place in all its pixels, so that a test sees which it is."""
    arrays = synthetic_arrays(len(labels), test)
    places = np.arange(len(labels), dtype=np.uint8)
    arrays["x_train"] = np.broadcast_to(places[:, None, None], (len(labels), 8, 8))
    return Dataset(**arrays | {"y_train": np.array(labels, dtype=np.uint8)})


EVEN = dataset_of([0, 1, 2, 0, 1] * 20)
SORTED = dataset_of(sorted([0, 1, 2, 3, 4] * 20))
RARE = dataset_of([0, 1] * 30 + [2])


def parts_of(
    dataset: Dataset = EVEN,
    share: float = 0.2,
    by: ValidationFrom = "last",
    samples: int | None = None,
    seed: int = 0,
) -> dict[str, Split]:
    return divide(
        dataset, validation_split=share, validation_from=by, train_samples=samples, seed=seed
    )


def places(split: Split) -> list[int]:
    """Which training images are in a part; all pixels of each agree."""
    assert (split.images == split.images[:, :1, :1]).all()
    return [int(place) for place in split.images[:, 0, 0, 0]]


def assert_paired(parts: dict[str, Split], dataset: Dataset) -> None:
    for name in ("train", "validation"):
        assert parts[name].labels.tolist() == dataset.y_train[places(parts[name])].tolist()
    np.testing.assert_array_equal(parts["test"].images[..., 0], dataset.x_test)
    np.testing.assert_array_equal(parts["test"].labels, dataset.y_test)


@pytest.mark.parametrize(("share", "kept", "seed"), [(0.2, 80, 0), (0.35, 65, 7)])
def test_validation_is_the_last_share_unshuffled(share: float, kept: int, seed: int) -> None:
    parts = parts_of(share=share, seed=seed)
    assert list(parts) == ["train", "validation", "test"]
    assert places(parts["train"]) == list(range(kept))
    assert places(parts["validation"]) == list(range(kept, 100))
    assert_paired(parts, EVEN)
    assert {(split.classes, split.images.shape[1:]) for split in parts.values()} == {(3, (8, 8, 1))}


@pytest.mark.parametrize("by", ["shuffled", "stratified"])
def test_drawn_validation_has_each_image_once_and_follows_the_seed(by: ValidationFrom) -> None:
    first, again, other = (parts_of(SORTED, share=0.3, by=by, seed=seed) for seed in (1, 1, 2))
    assert sorted(places(first["train"]) + places(first["validation"])) == list(range(100))
    assert len(places(first["validation"])) == 30
    assert_paired(first, SORTED)
    assert places(first["validation"]) == places(again["validation"])
    assert places(first["validation"]) != places(other["validation"])
    shares = np.bincount(first["validation"].labels).tolist()
    assert (shares == [6] * 5) == (by == "stratified")


@pytest.mark.parametrize("by", ["last", "stratified"])
def test_a_sample_leaves_validation_and_test_whole(by: ValidationFrom) -> None:
    parts, whole = parts_of(by=by, samples=10, seed=3), parts_of(by=by, seed=3)
    assert places(parts["validation"]) == places(whole["validation"])
    assert np.bincount(parts["train"].labels).tolist() == [4, 4, 2]
    assert set(places(parts["train"])) < set(places(whole["train"]))
    assert_paired(parts, EVEN)


@pytest.mark.parametrize(
    ("dataset", "asked", "message"),
    [
        (EVEN, {"share": 0.999}, "found 0 and 100 with 0.999 of 100 images"),
        (EVEN, {"samples": 81}, "expected 80 or fewer (what validation leaves of 100); found 81"),
        (EVEN, {"samples": 2}, "image or more of each class; found none of class 2 among 2; raise"),
        (SORTED, {}, "last leaves no image of class 4 to train on; set it to stratified"),
        (dataset_of(sorted([0, 1, 2] * 33)), {}, "of classes 0, 1 to validate on"),
        (dataset_of([*range(10)] * 4 + [*range(10, 20)]), {}, "of classes 10, 11, 12, ..., 19 to"),
        (RARE, {"by": "shuffled"}, "shuffled leaves no image of class 2 to "),
        (RARE, {"by": "stratified"}, "; change preprocess.validation_split, add images or leave"),
    ],
)
def test_impossible_division_is_refused(
    dataset: Dataset, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        parts_of(dataset, **asked)
    assert message in str(error.value)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.integers(1, 80), st.integers(0, 9))
def test_sample_keeps_shares_within_one_image(labels: list[int], samples: int, seed: int) -> None:
    array = np.array(labels, dtype=np.uint8)
    samples = min(samples, len(array))
    chosen = stratified_sample(array, samples, seed=seed)
    assert len(set(chosen.tolist())) == samples
    assert chosen.tolist() == sorted(chosen.tolist())
    off = np.bincount(array[chosen], minlength=7) - np.bincount(array, minlength=7) * (
        samples / len(array)
    )
    assert (abs(off) < 1).all()
