"""Own data: taken as it is, or refused with what to do, since it would stop or mislead a training.

The commonest remedies are a line of NumPy here; `docs/own-data.md` has the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from experiment.data.split import ARRAYS, Dataset, format_classes, shorten
from experiment.npz import read_arrays
from experiment.splits import Split
from experiment.support.errors import InputError, wrong

# The network's 3x3 convolution and 2x2 pooling leave nothing of a smaller image.
SMALLEST_SIDE = 4

# Pixels of fewer grey levels are of another scale: 0..1, or 0..16 as scikit-learn's digits.
FEWEST_LEVELS = 17

# Share of the images of a part from which it is said that they are training images.
REPEATED = 0.01

TABLE = "see docs/own-data.md"


def read_dataset(path: Path) -> Dataset:
    """Read and check an own `.npz` with the arrays of `Dataset`, or raise InputError.

    The images may be `(n, h, w, 1)`, too, and all numbers of any type. The classes are those of the
    labels: 0, 1, 2, ... without gaps, in both parts the same.
    """
    arrays = read_arrays(path, ARRAYS, optional=("names",))
    try:
        return check_arrays(arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def check_arrays(arrays: Mapping[str, np.ndarray]) -> Dataset:
    """Return arrays as a data set with the same values, or raise InputError."""
    checked = {}
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        found = f"shape {arrays[x].shape}, and images in {y}"
        swapped = arrays[x].ndim < 2 < arrays[y].ndim
        require(not swapped, x, "images (n, h, w)", found, f"swap {x} and {y}")
        checked[y] = check_labels(arrays[y], y)
        checked[x] = check_images(arrays[x], x, expected=len(checked[y]))
        images, labels = len(checked[x]), len(checked[y])
        found = f"{images} images in {x} and {labels} labels in {y}"
        require(images == labels, y, "one label per image", found, "make them equal")
    train, test = (checked[x].shape[1:] for x in ("x_train", "x_test"))
    expected = f"the image size of x_train, {train}"
    require(train == test, "x_test", expected, test, "make them equal")
    names = arrays.get("names", np.empty(0)).ravel().astype(str)
    check_classes(checked["y_train"], checked["y_test"], names)
    for y in ("y_train", "y_test"):
        checked[y] = checked[y].astype(np.min_scalar_type(int(checked[y].max())))
    return Dataset(**checked, names=names)


def require(right: object, what: str, expected: str, found: object, remedy: str) -> None:
    """Raise InputError where something is not right."""
    if not right:
        raise wrong(what, expected, found, remedy)


def check_images(images: np.ndarray, name: str, expected: int) -> np.ndarray:
    """Return images as `uint8 (n, h, w)`; `expected` is their number, if the axes are in order."""
    numeric, pixels = images.dtype.kind in "uif", "whole numbers 0..255"
    require(numeric, name, pixels, f"dtype {images.dtype}", f"{TABLE}#dtype")
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    shape, remedy = f"shape {images.shape}", f"{TABLE}#axes"
    require(images.size > 0, name, "one image or more", shape, "add some")
    for axis in (1, 3) if images.ndim == 4 else ():
        if images.shape[axis] <= 4:  # grey or colour, perhaps with transparency at the end
            colours = 3 if images.shape[axis] > 2 else 1
            grey = f"{name}.take(range({colours}), axis={axis}).mean(axis={axis})"
            remedy = f"make them grey: {name} = {grey}.astype({name}.dtype)"
    last = images.shape[-1:] == (expected,) != images.shape[:1]
    in_order = images.ndim == 3 and not last
    require(in_order, name, "grey images (n, h, w) or (n, h, w, 1)", shape, remedy)
    smallest = f"images of {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels or more"
    large = min(images.shape[1:]) >= SMALLEST_SIDE
    require(large, name, smallest, images.shape[1:], f"{TABLE}#size")
    require(np.isfinite(images).all(), name, pixels, "NaN or infinity", f"{TABLE}#nan")
    low, high = float(images.min()), float(images.max())
    differ = low < high and (len(images) == 1 or (images != images[0]).any())
    found = f"one {len(images)} times"
    require(differ, name, "different images", found, "check their source")
    remedy = f"{TABLE}#scale"
    if low >= 0 and high <= 1:
        remedy = f"rescale training and test images alike: {name} = np.rint({name} * 255)"
    in_range = low >= 0 and high <= 255 and high - low >= FEWEST_LEVELS
    require(in_range, name, pixels, f"{images.dtype}, {low:g} to {high:g}", remedy)
    whole = (images == np.floor(images)).all()
    require(whole, name, pixels, "fractions", f"{TABLE}#fractions")
    return images.astype(np.uint8)


def check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Return labels as they are, a whole number per image."""
    numeric, numbers = labels.dtype.kind in "uif", "the numbers of classes, 0, 1, 2, ..."
    remedy, columns = f"{TABLE}#labels", labels.ndim == 2 and labels.dtype.kind in "buif"
    if columns and labels.shape[1] > 1 and np.allclose(labels.sum(axis=1), 1):
        remedy = f"one-hot labels are counted: {name} = {name}.argmax(axis=1)"
    require(labels.ndim == 1, name, "one label per image (n,)", f"shape {labels.shape}", remedy)
    require(labels.size > 0, name, "one label per image", "an empty array", "add them")
    found = f"dtype {labels.dtype}, {shorten(np.unique(labels))}"
    require(numeric, name, numbers, found, f"{TABLE}#classes")
    require(np.isfinite(labels).all(), name, numbers, "NaN or infinity", f"{TABLE}#unknown")
    fractions = np.unique(labels[labels != np.floor(labels)])
    found = f"fractions, {shorten(fractions)}"
    require(not fractions.size, name, numbers, found, f"{TABLE}#classes")
    return labels


