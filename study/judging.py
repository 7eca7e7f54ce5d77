"""Judges the claims by their rules."""

from dataclasses import dataclass

from study.claims import CLAIMS, DATASET, RATE, UNITS, Claim, Part
from study.inference import Inference
from study.measurements import Measurements, MissingRunsError
from study.parameters import StatisticsParameters
from study.statistics import Estimate, estimate
from study.table import Table

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class PartResult:
    """A part of a claim as measured.

    Attributes:
        quantity: what it is.
        figure: its mean and interval; None where the runs are missing.
        verdict: whether that part holds.
    """

    quantity: str
    figure: Estimate | None
    verdict: str


@dataclass(frozen=True)
class ClaimResult:
    """A claim, what was measured, and the verdict."""

    id: str
    claim: str
    rule: str
    parts: tuple[PartResult, ...]
    verdict: str


def judge_all(
    table: Table, inference: Inference | None, how: StatisticsParameters
) -> list[ClaimResult]:
    """Every claim, in order."""
    measurements = Measurements(
        table, inference, metric=how.primary_metric, dataset=DATASET, rate=RATE, units=UNITS
    )
    return [judge(claim, measurements, how) for claim in CLAIMS]


def judge(claim: Claim, measurements: Measurements, how: StatisticsParameters) -> ClaimResult:
    """A claim is contradicted with any of its parts, and supported with all of them."""
    parts = tuple(_measure(part, measurements, how) for part in claim.parts)
    found = {part.verdict for part in parts}
    order = (CONTRADICTED, NOT_MEASURED, UNDECIDED, SUPPORTED)
    verdict = next(verdict for verdict in order if verdict in found)
    return ClaimResult(claim.id, claim.text, claim.rule, parts, verdict)


def _measure(part: Part, measurements: Measurements, how: StatisticsParameters) -> PartResult:
    try:
        values = part.values(measurements).dropna()  # a seed that one side of a difference lacks
    except MissingRunsError:
        return PartResult(part.quantity, None, NOT_MEASURED)
    if len(values) < 2:
        return PartResult(part.quantity, None, NOT_MEASURED)
    figure = estimate(values, how)
    return PartResult(part.quantity, figure, verdict_of(figure, above=part.above, below=part.below))


def verdict_of(figure: Estimate, *, above: float | None, below: float | None) -> str:
    """Supported where the whole interval is on the claim's side of the limit.

    Contradicted where it is on the other side, undecided where the limit is within it.
    """
    if above is not None:
        low, high = figure.low - above, figure.high - above
    elif below is not None:
        low, high = below - figure.high, below - figure.low
    else:
        raise ValueError("expected a limit, above or below; found none")
    return SUPPORTED if low > 0 else CONTRADICTED if high <= 0 else UNDECIDED
