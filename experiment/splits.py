"""The images of one purpose, as `preprocess` writes them and a training reads them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiment.npz import read_arrays


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


def read_split(path: Path) -> Split:
    """Read what the stage `preprocess` wrote.

    Raises:
        InputError: as `read_arrays`.
    """
    arrays = read_arrays(path, ("images", "labels", "classes"))
    return Split(arrays["images"], arrays["labels"], int(arrays["classes"]))
