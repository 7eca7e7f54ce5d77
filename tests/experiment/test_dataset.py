import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.common.errors import InputError
from experiment.data.dataset import Dataset, divide, stratified_sample
from tests.conftest import synthetic_arrays


def dataset_of(train: int, test: int = 5) -> Dataset:
    return Dataset(**synthetic_arrays(train, test))


def test_validation_is_the_last_share_unshuffled() -> None:
    dataset = dataset_of(100)
    parts = divide(dataset, validation_split=0.2, train_samples=None, seed=0)
    assert {name: split.images.shape for name, split in parts.items()} == {
        "train": (80, 8, 8, 1),
        "validation": (20, 8, 8, 1),
        "test": (5, 8, 8, 1),
    }
    np.testing.assert_array_equal(parts["train"].images[..., 0], dataset.x_train[:80])
    np.testing.assert_array_equal(parts["validation"].images[..., 0], dataset.x_train[80:])
    np.testing.assert_array_equal(parts["validation"].labels, dataset.y_train[80:])
    np.testing.assert_array_equal(parts["test"].labels, dataset.y_test)
    assert {split.classes for split in parts.values()} == {3}


def test_a_sample_leaves_validation_and_test_whole() -> None:
    parts = divide(dataset_of(100), validation_split=0.2, train_samples=9, seed=0)
    assert [len(split.labels) for split in parts.values()] == [9, 20, 5]
    assert np.bincount(parts["train"].labels).tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("split", "samples", "message"),
    [
        (0.999, None, "leaves 0 to train on"),
        (1e-9, 200, "expected 99 or fewer"),
        (0.2, 81, "expected 80 or fewer (what validation leaves of 100); found 81"),
    ],
)
def test_impossible_division_is_refused(split: float, samples: int | None, message: str) -> None:
    with pytest.raises(InputError) as error:
        divide(dataset_of(100), validation_split=split, train_samples=samples, seed=0)
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


def test_seed_decides_the_sample() -> None:
    labels = np.arange(100) % 10
    first, again, other = (stratified_sample(labels, 20, seed=seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
