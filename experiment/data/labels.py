"""Own labels: taken as they are, or refused with the line of NumPy that corrects them."""

import numpy as np

from experiment.common.errors import InputError
from experiment.data.dataset import classes_named

NUMBER_THEM = (
    "number the classes: classes, y_train = np.unique(y_train, return_inverse=True);"
    " y_test = np.searchsorted(classes, y_test)"
)


def check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """The labels, as they are.

    Args:
        labels: an array of any dtype and shape.
        name: what messages call it, the name of a variable.

    Raises:
        InputError: it holds something else than a whole number per image.
    """
    if labels.ndim != 1:
        raise InputError(
            f"{name}: expected one label per image (n,); found shape {labels.shape};"
            f" {_one_axis(labels, name)}"
        )
    if labels.size == 0:
        raise InputError(f"{name}: expected one label per image; found an empty array; add them")
    kind = labels.dtype.kind
    if kind not in "uif":
        remedies = {"b": f"{name} = {name}.astype(np.uint8)", "c": f"{name} = {name}.real"}
        if kind in "SU" and np.char.isdigit(labels).all():
            remedies[kind] = f"{name} = {name}.astype(int)"
        raise InputError(
            f"{name}: expected the numbers of classes, 0, 1, 2, ...; found dtype {labels.dtype},"
            f" {_examples(labels)}; {remedies.get(kind, NUMBER_THEM)}"
        )
    if kind == "f" and not np.isfinite(labels).all():
        x = name.replace("y", "x")
        raise InputError(
            f"{name}: expected the numbers of classes, 0, 1, 2, ...; found NaN or infinity; leave"
            f" those images out: keep = np.isfinite({name});"
            f" {x}, {name} = {x}[keep], {name}[keep]"
        )
    if kind == "f" and (labels != np.floor(labels)).any():
        raise InputError(
            f"{name}: expected the numbers of classes, 0, 1, 2, ...; found fractions,"
            f" {_examples(labels[labels != np.floor(labels)])}; {NUMBER_THEM}"
        )
    return labels


def check_classes(y_train: np.ndarray, y_test: np.ndarray) -> None:
    """Raises InputError unless the classes are 0, 1, 2, ... and in both parts the same."""
    classes = np.unique(y_train)
    if len(classes) < 2:
        raise InputError(
            f"y_train: expected 2 classes or more; found only {_examples(classes)}; add images of"
            " another"
        )
    if not np.array_equal(classes, np.arange(len(classes))):
        raise InputError(
            f"y_train: expected the classes 0, 1, 2, ... without gaps; found {_examples(classes)};"
            f" {NUMBER_THEM}"
        )
    unknown = np.setdiff1d(y_test, y_train)
    if unknown.size:
        raise InputError(
            f"y_test: expected the classes of y_train, {_examples(classes)}; found"
            f" {_examples(unknown)}; leave those images out: keep = np.isin(y_test, y_train);"
            " x_test, y_test = x_test[keep], y_test[keep]"
        )
    missing = np.setdiff1d(y_train, y_test)
    if missing.size:
        raise InputError(
            f"y_test: expected every class of y_train; found no image of {classes_named(missing)};"
            " add test images, or leave the class out of the training images"
        )


def _one_axis(labels: np.ndarray, name: str) -> str:
    """What to do about labels of another shape."""
    if labels.ndim == 2 and 1 in labels.shape:
        return f"{name} = {name}.ravel()"
    if labels.ndim == 2 and labels.dtype.kind in "buif":
        sums = labels.sum(axis=1)
        if np.allclose(sums, 1):
            return f"one-hot labels are counted: {name} = {name}.argmax(axis=1)"
        return "choose one class for each image"
    if labels.ndim > 2:
        return "these look like images: are x and y swapped?"
    return "save an array with one number per image"


def _examples(values: np.ndarray) -> str:
    """The different values: all of a few, else the first and the last."""
    names = [str(value) for value in np.unique(values)]
    return ", ".join(names if len(names) <= 5 else [*names[:3], "...", names[-1]])
