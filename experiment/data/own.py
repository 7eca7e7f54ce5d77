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


def read_dataset(path: Path) -> Dataset:
    """Read and check an own `.npz` with `x_train`, `y_train`, `x_test`, `y_test`.

    Args:
        path: images `(n, h, w)` or `(n, h, w, 1)` of whole numbers 0..255, any numeric dtype;
            labels `(n,)`, whole numbers 0, 1, 2, ... without gaps, the same in both parts; if it
            is there, an array `names` of the classes' names.

    Raises:
        InputError: as `read_arrays`, or an array is not as above.
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
        if arrays[x].ndim < 2 < arrays[y].ndim:
            found = f"shape {arrays[x].shape}, and images in {y}"
            raise wrong(x, "images (n, h, w)", found, f"swap {x} and {y}")
        checked[y] = _check_labels(arrays[y], y)
        checked[x] = _check_images(arrays[x], x, expected=len(checked[y]))
        images, labels = len(checked[x]), len(checked[y])
        if images != labels:
            found = f"{images} images in {x} and {labels} labels in {y}"
            raise wrong(y, "one label per image", found, "make them equal")
    train, test = (checked[x].shape[1:] for x in ("x_train", "x_test"))
    if train != test:
        raise wrong("x_test", f"the image size of x_train, {train}", test, "make them equal")
    names = arrays.get("names", np.empty(0)).ravel().astype(str)
    _check_classes(checked["y_train"], checked["y_test"], names)
    for y in ("y_train", "y_test"):
        checked[y] = checked[y].astype(np.min_scalar_type(int(checked[y].max())))
    return Dataset(**checked, names=names)


def _remedy(anchor: str) -> str:
    return f"see docs/own-data.md#{anchor}"


def _check_images(images: np.ndarray, name: str, expected: int) -> np.ndarray:
    """Return images as `uint8 (n, h, w)`; `expected` is their number, if the axes are in order."""
    images, pixels = _check_axes(images, name, expected), "pixels 0..255"
    if not np.isfinite(images).all():
        raise wrong(name, pixels, "NaN or infinity", _remedy("nan"))
    low, high = float(images.min()), float(images.max())
    if low == high or (len(images) > 1 and (images == images[0]).all()):
        raise wrong(name, "different images", f"one {len(images)} times", "check their source")
    if low < 0 or high > 255 or high - low < FEWEST_LEVELS:
        remedy = _remedy("scale")
        if low >= 0 and high <= 1:
            remedy = f"rescale training and test images alike: {name} = np.rint({name} * 255)"
        raise wrong(name, pixels, f"{images.dtype}, {low:g} to {high:g}", remedy)
    if (images != np.floor(images)).any():
        raise wrong(name, "whole numbers 0..255", "fractions", _remedy("fractions"))
    return images.astype(np.uint8)


def _check_axes(images: np.ndarray, name: str, expected: int) -> np.ndarray:
    """Return images as numbers `(n, h, w)`."""
    if images.dtype.kind not in "uif":
        raise wrong(name, "numbers 0..255", f"dtype {images.dtype}", _remedy("dtype"))
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    shape = f"shape {images.shape}"
    if images.size == 0:
        raise wrong(name, "one image or more", shape, "add some")
    if images.ndim != 3 or images.shape[-1:] == (expected,) != images.shape[:1]:
        remedy = _remedy("axes")
        for axis in (1, 3) if images.ndim == 4 else ():
            if images.shape[axis] <= 2:  # grey, perhaps with transparency
                remedy = f"keep one channel: {name} = {name}.take(0, axis={axis})"
            elif images.shape[axis] <= 4:
                grey = f"{name}.take([0, 1, 2], axis={axis}).mean(axis={axis})"
                grey = grey if images.dtype.kind == "f" else f"np.rint({grey})"
                remedy = f"make the colours grey: {name} = {grey}"
        raise wrong(name, "grey images (n, h, w) or (n, h, w, 1)", shape, remedy)
    if min(images.shape[1:]) < SMALLEST_SIDE:
        smallest = f"images of {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels or more"
        raise wrong(name, smallest, f"{images.shape[1:]}", _remedy("size"))
    return images


def _check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Return labels as they are, a whole number per image."""
    numbers = "the numbers of classes, 0, 1, 2, ..."
    if labels.ndim != 1:
        remedy = _remedy("labels")
        numeric = labels.ndim == 2 and labels.dtype.kind in "buif" and labels.shape[1] > 1
        if numeric and np.allclose(labels.sum(axis=1), 1):
            remedy = f"one-hot labels are counted: {name} = {name}.argmax(axis=1)"
        raise wrong(name, "one label per image (n,)", f"shape {labels.shape}", remedy)
    if labels.size == 0:
        raise wrong(name, "one label per image", "an empty array", "add them")
    if labels.dtype.kind not in "uif":
        found = f"dtype {labels.dtype}, {shorten(np.unique(labels))}"
        raise wrong(name, numbers, found, _remedy("classes"))
    if not np.isfinite(labels).all():
        raise wrong(name, numbers, "NaN or infinity", _remedy("unknown"))
    fractions = np.unique(labels[labels != np.floor(labels)])
    if fractions.size:
        raise wrong(name, numbers, f"fractions, {shorten(fractions)}", _remedy("classes"))
    return labels


def _check_classes(y_train: np.ndarray, y_test: np.ndarray, names: np.ndarray) -> None:
    """Raise InputError unless the classes are 0, 1, 2, ..., in both parts the same."""
    classes = np.unique(y_train)
    if len(classes) < 2:
        found = f"only {shorten(classes)}"
        raise wrong("y_train", "2 classes or more", found, "add images of another")
    if not np.array_equal(classes, np.arange(len(classes))):
        expected = "the classes 0, 1, 2, ... without gaps"
        raise wrong("y_train", expected, shorten(classes), _remedy("classes"))
    if len(names) not in (0, len(classes)):
        found = f"{len(names)} for {len(classes)} classes"
        raise wrong("names", "one name for each class", found, "correct it, or leave it out")
    unknown = np.setdiff1d(y_test, y_train)
    if unknown.size:
        expected = f"the classes of y_train, {shorten(classes)}"
        raise wrong("y_test", expected, shorten(unknown), _remedy("unknown"))
    missing = np.setdiff1d(y_train, y_test)
    if missing.size:
        found = f"no image of {format_classes(missing, names)}"
        remedy = "add test images, or leave the class out of the training images"
        raise wrong("y_test", "every class of y_train", found, remedy)


def list_doubts(
    parts: Mapping[str, Split], names: Sequence[str] | np.ndarray = ()
) -> Iterator[str]:
    """Yield a line for each thing that may mislead, though the data can be trained on.

    Args:
        parts: `train`, `validation` and `test`, as `divide` returns them.
        names: of the classes.
    """
    train = parts["train"]
    known = {image.tobytes() for image in train.images}
    for part in ("validation", "test"):
        images, labels = parts[part].images, parts[part].labels
        repeated = np.mean([image.tobytes() in known for image in images])
        if repeated > REPEATED:
            yield (
                f"{part}: {repeated:.1%} of the images are training images, too; accuracy there"
                " counts images that were trained on"
            )
        # Far: half or double the share, and by more than five standard errors, so that chance does
        # not explain it.
        here, there = (
            np.bincount(each, minlength=train.classes) for each in (labels, train.labels)
        )
        found, expected = here / here.sum(), there / there.sum()
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
