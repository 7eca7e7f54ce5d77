"""Judges the claims by their rules."""

from dataclasses import dataclass

from study.claims import CLAIMS, DATASET, RATE, Claim, Part
from study.evidence import Evidence, MissingRunsError
from study.inference import Inference
from study.parameters import StatisticsParameters
from study.statistics import Estimate, estimate
from study.table import Table

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Measured:
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
class Judged:
    """A claim, what was measured, and the verdict."""

    id: str
    claim: str
    rule: str
    parts: tuple[Measured, ...]
    verdict: str


def judge_all(table: Table, inference: Inference | None, how: StatisticsParameters) -> list[Judged]:
    """Every claim, in order."""
    evidence = Evidence(table, inference, metric=how.primary_metric, dataset=DATASET, rate=RATE)
    return [judge(claim, evidence, how) for claim in CLAIMS]


def judge(claim: Claim, evidence: Evidence, how: StatisticsParameters) -> Judged:
    """A claim is contradicted with any of its parts, and supported with all of them."""
    parts = tuple(_measure(part, evidence, how) for part in claim.parts)
    found = {part.verdict for part in parts}
    order = (CONTRADICTED, NOT_MEASURED, UNDECIDED, SUPPORTED)
    verdict = next(verdict for verdict in order if verdict in found)
    return Judged(claim.id, claim.text, claim.rule, parts, verdict)


def _measure(part: Part, evidence: Evidence, how: StatisticsParameters) -> Measured:
    try:
        values = part.values(evidence).dropna()  # a seed that one side of a difference lacks
    except MissingRunsError:
        return Measured(part.quantity, None, NOT_MEASURED)
    if len(values) < 2:
        return Measured(part.quantity, None, NOT_MEASURED)
    figure = estimate(values, how)
    return Measured(part.quantity, figure, verdict_of(figure, above=part.above, below=part.below))


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
