"""The images of one purpose, as `preprocess` writes them and a training reads them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiment.npz import read_arrays


@dataclass(frozen=True)
class Split:
    """Images of one purpose, `uint8 (n, h, w, 1)`, and their labels, unsigned `(n,)`.

    The labels are 0..classes-1, of all classes of the data set: 2 or more.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int


def read_split(path: Path) -> Split:
    """Read what the stage `preprocess` wrote, or raise InputError."""
    arrays = read_arrays(path, ("images", "labels", "classes"))
    return Split(arrays["images"], arrays["labels"], int(arrays["classes"]))
