"""Reads an own dataset; what would stop the training or mislead is refused, with the remedy."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiment.data.dataset import Dataset
from experiment.data.images import check_images
from experiment.data.labels import check_classes, check_labels
from experiment.npz import read_arrays
from experiment.support.errors import InputError, wrong

NAMES = ("x_train", "y_train", "x_test", "y_test")


def read_dataset(path: Path) -> Dataset:
    """Reads and checks an own `.npz` with `x_train`, `y_train`, `x_test`, `y_test`.

    Args:
        path: images `(n, h, w)` or `(n, h, w, 1)` of whole numbers 0..255, any numeric dtype;
            labels `(n,)`, whole numbers 0, 1, 2, ... without gaps, the same in both parts.

    Raises:
        InputError: as `read_arrays`, or an array is not as above.
    """
    arrays = read_arrays(path, NAMES)
    try:
        return _checked(arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _checked(arrays: Mapping[str, np.ndarray]) -> Dataset:
    checked = {}
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        if arrays[x].ndim < 2 < arrays[y].ndim:
            found = f"shape {arrays[x].shape}, and images in {y}"
            raise wrong(x, "images (n, h, w)", found, f"swap them: {x}, {y} = {y}, {x}")
        checked[y] = check_labels(arrays[y], y)
        checked[x] = check_images(arrays[x], x, expected=len(checked[y]))
        images, labels = len(checked[x]), len(checked[y])
        if images != labels:
            found = f"{images} images in {x} and {labels} labels in {y}"
            raise wrong(y, "one label per image", found, "make them equal")
    train, test = (checked[x].shape[1:] for x in ("x_train", "x_test"))
    if train != test:
        raise wrong("x_test", f"the image size of x_train, {train}", test, "make them equal")
    check_classes(checked["y_train"], checked["y_test"])
    for y in ("y_train", "y_test"):
        checked[y] = checked[y].astype(np.min_scalar_type(int(checked[y].max())))
    return Dataset(**checked)