def check_classes(y_train: np.ndarray, y_test: np.ndarray, names: np.ndarray) -> None:
    """Raise InputError unless the classes are 0, 1, 2, ..., in both parts the same."""
    classes = np.unique(y_train)
    shown, count = shorten(classes), len(classes)
    remedy = "add images of another"
    require(count > 1, "y_train", "2 classes or more", f"only {shown}", remedy)
    expected = "the classes 0, 1, 2, ... without gaps"
    in_order = np.array_equal(classes, np.arange(count))
    require(in_order, "y_train", expected, shown, f"{TABLE}#classes")
    found, remedy = f"{len(names)} for {count} classes", "correct it, or leave it out"
    require(len(names) in (0, count), "names", "one name for each class", found, remedy)
    unknown, missing = np.setdiff1d(y_test, y_train), np.setdiff1d(y_train, y_test)
    expected = f"the classes of y_train, {shown}"
    require(not unknown.size, "y_test", expected, shorten(unknown), f"{TABLE}#unknown")
    if missing.size:
        found = f"no image of {format_classes(missing, names)}"
        remedy = "add test images, or leave the class out of the training images"
        raise wrong("y_test", "every class of y_train", found, remedy)


def list_doubts(
    parts: Mapping[str, Split], names: Sequence[str] | np.ndarray = ()
) -> Iterator[str]:
    """Yield a line for each thing that may mislead, though `train` can be trained on.

    `parts` are those of `divide`, `names` those of the classes.
    """
    train = parts["train"]
    known = {image.tobytes() for image in train.images}
    for part in ("validation", "test"):
        repeated = np.mean([image.tobytes() in known for image in parts[part].images])
        if repeated > REPEATED:
            yield (
                f"{part}: {repeated:.1%} of the images are training images, too; accuracy there"
                " counts images that were trained on"
            )
        here, there = (
            np.bincount(split.labels, minlength=train.classes) for split in (parts[part], train)
        )
        found, expected = here / here.sum(), there / there.sum()
        # Far: half or double the share, and by more than five standard errors, so that chance does
        # not explain it.
        pooled = (here + there) / (here.sum() + there.sum())
        error = np.sqrt(pooled * (1 - pooled) * (1 / here.sum() + 1 / there.sum()))
        far = np.abs(found - expected) > 5 * error
        far &= np.maximum(found, expected) > 2 * np.minimum(found, expected)
        if far.any():
            worst = int(np.argmax(np.where(far, np.abs(found - expected), 0)))
            remedy = "; try preprocess.validation_from: stratified" if part == "validation" else ""
            yield (
                f"{part}: the share of {format_classes(np.flatnonzero(far), names)} differs from"
                f" training (class {worst}: {found[worst]:.1%}, in training"
                f" {expected[worst]:.1%}){remedy}"
            )
