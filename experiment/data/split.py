"""Images and labels in memory, and how they are divided."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from experiment.parameters import ValidationFrom
from experiment.splits import Split
from experiment.support.errors import InputError, wrong

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Dataset:
    """Images `uint8 (n, h, w)`, grey 0..255, and their classes, unsigned `(n,)`, 0..classes-1.

    `names` are those of the classes, `str (classes,)`; empty where they have none.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    names: np.ndarray = field(default_factory=lambda: np.empty(0, str))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a file holds: the four arrays, and `names` if there are any."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return arrays | ({"names": self.names} if self.names.size else {})


def divide(
    dataset: Dataset,
    *,
    validation_split: float,
    validation_from: ValidationFrom,
    train_samples: int | None,
    seed: int,
) -> dict[str, Split]:
    """Divide a data set into `train`, `validation` and `test`.

    Validation takes the share `validation_split`, in (0, 1), of the training images: the `last`, as
    Keras does (https://keras.io/api/models/model_training_apis/#fit-method); `shuffled`, drawn from
    all; or `stratified`, the same share of each class. `train_samples` of the rest are trained on,
    the same share of each class, or all if None. `seed` decides which are drawn. InputError is
    raised if a part would be empty or lack a class, or if fewer images are there.
    """
    labels, total = dataset.y_train, len(dataset.y_train)
    kept = math.floor(total * (1 - validation_split))
    if not 0 < kept < total:
        found = f"{kept} and {total - kept} with {validation_split} of {total} images"
        expected = "1 image or more to train on and to validate on"
        raise wrong("preprocess.validation_split", expected, found, "change it")
    train = np.arange(kept)
    if validation_from == "shuffled":
        train = np.sort(np.random.default_rng([seed, 1]).permutation(total)[:kept])
    elif validation_from == "stratified":
        train = stratified_sample(labels, kept, seed=[seed, 1])
    validation = np.setdiff1d(np.arange(total), train)
    for purpose, part in (("train on", train), ("validate on", validation)):
        missing = np.setdiff1d(labels, labels[part])
        if missing.size:
            remedy = "set it to stratified (are the images sorted by class?)"
            if validation_from == "stratified":
                remedy = "change preprocess.validation_split, add images or leave the class out"
            raise InputError(
                f"preprocess.validation_from: {validation_from} leaves no image of"
                f" {format_classes(missing, dataset.names)} to {purpose}; {remedy}"
            )
    if train_samples is not None:
        what = "preprocess.train_samples"
        if train_samples > len(train):
            expected = f"{len(train)} or fewer (what validation leaves of {total})"
            raise wrong(what, expected, train_samples, "lower it, or null for all")
        train = train[stratified_sample(labels[train], train_samples, seed=seed)]
        missing = np.setdiff1d(labels, labels[train])
        if missing.size:
            found = f"none of {format_classes(missing, dataset.names)} among {train_samples}"
            raise wrong(what, "one image or more of each class", found, "raise it")
    parts = {
        "train": (dataset.x_train[train], labels[train]),
        "validation": (dataset.x_train[validation], labels[validation]),
        "test": (dataset.x_test, dataset.y_test),
    }
    classes = int(labels.max()) + 1
    return {name: Split(x[..., np.newaxis], y, classes) for name, (x, y) in parts.items()}


def format_classes(classes: np.ndarray, names: Sequence[str] | np.ndarray = ()) -> str:
    """Return `class 3 (sandal)`, or `classes 0, 1, 2, ..., 9` where they have no names."""
    each = [f"{place} ({names[place]})" if len(names) else str(place) for place in classes.tolist()]
    return f"{'class' if len(each) == 1 else 'classes'} {shorten(each)}"


def shorten(values: Iterable[object]) -> str:
    """Return all of a few values, else the first three and the last."""
    names = [str(value) for value in values]
    return ", ".join(names if len(names) <= 5 else [*names[:3], "...", names[-1]])


def stratified_sample(labels: np.ndarray, samples: int, *, seed: int | list[int]) -> np.ndarray:
    """Draw `samples` of unsigned labels `(n,)`; return their places, `int64`, ascending.

    Each class keeps its share, rounded by the largest-remainder method: the shares add up to
    `samples`, and a class is off its exact share by less than one image.
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
