"""How many test images the two sides classify differently. Another seed flips some, too."""

import csv
import io
from collections.abc import Iterator, Mapping

from gate.snapshot import Snapshot

COLUMNS = {"label", "prediction"}


def describe_flips(files: Mapping[str, str], base: Snapshot, candidate: Snapshot) -> Iterator[str]:
    """Yield how many images only one side gets right, with McNemar's exact two-sided test."""
    for file, path in files.items():
        before, after = (_read_rows(side.files.get(path)) for side in (base, candidate))
        if before is None or after is None:
            side = "base" if before is None else "candidate"
            yield f"{file}: the {side} has no predictions with the columns label and prediction"
        elif [row["label"] for row in before] != [row["label"] for row in after]:
            yield f"{file}: the two sides were tested on other images"
        else:
            right = [
                [row["prediction"] == row["label"] for row in side] for side in (before, after)
            ]
            wrong = sum(a and not b for a, b in zip(*right, strict=True))
            gained = sum(b and not a for a, b in zip(*right, strict=True))
            yield (
                f"{file}: {wrong} test images newly wrong, {gained} newly right"
                f" (McNemar: p = {_test_flips(wrong, gained):.2g})"
            )


def _read_rows(text: str | None) -> list[dict[str, str]] | None:
    try:
        rows = list(csv.DictReader(io.StringIO(text or "", newline="")))
    except csv.Error:
        return None
    return rows if rows and rows[0].keys() >= COLUMNS else None


def _test_flips(wrong: int, gained: int) -> float:
    from scipy.stats import binomtest  # a second, and seldom needed

    return float(binomtest(gained, wrong + gained).pvalue) if wrong + gained else 1.0
