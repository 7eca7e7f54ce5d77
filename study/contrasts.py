"""The contrasts of protocol.md, and the verdicts on them and on the claims.

The protocol decides: whoever changes a rule here notes it there, under its deviations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from study.measurements import RATE, Measurements, mean
from study.statistics import LEAST_PAIRS, Estimate, estimate, holm, sign_flip_p
from study.table import Table

# Trained after the protocol was written; those before them suggested what is tested.
FRESH_SEEDS = range(10, 18)

SUPPORTED, CONTRADICTED = "supported", "contradicted"
EQUIVALENT, UNDECIDED, NOT_YET = "equivalent", "undecided", "not yet"
ABOVE, BELOW, OPEN, NONE = "above", "below", "open", "none"

FASHION = "fashion_mnist"
FEW = (100, 500, 1_000)
UNITS = (32, 128, 512, 1_024)
MIDDLE, LOWER, HIGHER = (0.3, 0.4, 0.5), (0.1, 0.2), (0.6, 0.7, 0.8)
KEPT = "best_epoch_test_accuracy"
EVALUATED = "evaluated_training_accuracy"
RISE = "validation_loss_rise"
LAST_TRAINING, LAST_VALIDATION = "last_five_training_accuracy", "last_five_validation_accuracy"


@dataclass(frozen=True)
class Contrast:
    """One number per seed.

    Attributes:
        id: as in the protocol.
        claim: what it is about.
        text: what it is.
        unit: of the number.
        values: the numbers, by seed.
        margin: of a primary contrast: a smaller effect is none.
        above, below: of a secondary one, the limit that the claim sets; without one it is only
            reported.
    """

    id: str
    claim: str
    text: str
    unit: str
    values: Callable[[Measurements], pd.Series]
    margin: float | None = None
    above: float | None = None
    below: float | None = None


PRIMARY = (
    Contrast("P1", "C5", "gain, MNIST", "points", lambda m: m.change(), margin=0.1),
    Contrast("P2", "C5", "gain, Fashion-MNIST", "points",
             lambda m: m.change(dataset=FASHION), margin=0.3),
    Contrast("P3", "C6", "mean gain with 100, 500 and 1,000 images, minus that with all", "points",
             lambda m: mean(m.change(samples=n) for n in FEW) - m.change(), margin=0.1),
    Contrast("P4", "C7", "accuracy with Dropout after the dense layer minus after the pooling",
             "points", lambda m: m.of() - m.of(placement="pooling"), margin=0.1),
    Contrast("P5", "C7", "accuracy with Dropout after the dense layer minus after both", "points",
             lambda m: m.of() - m.of(placement="both"), margin=0.1),
    Contrast("P6", "C8", "accuracy with rates of 0.3 to 0.5 minus that with lower ones", "points",
             lambda m: m.mean_of_rates(MIDDLE) - m.mean_of_rates(LOWER), margin=0.1),
    Contrast("P7", "C8", "accuracy with rates of 0.3 to 0.5 minus that with higher ones", "points",
             lambda m: m.mean_of_rates(MIDDLE) - m.mean_of_rates(HIGHER), margin=0.1),
    Contrast("P8", "early stopping", "gain at the kept epochs, MNIST", "points",
             lambda m: m.change(KEPT), margin=0.1),
)  # fmt: skip

SECONDARY = (
    Contrast("S1", "C1", "training accuracy without Dropout, the last five", "%",
             lambda m: m.of(LAST_TRAINING, rate=0.0), above=99.9),
    Contrast("S2", "C2", "last over lowest validation loss, minus 1, without Dropout", "%",
             lambda m: m.relative_rise(rate=0.0), above=10),
    Contrast("S3", "C3", "training accuracy with Dropout at work, the last five", "%",
             lambda m: m.of(LAST_TRAINING), below=99.5),
    Contrast("S4", "C3", "accuracy on training images with all units, with Dropout minus without",
             "points", lambda m: m.change(EVALUATED)),
    Contrast("S5", "C4", "last over lowest validation loss, minus 1, with Dropout", "%",
             lambda m: m.relative_rise(rate=RATE), below=10),
    Contrast("S6", "C4", "validation accuracy with Dropout, best minus the last five", "points",
             lambda m: m.of("best_validation_accuracy") - m.of(LAST_VALIDATION), below=0.2),
    Contrast("S7a", "C5", "gain in validation accuracy, the last five, MNIST", "points",
             lambda m: m.change(LAST_VALIDATION), above=0),
    Contrast("S7b", "C5", "the same, Fashion-MNIST", "points",
             lambda m: m.change(LAST_VALIDATION, dataset=FASHION), above=0),
    Contrast("S8", "early stopping", "gain at the kept epochs, Fashion-MNIST", "points",
             lambda m: m.change(KEPT, dataset=FASHION), above=0),
    Contrast("S9a", "overfitting", "rise of the validation loss, with minus without, MNIST",
             "nats", lambda m: m.change(RISE), below=0),
    Contrast("S9b", "overfitting", "the same, Fashion-MNIST", "nats",
             lambda m: m.change(RISE, dataset=FASHION), below=0),
    Contrast("S10a", "overfitting",
             "test loss minus evaluated training loss, with minus without, MNIST", "nats",
             lambda m: m.overfitting(dataset="mnist"), below=0),
    Contrast("S10b", "overfitting", "the same, Fashion-MNIST", "nats",
             lambda m: m.overfitting(dataset=FASHION), below=0),
    Contrast("S11", "C6", "mean log of errors with over without Dropout, with 100, 500 and 1,000"
             " images, minus that with all", "log",
             lambda m: mean(m.log_errors_left(samples=n) for n in FEW)
             - m.log_errors_left(samples=48_000), below=0),
    Contrast("S12", "C6", "slope of the gain on log2 of the dense units, 5,000 images",
             "points per doubling", lambda m: m.slope_on_units(UNITS, samples=5_000), above=0),
)  # fmt: skip

# By claim, its text and the contrasts that decide it. C9 is not about runs over seeds.
CLAIMS = {
    "C1": ("Without Dropout, training accuracy goes to 100 %.", ("S1",)),
    "C2": ("Without Dropout, validation loss gets worse as training goes on.", ("S2",)),
    "C3": ("With Dropout, training accuracy stays visibly below 100 %.", ("S3",)),
    "C4": ("With Dropout, validation accuracy and validation loss stay steady.", ("S5", "S6")),
    "C5": ("Dropout improves accuracy on unseen data.", ("P1", "P2")),
    "C6": ("It helps most where data are few (the part on complex models: S12).", ("P3",)),
    "C7": ("Its place is after fully connected layers.", ("P4", "P5")),
    "C8": ("Rates of 0.3 to 0.5 are the ones to try.", ("P6", "P7")),
}


@dataclass(frozen=True)
class Result:
    """A contrast as measured.

    Attributes:
        contrast: what was measured.
        runs, planned: how many runs with fresh seeds there are, and how many it needs.
        fresh: over the fresh seeds, once all of them are there; it alone decides.
        p_corrected: of a primary contrast, by Holm's method over all of them: the least and the
            most that it can be, which differ while others are missing.
        p_sign_flip: exact, beside; it decides nothing.
        verdict: by the protocol.
        pooled: over all seeds, also those that suggested the contrast; exploratory.
    """

    contrast: Contrast
    runs: int
    planned: int
    fresh: Estimate | None
    p_sign_flip: float | None
    pooled: Estimate | None
    p_corrected: tuple[float, float] | None = None
    verdict: str = NOT_YET

    @property
    def pooled_verdict(self) -> str:
        """Where the interval over all seeds is: above or below 0 (or the limit), or open."""
        limit = self.contrast.above or self.contrast.below or 0.0
        return side(self.pooled, limit) if self.pooled else NONE


def judge_all(table: Table) -> dict[str, Result]:
    """Every contrast, by its id.

    While a primary contrast is missing, its p may still be anything from 0 to 1. Another one is
    judged as soon as its verdict is the same with both.
    """
    results = [_measure(contrast, table) for contrast in (*PRIMARY, *SECONDARY)]
    primary = results[: len(PRIMARY)]
    bounds = [holm([r.fresh.p if r.fresh else missing for r in primary]) for missing in (0.0, 1.0)]
    judged = []
    for found, p in zip(primary, zip(*bounds, strict=True), strict=True):
        if found.fresh:
            verdicts = {verdict_of_primary(found.fresh, bound, found.contrast) for bound in p}
            verdict = verdicts.pop() if len(verdicts) == 1 else NOT_YET
            judged.append(replace(found, p_corrected=p, verdict=verdict))
    judged += [
        replace(found, verdict=verdict_of_secondary(found.fresh, found.contrast))
        for found in results[len(PRIMARY) :]
        if found.fresh
    ]
    return {found.contrast.id: found for found in [*results, *judged]}


def _measure(contrast: Contrast, table: Table) -> Result:
    fresh, everything = Measurements(table, FRESH_SEEDS), Measurements(table)
    values, pooled = contrast.values(fresh).dropna(), contrast.values(everything).dropna()
    planned = len(fresh.asked) * len(FRESH_SEEDS)
    whole = fresh.runs() == planned
    return Result(
        contrast,
        runs=fresh.runs(),
        planned=planned,
        fresh=estimate(values) if whole else None,
        p_sign_flip=sign_flip_p(values) if whole and len(values) >= LEAST_PAIRS else None,
        pooled=estimate(pooled) if len(pooled) > 1 else None,
    )


def verdict_of_primary(found: Estimate, p_corrected: float, contrast: Contrast) -> str:
    """The first of the protocol's verdicts that holds."""
    if p_corrected < 0.05:
        return SUPPORTED if found.mean > 0 else CONTRADICTED
    margin = contrast.margin or 0.0
    return EQUIVALENT if -margin < found.low and found.high < margin else UNDECIDED


def verdict_of_secondary(found: Estimate, contrast: Contrast) -> str:
    """By the side of the limit that the whole interval is on."""
    if contrast.above is None and contrast.below is None:
        return side(found, 0.0)
    claimed, limit = (ABOVE, contrast.above) if contrast.below is None else (BELOW, contrast.below)
    place = side(found, limit or 0.0)
    return SUPPORTED if place == claimed else UNDECIDED if place == OPEN else CONTRADICTED


def side(found: Estimate, limit: float) -> str:
    """Where the whole interval is, seen from a limit."""
    return ABOVE if found.low > limit else BELOW if found.high < limit else OPEN


def verdict_of_claim(results: Mapping[str, Result], ids: tuple[str, ...]) -> str:
    """Supported with all of its contrasts, contradicted with one of them, else undecided."""
    found = {results[name].verdict for name in ids}
    if len(found) == 1:
        return found.pop()
    return next((v for v in (CONTRADICTED, NOT_YET) if v in found), UNDECIDED)
