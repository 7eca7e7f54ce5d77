import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.common.errors import InputError
from experiment.common.parameters import ValidationFrom
from experiment.common.splits import Split
from experiment.data.dataset import Dataset, divide, stratified_sample
from tests.conftest import synthetic_arrays


def dataset_of(labels: list[int], test: int = 6) -> Dataset:
    """Each training image has its place in all its pixels, so that a test sees which it is."""
    arrays = synthetic_arrays(len(labels), test)
    places = np.arange(len(labels), dtype=np.uint8)
    arrays["x_train"] = np.broadcast_to(places[:, None, None], (len(labels), 8, 8))
    return Dataset(**arrays | {"y_train": np.array(labels, dtype=np.uint8)})


EVEN = dataset_of([0, 1, 2, 0, 1] * 20)
SORTED = dataset_of(sorted([0, 1, 2, 3, 4] * 20))


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


@pytest.mark.parametrize(("share", "kept"), [(0.2, 80), (0.35, 65), (0.75, 25)])
@pytest.mark.parametrize("seed", [0, 7])
def test_validation_is_the_last_share_unshuffled(share: float, kept: int, seed: int) -> None:
    parts = parts_of(share=share, seed=seed)
    assert list(parts) == ["train", "validation", "test"]
    assert places(parts["train"]) == list(range(kept))
    assert places(parts["validation"]) == list(range(kept, 100))
    assert_paired(parts, EVEN)
    assert {split.classes for split in parts.values()} == {3}
    assert {split.images.shape[1:] for split in parts.values()} == {(8, 8, 1)}


@pytest.mark.parametrize("by", ["shuffled", "stratified"])
def test_drawn_validation_has_each_image_once_and_follows_the_seed(by: ValidationFrom) -> None:
    first, again, other = (parts_of(SORTED, share=0.3, by=by, seed=seed) for seed in (1, 1, 2))
    assert sorted(places(first["train"]) + places(first["validation"])) == list(range(100))
    assert len(places(first["validation"])) == 30
    assert_paired(first, SORTED)
    assert places(first["validation"]) == places(again["validation"])
    assert places(first["validation"]) != places(other["validation"])


def test_stratified_validation_takes_the_same_share_of_each_class() -> None:
    uneven = dataset_of([0] * 50 + [1] * 30 + [2] * 20)
    parts = parts_of(uneven, by="stratified", share=0.3, seed=5)
    assert np.bincount(parts["validation"].labels).tolist() == [15, 9, 6]
    assert np.bincount(parts["train"].labels).tolist() == [35, 21, 14]


@pytest.mark.parametrize("by", ["last", "stratified"])
def test_a_sample_leaves_validation_and_test_whole(by: ValidationFrom) -> None:
    parts, whole = parts_of(by=by, samples=10, seed=3), parts_of(by=by, seed=3)
    assert places(parts["validation"]) == places(whole["validation"])
    assert np.bincount(parts["train"].labels).tolist() == [4, 4, 2]
    assert set(places(parts["train"])) < set(places(whole["train"]))
    assert_paired(parts, EVEN)


@pytest.mark.parametrize(
    ("share", "samples", "message"),
    [
        (0.999, None, "leaves 0 to train on"),
        (1e-9, 200, "validation_from: last leaves no image of classes 0, 2 to validate on"),
        (0.2, 81, "expected 80 or fewer (what validation leaves of 100); found 81"),
        (0.2, 2, "expected one image or more of each class; found none of class 2 among 2; raise"),
    ],
)
def test_impossible_division_is_refused(share: float, samples: int | None, message: str) -> None:
    with pytest.raises(InputError) as error:
        parts_of(share=share, samples=samples)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("labels", "by", "message"),
    [
        (sorted([0, 1, 2, 3, 4] * 20), "last", "last leaves no image of class 4 to train on"),
        (sorted([0, 1, 2] * 33), "last", "leaves no image of classes 0, 1 to validate on"),
        ([*range(10)] * 4 + [*range(10, 20)], "last", "of classes 10, 11, 12, ..., 19 to train on"),
        ([0, 1] * 30 + [2] + [0, 1] * 10, "last", "no image of class 2 to validate on"),
        ([0, 1] * 30 + [2], "shuffled", "shuffled leaves no image of class 2 to "),
        ([0, 1] * 30 + [2], "stratified", "stratified leaves no image of class 2 to "),
    ],
)
def test_class_that_a_part_lacks_is_named(
    labels: list[int], by: ValidationFrom, message: str
) -> None:
    with pytest.raises(InputError) as error:
        parts_of(dataset_of(labels), by=by)
    assert message in str(error.value)
    remedy = "add more or leave the class out" if by == "stratified" else "set it to stratified"
    assert remedy in str(error.value)


def test_images_sorted_by_class_can_be_divided_by_drawing() -> None:
    for by in ("shuffled", "stratified"):
        assert set(parts_of(SORTED, by=by)["validation"].labels) == {0, 1, 2, 3, 4}


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


def test_seed_decides_the_sample() -> None:
    labels = np.arange(100) % 10
    first, again, other = (stratified_sample(labels, 20, seed=seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
