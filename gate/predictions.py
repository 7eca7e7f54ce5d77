"""How many test images the two sides classify differently. Another seed flips some, too."""

import csv
import io
from collections.abc import Iterator, Mapping

from gate.snapshot import Snapshot


def describe_flips(files: Mapping[str, str], base: Snapshot, candidate: Snapshot) -> Iterator[str]:
    """Yield how many images only one side gets right, with McNemar's exact two-sided test."""
    for file, path in files.items():
        before, after = (_read_rows(side.files.get(path)) for side in (base, candidate))
        if not before or not after:
            side = "candidate" if before else "base"
            yield f"{file}: the {side} has no predictions with the columns label and prediction"
        elif [label for label, _ in before] != [label for label, _ in after]:
            yield f"{file}: the two sides were tested on other images"
        else:
            from scipy.stats import binomtest  # a second, and seldom needed

            pairs = [(a == label, b == label)
                     for (label, a), (_, b) in zip(before, after, strict=True)]  # fmt: skip
            wrong, gained = pairs.count((True, False)), pairs.count((False, True))
            p = float(binomtest(gained, wrong + gained).pvalue) if wrong + gained else 1.0
            yield (
                f"{file}: {wrong} test images newly wrong, {gained} newly right"
                f" (McNemar: p = {p:.2g})"
            )


def _read_rows(text: str | None) -> list[tuple[str, str]]:
    """Return label and prediction by row; none if it is no table of them."""
    try:
        rows = csv.DictReader(io.StringIO(text or "", newline=""))
        return [(row["label"], row["prediction"]) for row in rows]
    except (csv.Error, KeyError):
        return []
