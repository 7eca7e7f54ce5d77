from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.split import Dataset, divide, stratified_sample
from experiment.splits import Split
from experiment.support.errors import InputError
from tests.conftest import synthetic_arrays


def make_dataset(labels: list[int]) -> Dataset:
    """Each training image has its place in all its pixels, so that a test sees which it is."""
    arrays = synthetic_arrays(len(labels), test=6)
    places = np.arange(len(labels), dtype=np.uint8)
    arrays["x_train"] = np.broadcast_to(places[:, None, None], (len(labels), 8, 8))
    return Dataset(**arrays | {"y_train": np.array(labels, dtype=np.uint8)})


EVEN = make_dataset([0, 1, 2, 0, 1] * 20)
SORTED = make_dataset(sorted([0, 1, 2, 3, 4] * 20))
RARE = make_dataset([0, 1] * 30 + [2])
MANY = make_dataset([*range(10)] * 4 + [*range(10, 20)])


def split(dataset: Dataset, **settings: Any) -> tuple[dict[str, Split], list[int], list[int]]:
    """The parts, and the places of training and validation images; each has its own label."""
    of_pipeline: dict[str, Any] = {
        "validation_split": 0.2, "validation_from": "last", "train_samples": None, "seed": 0,
    }  # fmt: skip
    parts, found = divide(dataset, **of_pipeline | settings), []
    for name in ("train", "validation"):
        images = parts[name].images
        assert (images == images[:, :1, :1]).all()
        found.append([int(place) for place in images[:, 0, 0, 0]])
        assert parts[name].labels.tolist() == dataset.y_train[found[-1]].tolist()
    np.testing.assert_array_equal(parts["test"].images[..., 0], dataset.x_test)
    np.testing.assert_array_equal(parts["test"].labels, dataset.y_test)
    assert {(part.classes, part.images.shape[1:]) for part in parts.values()} == {
        (dataset.y_train.max() + 1, (8, 8, 1))
    }
    return parts, found[0], found[1]


def test_validation_is_the_last_share_unshuffled() -> None:
    parts, train, validation = split(EVEN, validation_split=0.352, train_samples=64, seed=7)
    assert list(parts) == ["train", "validation", "test"]
    assert (train, validation) == ([*range(64)], [*range(64, 100)])


@pytest.mark.parametrize("by", ["shuffled", "stratified"])
def test_drawn_validation_has_each_image_once_and_follows_the_seed(by: str) -> None:
    settings: Any = {"validation_split": 0.3, "validation_from": by}
    first, again, other = (split(SORTED, seed=seed, **settings) for seed in (1, 1, 2))
    assert sorted(first[1] + first[2]) == list(range(100))
    assert first[1:] == again[1:]
    assert first[2] != other[2]
    shares = np.bincount(first[0]["validation"].labels)
    assert shares.sum() == 30
    assert (shares.tolist() == [6] * 5) == (by == "stratified")


@pytest.mark.parametrize("by", ["last", "stratified"])
def test_a_sample_leaves_validation_and_test_whole(by: str) -> None:
    parts, train, validation = split(EVEN, validation_from=by, train_samples=10, seed=3)
    _, all_train, all_validation = split(EVEN, validation_from=by, seed=3)
    assert validation == all_validation
    assert np.bincount(parts["train"].labels).tolist() == [4, 4, 2]
    assert set(train) < set(all_train)
    assert train != split(EVEN, validation_from=by, train_samples=10, seed=4)[1]


@pytest.mark.parametrize(
    ("dataset", "settings", "message"),
    [
        (EVEN, {"validation_split": 0.999}, "found 0 and 100 with 0.999 of 100 images"),
        (EVEN, {"train_samples": 81}, "expected 80 or fewer (what validation leaves of 100); foun"),
        (EVEN, {"train_samples": 2}, "one image or more of each class; found none of class 2 amon"),
        (SORTED, {}, "last leaves no image of class 4 to train on; set it to stratified"),
        (MANY, {}, "of classes 10, 11, 12, ..., 19 to"),
        (RARE, {"validation_from": "shuffled"}, "shuffled leaves no image of class 2 to validate"),
        (RARE, {"validation_from": "stratified"}, "; change preprocess.validation_split, add imag"),
    ],
)
def test_impossible_division(dataset: Dataset, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        split(dataset, **settings)
    assert message in str(error.value)


@settings(deadline=None)  # none that a busy machine keeps
@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.integers(1, 80), st.integers(0, 9))
def test_sample_keeps_shares_within_one_image(labels: list[int], samples: int, seed: int) -> None:
    array = np.array(labels, dtype=np.uint8)
    samples = min(samples, len(array))
    chosen = stratified_sample(array, samples, seed=seed)
    assert len(set(chosen.tolist())) == samples
    assert chosen.tolist() == sorted(chosen.tolist())
    shares = np.bincount(array, minlength=7) * (samples / len(array))
    assert (abs(np.bincount(array[chosen], minlength=7) - shares) < 1).all()
