"""Images and labels in memory: read with care, checked, divided."""

import errno
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from experiment.errors import InputError

NAMES = ("x_train", "y_train", "x_test", "y_test")

# The network's 3x3 convolution and 2x2 pooling leave nothing of a smaller image.
SMALLEST_SIDE = 4

# A compressed file of a few kilobytes can declare terabytes; more than this is not opened.
LARGEST_CONTENT = 8 * 2**30


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


@dataclass(frozen=True)
class Split:
    """The images of one purpose (training, validation or test).

    Attributes:
        images: `uint8 (n, h, w, 1)`, 0..255.
        labels: unsigned `(n,)`, 0..classes-1.
        classes: number of classes of the whole dataset, 2 or more.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int


def read_arrays(
    path: Path, names: tuple[str, ...], largest: int = LARGEST_CONTENT
) -> dict[str, np.ndarray]:
    """Reads arrays of an `.npz` that nobody vouches for: no pickle, nothing larger than it says.

    Args:
        path: the file.
        names: arrays that must be there; others are not read.
        largest: bytes that the arrays may take in memory, all together.

    Raises:
        InputError: the file is missing, damaged, too large, lacks an array, or holds objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
            missing = [name for name in names if name not in members]
            if missing:
                raise InputError(
                    f"{path}: expected the arrays {', '.join(names)}; {missing[0]} is missing,"
                    f" found {', '.join(sorted(members)) or 'none'}"
                )
            if sum(members[name].file_size for name in names) > largest:
                raise InputError(
                    f"{path}: expected at most {largest / 2**20:,.0f} MiB of arrays, found more;"
                    " make the dataset smaller"
                )
            return {name: _read_member(archive, members[name], path) for name in names}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected an .npz file, found a folder; check the path") from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: not a whole .npz file ({reason}); get or make it again"
        ) from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a damaged directory sends zipfile before the start
            raise
        raise InputError(f"{path}: not a whole .npz file; get or make it again") from None
    except RuntimeError as error:  # what zipfile raises for an encrypted member
        raise InputError(f"{path}: cannot be opened ({error}); save it without") from None


# What zipfile and NumPy raise for content that is not what it should be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    with archive.open(info) as member:
        shape, dtype, start = _read_header(member)
        if dtype.hasobject:
            raise InputError(
                f"{path}: {info.filename.removesuffix('.npy')}: expected numbers, found an object"
                " array, which could run code; save it with a numeric dtype"
            )
        # Checked before memory is asked for: the header may declare what the file does not hold.
        if math.prod(shape) * dtype.itemsize != info.file_size - start:
            raise ValueError(f"{info.filename} is not as long as it says")
    with archive.open(info) as member:
        return npy.read_array(member, allow_pickle=False)


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, int]:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    return shape, dtype, member.tell()


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


def read_split(path: Path) -> Split:
    """Reads what the stage `preprocess` wrote.

    Raises:
        InputError: as `read_arrays`.
    """
    arrays = read_arrays(path, ("images", "labels", "classes"))
    return Split(arrays["images"], arrays["labels"], int(arrays["classes"]))


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
