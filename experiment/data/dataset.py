"""Images and labels in memory, and how they are divided."""

import math
from dataclasses import dataclass

import numpy as np

from experiment.common.errors import InputError
from experiment.common.splits import Split


@dataclass(frozen=True)
class Dataset:
    """A checked dataset.

    Attributes:
        x_train, x_test: `uint8 (n, h, w)`, grey pixels 0..255.
        y_train, y_test: unsigned `(n,)`, class of each image, 0..classes-1.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def divide(
    dataset: Dataset, *, validation_split: float, train_samples: int | None, seed: int
) -> dict[str, Split]:
    """Divides a dataset into training, validation and test images.

    Validation is the last share of the training images, unshuffled, as Keras' `validation_split`
    takes it: https://keras.io/api/models/model_training_apis/#fit-method

    Args:
        dataset: what to divide.
        validation_split: share of the training images, above 0 and below 1.
        train_samples: number of training images to keep, stratified by class; None keeps all.
        seed: decides which are kept.

    Returns:
        `train`, `validation` and `test`.

    Raises:
        InputError: a part would be empty, or fewer images are there than `train_samples`.
    """
    total = len(dataset.x_train)
    kept = math.floor(total * (1 - validation_split))
    if not 0 < kept < total:
        raise InputError(
            f"preprocess.validation_split: {validation_split} of {total} images leaves"
            f" {kept} to train on and {total - kept} to validate on; expected 1 or more of each"
        )
    chosen = np.arange(kept)
    if train_samples is not None:
        if train_samples > kept:
            raise InputError(
                f"preprocess.train_samples: expected {kept} or fewer (what validation leaves of"
                f" {total}); found {train_samples}; lower it, or null for all"
            )
        chosen = stratified_sample(dataset.y_train[:kept], train_samples, seed=seed)
    classes = int(dataset.y_train.max()) + 1
    parts = {
        "train": (dataset.x_train[chosen], dataset.y_train[chosen]),
        "validation": (dataset.x_train[kept:], dataset.y_train[kept:]),
        "test": (dataset.x_test, dataset.y_test),
    }
    return {name: Split(x[..., np.newaxis], y, classes) for name, (x, y) in parts.items()}


def stratified_sample(labels: np.ndarray, samples: int, *, seed: int) -> np.ndarray:
    """Indices of a random sample that keeps the share of each class.

    Shares are rounded by the largest-remainder method, so that they add up to `samples`; a class
    is off its exact share by less than one image.

    Args:
        labels: unsigned `(n,)`.
        samples: 1..n.
        seed: the same seed chooses the same images.

    Returns:
        `int64 (samples,)`, ascending.
    """
    counts = np.bincount(labels)
    shares = counts * samples / len(labels)
    quotas = np.floor(shares).astype(int)
    largest_remainders = np.argsort(quotas - shares, kind="stable")
    quotas[largest_remainders[: samples - quotas.sum()]] += 1
    random = np.random.default_rng(seed)
    chosen = [
        random.permutation(np.flatnonzero(labels == label))[:quota]
        for label, quota in enumerate(quotas)
    ]
    return np.sort(np.concatenate(chosen))
