"""Which test images the two sides classify differently: to inform, as another seed flips some."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from gate.snapshot import Snapshot

COLUMNS = {"label", "prediction", "probability"}
MOST_SHOWN = 100


@dataclass(frozen=True)
class Flip:
    """One test image that exactly one side classifies correctly.

    Attributes:
        image: its number, from 0.
        label: what it shows.
        base, candidate: what the sides take it for, with their probabilities.
        right: whether it is the candidate that is right.
    """

    image: int
    label: str
    base: str
    candidate: str
    right: bool


@dataclass(frozen=True)
class Flips:
    """All of one metrics file.

    Attributes:
        file: the metrics file that the predictions belong to.
        problem: why they cannot be compared; empty if they can.
        newly_right, newly_wrong: how many the candidate alone, or the base alone, gets right.
        p: of the exact two-sided test by McNemar (1947): that so uneven a split is by chance.
        shown: the first `MOST_SHOWN` of them.
    """

    file: str
    problem: str = ""
    newly_right: int = 0
    newly_wrong: int = 0
    p: float = 1.0
    shown: tuple[Flip, ...] = ()


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
    from scipy.stats import binomtest  # a second, and seldom needed

    if base is None or candidate is None:
        side = "base" if base is None else "candidate"
        return Flips(file, f"the {side} has no predictions")
    before, after = (list(csv.DictReader(io.StringIO(text))) for text in (base, candidate))
    if any(not row.keys() >= COLUMNS or None in row.values() for row in (*before, *after)):
        return Flips(file, f"expected the columns {', '.join(sorted(COLUMNS))}; found others")
    if [row["label"] for row in before] != [row["label"] for row in after]:
        return Flips(file, "the two sides were tested on other images")
    flips = [
        Flip(number, a["label"], _told(a), _told(b), b["prediction"] == b["label"])
        for number, (a, b) in enumerate(zip(before, after, strict=True))
        if (a["prediction"] == a["label"]) != (b["prediction"] == b["label"])
    ]
    right = sum(flip.right for flip in flips)
    p = float(binomtest(right, len(flips)).pvalue) if flips else 1.0
    return Flips(file, "", right, len(flips) - right, p, tuple(flips[:MOST_SHOWN]))


def _told(row: Mapping[str, str]) -> str:
    try:
        return f"{row['prediction']} ({float(row['probability']):.0%})"
    except ValueError:
        return row["prediction"]
