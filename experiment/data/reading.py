"""Datasets and their parts, read from files and checked."""

from pathlib import Path

import numpy as np

from experiment.common.errors import InputError
from experiment.common.npz import read_arrays
from experiment.data.dataset import Dataset

NAMES = ("x_train", "y_train", "x_test", "y_test")

# The network's 3x3 convolution and 2x2 pooling leave nothing of a smaller image.
SMALLEST_SIDE = 4


def read_dataset(path: Path) -> Dataset:
    """Reads and checks an own `.npz` with `x_train`, `y_train`, `x_test`, `y_test`.

    Args:
        path: images `(n, h, w)` or `(n, h, w, 1)` of whole numbers 0..255, any numeric dtype;
            labels `(n,)` of whole numbers from 0.

    Raises:
        InputError: as `read_arrays`, or an array is not as above.
    """
    arrays = read_arrays(path, NAMES)
    classes = 0
    checked = {}
    for part in ("train", "test"):
        images = _check_images(arrays[f"x_{part}"], f"{path}: x_{part}")
        labels = _check_labels(arrays[f"y_{part}"], f"{path}: y_{part}")
        if len(images) != len(labels):
            raise InputError(
                f"{path}: expected one label per image; found {len(images)} images in x_{part} and"
                f" {len(labels)} labels in y_{part}; make them equal"
            )
        checked[f"x_{part}"], checked[f"y_{part}"] = images, labels
        classes = max(classes, int(labels.max()) + 1) if part == "train" else classes
    if checked["x_train"].shape[1:] != checked["x_test"].shape[1:]:
        raise InputError(
            f"{path}: expected one image size; found {checked['x_train'].shape[1:]} in x_train and"
            f" {checked['x_test'].shape[1:]} in x_test; make them equal"
        )
    if classes < 2:
        raise InputError(f"{path}: y_train: expected 2 classes or more (0, 1, ...); found only 0")
    if checked["y_test"].max() >= classes:
        raise InputError(
            f"{path}: y_test: expected the labels of y_train, 0 to {classes - 1};"
            f" found {checked['y_test'].max()}; correct or remove those images"
        )
    return Dataset(**checked)


def _check_images(images: np.ndarray, name: str) -> np.ndarray:
    """`uint8 (n, h, w)` with the same values, or InputError."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 or len(images) == 0:
        raise InputError(
            f"{name}: expected grey images (n, h, w) or (n, h, w, 1), n >= 1; found {images.shape}"
        )
    if min(images.shape[1:]) < SMALLEST_SIDE:
        raise InputError(
            f"{name}: expected images of {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels or more;"
            f" found {images.shape[1]} x {images.shape[2]}; enlarge them"
        )
    return _whole_numbers(images, name, np.iinfo(np.uint8).max).astype(np.uint8)


def _check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """The labels as the smallest unsigned type that holds them, or InputError."""
    if labels.ndim != 1:
        raise InputError(f"{name}: expected one label per image (n,); found shape {labels.shape}")
    labels = _whole_numbers(labels, name, np.iinfo(np.uint16).max)
    return labels.astype(np.min_scalar_type(int(labels.max())))


def _whole_numbers(array: np.ndarray, name: str, largest: int) -> np.ndarray:
    if array.dtype.kind not in "uif":
        raise InputError(f"{name}: expected numbers 0..{largest}; found dtype {array.dtype}")
    if array.size == 0:
        raise InputError(f"{name}: expected one value or more; found an empty array")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{name}: expected numbers 0..{largest}; found NaN or infinity; clean it")
    low, high = array.min(), array.max()
    if low < 0 or high > largest:
        raise InputError(f"{name}: expected values 0..{largest}; found {low} to {high}; rescale it")
    if array.dtype.kind == "f" and (array != np.floor(array)).any():
        raise InputError(
            f"{name}: expected whole numbers 0..{largest}; found fractions between {low} and"
            f" {high}; multiply and round (pixels of 0..1 by 255)"
        )
    return array
