"""Own labels: taken as they are, or refused with the line of NumPy that corrects them."""

import numpy as np

from experiment.data.dataset import classes_named, listed
from experiment.support.errors import wrong

NUMBERS = "the numbers of classes, 0, 1, 2, ..."
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
    kind = labels.dtype.kind
    if labels.ndim != 1:
        shape = f"shape {labels.shape}"
        raise wrong(name, "one label per image (n,)", shape, _one_axis(labels, name))
    if labels.size == 0:
        raise wrong(name, "one label per image", "an empty array", "add them")
    if kind not in "uif":
        remedies = {"b": f"{name} = {name}.astype(np.uint8)", "c": f"{name} = {name}.real"}
        if kind in "SU" and np.char.isdigit(labels).all():
            remedies[kind] = f"{name} = {name}.astype(int)"
        found = f"dtype {labels.dtype}, {listed(np.unique(labels))}"
        raise wrong(name, NUMBERS, found, remedies.get(kind, NUMBER_THEM))
    if kind == "f" and not np.isfinite(labels).all():
        x = name.replace("y", "x")
        keep = f"keep = np.isfinite({name}); {x}, {name} = {x}[keep], {name}[keep]"
        raise wrong(name, NUMBERS, "NaN or infinity", f"leave those images out: {keep}")
    fractions = np.unique(labels[labels != np.floor(labels)]) if kind == "f" else labels[:0]
    if fractions.size:
        raise wrong(name, NUMBERS, f"fractions, {listed(fractions)}", NUMBER_THEM)
    return labels


def check_classes(y_train: np.ndarray, y_test: np.ndarray) -> None:
    """Raises InputError unless the classes are 0, 1, 2, ... and in both parts the same."""
    classes = np.unique(y_train)
    if len(classes) < 2:
        only = f"only {listed(classes)}"
        raise wrong("y_train", "2 classes or more", only, "add images of another")
    if not np.array_equal(classes, np.arange(len(classes))):
        expected = "the classes 0, 1, 2, ... without gaps"
        raise wrong("y_train", expected, listed(classes), NUMBER_THEM)
    unknown = np.setdiff1d(y_test, y_train)
    if unknown.size:
        expected = f"the classes of y_train, {listed(classes)}"
        keep = "keep = np.isin(y_test, y_train); x_test, y_test = x_test[keep], y_test[keep]"
        raise wrong("y_test", expected, listed(unknown), f"leave those images out: {keep}")
    missing = np.setdiff1d(y_train, y_test)
    if missing.size:
        remedy = "add test images, or leave the class out of the training images"
        found = f"no image of {classes_named(missing)}"
        raise wrong("y_test", "every class of y_train", found, remedy)


def _one_axis(labels: np.ndarray, name: str) -> str:
    """What to do about labels of another shape."""
    if labels.ndim > 2:
        return "these look like images: are x and y swapped?"
    if labels.ndim == 2 and 1 in labels.shape:
        return f"{name} = {name}.ravel()"
    if labels.ndim == 2 and labels.dtype.kind in "buif":
        if np.allclose(labels.sum(axis=1), 1):
            return f"one-hot labels are counted: {name} = {name}.argmax(axis=1)"
        return "choose one class for each image"
    return "save an array with one number per image"
