"""Which test images the two sides classify differently: to inform, as another seed flips some."""

import csv
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gate.errors import one_line
from gate.settings import ImagesSettings
from gate.snapshot import Snapshot

# What NumPy and zipfile raise for a file that is not what it should be.
_DAMAGE = (ValueError, KeyError, IndexError, OSError, EOFError, MemoryError, zipfile.BadZipFile,
           zlib.error)  # fmt: skip

COLUMNS = {"label", "prediction", "probability"}
MOST_PICTURES = 24  # of the newly right images, and of the newly wrong ones


@dataclass(frozen=True)
class Flip:
    """One test image that exactly one side classifies correctly.

    Attributes:
        image: its number, from 0.
        label: what it shows.
        base, candidate: what the sides take it for, with their probabilities.
        right: whether it is the candidate that is right.
        picture: the image as PNG; None if it is not shown.
    """

    image: int
    label: str
    base: str
    candidate: str
    right: bool
    picture: bytes | None = None


@dataclass(frozen=True)
class Flips:
    """All of one metrics file.

    Attributes:
        file: the metrics file that the predictions belong to.
        problem: why they cannot be compared; empty if they can.
        all: in the order of the images.
        no_pictures: why the images are not shown; empty if they are, or were not asked for.
    """

    file: str
    problem: str = ""
    all: tuple[Flip, ...] = ()
    no_pictures: str = ""

    @property
    def newly_right(self) -> list[Flip]:
        """Those that the candidate alone gets right."""
        return [flip for flip in self.all if flip.right]

    @property
    def newly_wrong(self) -> list[Flip]:
        """Those that the base alone gets right."""
        return [flip for flip in self.all if not flip.right]

    @property
    def p(self) -> float:
        """Of the exact two-sided test by McNemar (1947): that so uneven a split is by chance."""
        from scipy.stats import binomtest  # a second, and seldom needed

        if not self.all:
            return 1.0
        return float(binomtest(len(self.newly_right), len(self.all)).pvalue)


def read_flips(files: Mapping[str, str], base: Snapshot, candidate: Snapshot) -> list[Flips]:
    """Compares the predictions of both sides.

    Args:
        files: by metrics file, the CSV file with one row per test image.
        base: with the text of these files.
        candidate: the same.
    """
    return [
        _compare(file, base.files.get(path), candidate.files.get(path))
        for file, path in files.items()
        if base.files.get(path) is not None or candidate.files.get(path) is not None
    ]


def _compare(file: str, base: str | None, candidate: str | None) -> Flips:
    if base is None or candidate is None:
        side = "base" if base is None else "candidate"
        return Flips(file, f"the {side} has no predictions")
    before, after = (list(csv.DictReader(io.StringIO(text))) for text in (base, candidate))
    if any(not row.keys() >= COLUMNS or None in row.values() for row in (*before, *after)):
        return Flips(file, f"expected the columns {', '.join(sorted(COLUMNS))}; found others")
    if [row["label"] for row in before] != [row["label"] for row in after]:
        return Flips(file, "the two sides were tested on other images")
    flips = tuple(
        Flip(number, a["label"], _told(a), _told(b), b["prediction"] == b["label"])
        for number, (a, b) in enumerate(zip(before, after, strict=True))
        if (a["prediction"] == a["label"]) != (b["prediction"] == b["label"])
    )
    return Flips(file, all=flips)


def _told(row: Mapping[str, str]) -> str:
    try:
        return f"{row['prediction']} ({float(row['probability']):.0%})"
    except ValueError:
        return row["prediction"]


def with_pictures(
    found: Sequence[Flips], settings: ImagesSettings, file: bytes | None
) -> list[Flips]:
    """The same with pictures of the first images each way; nothing is refused if there are none.

    Args:
        found: what the images were classified as.
        settings: where the images are.
        file: content of that file; None if it cannot be read.
    """
    try:
        if file is None:
            raise ValueError(f"no such file; if DVC has it: `dvc pull {settings.file}`")
        images = read_images(file, settings.key)
        return [_pictured(flips, images) for flips in found]
    except _DAMAGE as error:
        reason = f"{settings.file}: {one_line(error)}"
        return [replace(flips, no_pictures=reason) for flips in found]


def read_images(file: bytes, key: str) -> np.ndarray:
    """`uint8 (n, height, width)` or `(n, height, width, 3)` of a `.npy` or `.npz` file.

    Raises:
        ValueError: there are no such images.
    """
    loaded = np.load(io.BytesIO(file), allow_pickle=False)
    images = np.asarray(loaded if isinstance(loaded, np.ndarray) else loaded[key])
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 and images.shape[3:] != (3,):
        raise ValueError(f"expected images, grey or with three channels; found {images.shape}")
    if images.dtype != np.uint8:  # numbers from 0 to 1
        images = (images.astype(float).clip(0, 1) * 255).round().astype(np.uint8)
    return images


def _pictured(flips: Flips, images: np.ndarray) -> Flips:
    chosen = (*flips.newly_wrong[:MOST_PICTURES], *flips.newly_right[:MOST_PICTURES])
    pictures = {flip.image: _png(images[flip.image]) for flip in chosen}
    shown = (replace(flip, picture=pictures.get(flip.image)) for flip in flips.all)
    return replace(flips, all=tuple(shown))


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(image).save(target, "PNG")
    return target.getvalue()
