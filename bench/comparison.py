"""Do plain script and pipeline train the same curves, but for the seeds?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.intervals import Difference, difference_of_means
from experiment.presentation.style import LABELS

COMPARED = ("val_accuracy", "val_loss")


@dataclass(frozen=True)
class Row:
    """One epoch of one curve, over the pairs.

    Attributes:
        variant: one of `LABELS`.
        curve: one of `COMPARED`.
        epoch: from 1.
        plain: mean of the plain script.
        pipeline: mean of the pipeline.
        difference: pipeline minus plain script.
    """

    variant: str
    curve: str
    epoch: int
    plain: float
    pipeline: float
    difference: Difference


def compare_curves(pairs: Sequence[dict[str, Any]]) -> list[Row]:
    """Every epoch of every curve; none for fewer than two pairs."""
    rows = []
    for variant in LABELS:
        for curve in COMPARED:
            plain, pipeline = (
                [pair[side]["curves"][variant][curve] for pair in pairs]
                for side in ("plain", "pipeline")
            )
            for epoch, (a, b) in enumerate(
                zip(zip(*plain, strict=True), zip(*pipeline, strict=True), strict=True), start=1
            ):
                difference = difference_of_means(b, a)
                if difference:
                    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
                    rows.append(Row(variant, curve, epoch, mean_a, mean_b, difference))
    return rows


def count_with_zero(rows: Sequence[Row]) -> int:
    """Of how many the interval holds 0."""
    return sum(row.difference.low <= 0 <= row.difference.high for row in rows)
