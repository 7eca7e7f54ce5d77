"""The contrasts of protocol.md and protocol-2.md, and the verdicts on them and on the claims.

The protocols decide: whoever changes a rule here notes it there, under its deviations. All
constants here are the protocols', whatever params.yaml says today.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiment.variants import Placement
from study.runs import Setting
from study.statistics import Estimate, correct, estimate, sign_flip_p
from study.table import Table

SUPPORTED, CONTRADICTED, EQUIVALENT = "supported", "contradicted", "equivalent"
UNDECIDED, NOT_YET, NOT_TESTED = "undecided", "not yet", "not tested"
ABOVE, BELOW, OPEN = "above", "below", "open"

# What a contrast is about that names nothing else.
BASE = Setting(
    dataset="mnist",
    placement="dense",
    dropout_rate=0.5,
    train_samples=48_000,
    dense_units=128,
    epochs=20,
    filters=32,
    batch_size=32,
    learning_rate=0.001,
    validation_from="last",
    validation_split=0.2,
    threads=1,
    instructions="avx2",
    numerics="1",
)
# By number of training images: small sets get more epochs, since theirs have few updates.
EPOCHS = {48_000: 20, 10_000: 30, 5_000: 40, 1_000: 80, 500: 100, 100: 100}

FRESH_SEEDS = range(10, 18)  # of protocol 1
FIRST_SEED = 18  # of protocol 2
# Of protocol 2: the number of seeds, and the two-sided nominal level, of each look.
LOOKS = {8: 0.0003, 12: 0.0028, 16: 0.0084}

FASHION = "fashion_mnist"
FEW, UNITS = (100, 500, 1_000), (32, 128, 512, 1_024)
MIDDLE, LOWER, HIGHER = (0.3, 0.4, 0.5), (0.1, 0.2), (0.6, 0.7, 0.8)

LAST, LAST_FIVE, KEPT = "test_accuracy", "last_five_test_accuracy", "best_epoch_test_accuracy"
LAST_TRAINING, LAST_VALIDATION = "last_five_training_accuracy", "last_five_validation_accuracy"
RISE = "validation_loss_rise"


class Measurements:
    """Metrics of settings, each a series by seed; empty where there are no runs.

    Args:
        table: the finished runs.
        metric: what is measured where nothing else is named.
        seeds: the only ones to use.
    """

    def __init__(self, table: Table, metric: str, seeds: Collection[int]) -> None:
        self._table, self._metric, self._seeds = table, metric, seeds

    def of(
        self,
        metric: str | None = None,
        *,
        rate: float = BASE.dropout_rate,
        place: Placement = BASE.placement,
        dataset: str = BASE.dataset,
        samples: int = BASE.train_samples,
        units: int = BASE.dense_units,
        epochs: int | None = None,
    ) -> pd.Series:
        """Return a metric of a setting: shares in percent, losses in nats."""
        setting = replace(
            BASE,
            dataset=dataset,
            placement=place if rate else "none",
            dropout_rate=rate,
            train_samples=samples,
            dense_units=units,
            epochs=epochs or EPOCHS[samples],
        )
        metric, runs = metric or self._metric, self._table.of(setting)
        runs = runs[runs.index.isin(self._seeds)]
        values = runs[metric].dropna() if metric in runs else pd.Series(dtype=float)
        in_percent = metric.endswith(("accuracy", "calibration_error"))
        return 100 * values if in_percent else values

    def pair(self, metric: str | None = None, **where: Any) -> tuple[pd.Series, pd.Series]:
        """Return a metric without Dropout and with it, of the seeds that both have."""
        without, with_it = self.of(metric, **where | {"rate": 0.0}), self.of(metric, **where)
        seeds = without.index.intersection(with_it.index)
        return without[seeds], with_it[seeds]

    def change(self, metric: str | None = None, **where: Any) -> pd.Series:
        """Return a metric with Dropout minus that without; of an accuracy, the gain."""
        without, with_it = self.pair(metric, **where)
        return with_it - without

    def mean_of_rates(self, rates: Iterable[float]) -> pd.Series:
        """Return the mean of the accuracies with these rates."""
        return mean(self.of(rate=rate) for rate in rates)

    def relative_rise(self, *, rate: float) -> pd.Series:
        """Return the last validation loss over the lowest, minus 1, in percent."""
        last, best = (self.of(f"{which}validation_loss", rate=rate) for which in ("", "best_"))
        return 100 * (last / best - 1)

    def log_errors_left(self, *, samples: int) -> pd.Series:
        """Return the natural logarithm of the errors with Dropout over those without."""
        without, with_it = self.pair(samples=samples)
        return np.log((100 - with_it) / (100 - without))

    def overfitting(self, *, dataset: str) -> pd.Series:
        """Return test loss minus evaluated training loss, with Dropout minus without."""
        trained = self.change("evaluated_training_loss", dataset=dataset)
        return self.change("test_loss", dataset=dataset) - trained

    def slope_on_units(self) -> pd.Series:
        """Return the slope of the gain on log2 of the dense units, 5,000 images, by seed."""
        gains = {n: self.change(samples=5_000, units=n) for n in UNITS}
        table = pd.DataFrame(gains).dropna()
        at = np.log2(np.array([*gains], dtype=float))
        at -= at.mean()
        return (table * at).sum(axis=1) / (at**2).sum()


def mean(series: Iterable[pd.Series]) -> pd.Series:
    """Average several figures by seed; seeds that lack one are left out."""
    return pd.concat(series, axis=1, join="inner").mean(axis=1)


@dataclass(frozen=True)
class Contrast:
    """What is measured, one number per seed; `measure` and `measure_sequential` have the numbers.

    Attributes:
        claim: what it is about.
        text: what it is.
        unit: of the number.
        margin: of a contrast that is tested: a smaller effect is none.
        above, below: of a secondary measure, the limit that the claim sets; without one it is
            only reported.
        equivalence: whether the claim is that there is no effect.
    """

    claim: str
    text: str
    unit: str = "points"
    margin: float | None = None
    above: float | None = None
    below: float | None = None
    equivalence: bool = False


MANY_FEW = "mean gain with 100, 500 and 1,000 images, minus that with all"
LOG_FEW = "mean log of errors with over without Dropout, with 100, 500 and 1,000 images, minus all"
RISE_LESS = "rise of the validation loss, with minus without, MNIST"
RATIO = "last over lowest validation loss, minus 1"
OVERFITTING = "test loss minus evaluated training loss, with minus without, MNIST"
SLOPE = "slope of the gain on log2 of the dense units, 5,000 images"
ALL_UNITS = "accuracy on training images with all units, with Dropout minus without"
PER_DOUBLING = "points per doubling"
SAME_FASHION = "the same, Fashion-MNIST"

PRIMARY = {
    "P1": Contrast("C5", "gain, MNIST", margin=0.1),
    "P2": Contrast("C5", "gain, Fashion-MNIST", margin=0.3),
    "P3": Contrast("C6", MANY_FEW, margin=0.1),
    "P4": Contrast("C7", "after the dense layer minus after the pooling", margin=0.1),
    "P5": Contrast("C7", "after the dense layer minus after both", margin=0.1),
    "P6": Contrast("C8", "rates of 0.3 to 0.5 minus lower ones", margin=0.1),
    "P7": Contrast("C8", "rates of 0.3 to 0.5 minus higher ones", margin=0.1),
    "P8": Contrast("early stopping", "gain at the kept epochs, MNIST", margin=0.1),
}
SECONDARY = {
    "S1": Contrast("C1", "training accuracy without Dropout, the last five", "%", above=99.9),
    "S2": Contrast("C2", f"{RATIO}, without Dropout", "%", above=10),
    "S3": Contrast("C3", "training accuracy with Dropout at work, the last five", "%", below=99.5),
    "S4": Contrast("C3", ALL_UNITS),
    "S5": Contrast("C4", f"{RATIO}, with Dropout", "%", below=10),
    "S6": Contrast("C4", "validation accuracy with Dropout, best minus the last five", below=0.2),
    "S7a": Contrast("C5", "gain in validation accuracy, the last five, MNIST", above=0),
    "S7b": Contrast("C5", SAME_FASHION, above=0),
    "S8": Contrast("early stopping", "gain at the kept epochs, Fashion-MNIST", above=0),
    "S9a": Contrast("overfitting", RISE_LESS, "nats", below=0),
    "S9b": Contrast("overfitting", SAME_FASHION, "nats", below=0),
    "S10a": Contrast("overfitting", OVERFITTING, "nats", below=0),
    "S10b": Contrast("overfitting", SAME_FASHION, "nats", below=0),
    "S11": Contrast("C6", LOG_FEW, "log", below=0),
    "S12": Contrast("C6", SLOPE, PER_DOUBLING, above=0),
}
SEQUENTIAL = {
    "A1": Contrast("A", "gain, MNIST", margin=0.1),
    "A2": Contrast("A", "gain, Fashion-MNIST", margin=0.3),
    "B1": Contrast("B", "after the dense layer minus after the pooling", margin=0.1),
    "B2": Contrast("B", "after the dense layer minus after both", margin=0.1),
    "C1": Contrast("C", "rates of 0.3 to 0.5 minus lower ones", margin=0.1),
    "C2": Contrast("C", "rates of 0.3 to 0.5 minus higher ones", margin=0.1),
    "C3": Contrast("plateau", "rates of 0.3 to 0.5 minus 0.2", margin=0.1, equivalence=True),
    "C4": Contrast("plateau", "rates of 0.3 to 0.5 minus 0.6", margin=0.1, equivalence=True),
    "D1": Contrast("D", SLOPE, PER_DOUBLING, margin=0.05),
    "E1": Contrast("E", "Dropout to the end minus the kept epoch without, MNIST", margin=0.1),
    "E2": Contrast("E", SAME_FASHION, margin=0.3),
}


def measure(m: Measurements) -> dict[str, pd.Series]:
    """Return the numbers of protocol 1 by contrast, each by seed."""
    fashion = {"dataset": FASHION}
    return {
        "P1": m.change(),
        "P2": m.change(**fashion),
        "P3": mean(m.change(samples=n) for n in FEW) - m.change(),
        "P4": m.of() - m.of(place="pooling"),
        "P5": m.of() - m.of(place="both"),
        "P6": m.mean_of_rates(MIDDLE) - m.mean_of_rates(LOWER),
        "P7": m.mean_of_rates(MIDDLE) - m.mean_of_rates(HIGHER),
        "P8": m.change(KEPT),
        "S1": m.of(LAST_TRAINING, rate=0.0),
        "S2": m.relative_rise(rate=0.0),
        "S3": m.of(LAST_TRAINING),
        "S4": m.change("evaluated_training_accuracy"),
        "S5": m.relative_rise(rate=0.5),
        "S6": m.of("best_validation_accuracy") - m.of(LAST_VALIDATION),
        "S7a": m.change(LAST_VALIDATION),
        "S7b": m.change(LAST_VALIDATION, **fashion),
        "S8": m.change(KEPT, **fashion),
        "S9a": m.change(RISE),
        "S9b": m.change(RISE, **fashion),
        "S10a": m.overfitting(dataset=BASE.dataset),
        "S10b": m.overfitting(**fashion),
        "S11": mean(m.log_errors_left(samples=n) for n in FEW) - m.log_errors_left(samples=48_000),
        "S12": m.slope_on_units(),
    }


def measure_sequential(m: Measurements) -> dict[str, pd.Series]:
    """Return the numbers of protocol 2 by contrast, each by seed."""
    middle = m.mean_of_rates(MIDDLE)
    return {
        "A1": m.change(),
        "A2": m.change(dataset=FASHION),
        "B1": m.of() - m.of(place="pooling"),
        "B2": m.of() - m.of(place="both"),
        "C1": middle - m.mean_of_rates(LOWER),
        "C2": middle - m.mean_of_rates(HIGHER),
        "C3": middle - m.of(rate=0.2),
        "C4": middle - m.of(rate=0.6),
        "D1": m.slope_on_units(),
        "E1": m.of() - m.of(KEPT, rate=0.0),
        "E2": m.of(dataset=FASHION) - m.of(KEPT, rate=0.0, dataset=FASHION),
    }


# Text, and the contrasts that decide. C9 is not about runs over seeds.
CLAIMS = {
    "C1": ("Without Dropout, training accuracy goes to 100 %.", ("S1",)),
    "C2": ("Without Dropout, validation loss gets worse as training goes on.", ("S2",)),
    "C3": ("With Dropout, training accuracy stays visibly below 100 %.", ("S3",)),
    "C4": ("With Dropout, validation accuracy and validation loss stay steady.", ("S5", "S6")),
    "C5": ("Dropout improves accuracy on unseen data.", ("P1", "P2")),
    "C6": ("It helps most where data are few (the part on complex models: S12).", ("P3",)),
    "C7": ("Its place is after fully connected layers.", ("P4", "P5")),
    "C8": ("Rates of 0.3 to 0.5 are the ones to try.", ("P6", "P7")),
    "A": ("Dropout improves accuracy on unseen data.", ("A1", "A2")),
    "B": ("Its place is after fully connected layers.", ("B1", "B2")),
    "C": ("Rates of 0.3 to 0.5 are better than lower and than higher ones.", ("C1", "C2")),
    "plateau": ("Rates of 0.2 and 0.6 are as good as those between.", ("C3", "C4")),
    "D": ("A larger network gains more.", ("D1",)),
    "E": ("Training to the end with Dropout beats stopping early without.", ("E1", "E2")),
}


@dataclass(frozen=True)
class Result:
    """A contrast as measured over fresh seeds.

    Attributes:
        contrast: what was measured.
        planned, seeds: how many seeds it needs, and how many have all of their runs.
        verdict: by its protocol.
        found: over the fresh seeds; None while runs are missing. Of protocol 2, at the look that
            decided it, else at the last that could be taken; always with an interval of 95 %.
        level: of protocol 2, the nominal level of that look.
        p_corrected: of a primary contrast of protocol 1, by Holm's method over all of them.
        p_sign_flip: of protocol 1, exact, beside; it decides nothing.
    """

    contrast: Contrast
    planned: int
    seeds: int = 0
    verdict: str = NOT_YET
    found: Estimate | None = None
    level: float | None = None
    p_corrected: float | None = None
    p_sign_flip: float | None = None


def judge_all(table: Table) -> dict[str, Result]:
    """Judge every contrast, by its id.

    Protocol 1's are judged once all of their seeds are there, its primary ones together.
    """
    results, planned = {}, len(FRESH_SEEDS)
    numbers = measure(Measurements(table, LAST, FRESH_SEEDS))
    for name, contrast in (PRIMARY | SECONDARY).items():
        values = numbers[name].dropna()
        results[name] = Result(contrast, planned, len(values))
        if len(values) == planned:
            results[name] = replace(
                results[name], found=estimate(values), p_sign_flip=sign_flip_p(values)
            )
    if all(results[name].found for name in PRIMARY):
        ps = correct([results[name].found.p for name in PRIMARY])  # type: ignore[union-attr]
        for name, p in zip(PRIMARY, ps, strict=True):
            verdict = judge_primary(results[name].found, p, PRIMARY[name])
            results[name] = replace(results[name], p_corrected=p, verdict=verdict)
    for name, contrast in SECONDARY.items():
        if found := results[name].found:
            results[name] = replace(results[name], verdict=judge_secondary(found, contrast))
    looks = {
        seeds: measure_sequential(
            Measurements(table, LAST_FIVE, range(FIRST_SEED, FIRST_SEED + seeds))
        )
        for seeds in LOOKS
    }
    for name, contrast in SEQUENTIAL.items():
        # A look at a claim happens once all of its runs are there: those of each contrast.
        claim = [n for n, each in SEQUENTIAL.items() if each.claim == contrast.claim]
        values_by_look = {
            seeds: pd.concat({n: look[n] for n in claim}, axis=1, join="inner").dropna()[name]
            for seeds, look in looks.items()
        }
        results[name] = judge_sequentially(contrast, values_by_look)
    if results["B1"].verdict != SUPPORTED:  # B2 is tested only after it
        verdict = NOT_YET if results["B1"].verdict == NOT_YET else NOT_TESTED
        results["B2"] = replace(results["B2"], verdict=verdict)
    return results


def judge_primary(found: Estimate | None, p_corrected: float, contrast: Contrast) -> str:
    """Return the first of protocol 1's verdicts that holds."""
    if found is None or contrast.margin is None:
        return NOT_YET
    if p_corrected < 0.05:
        return SUPPORTED if found.mean > 0 else CONTRADICTED
    return EQUIVALENT if _within(found, contrast.margin) else UNDECIDED


def judge_secondary(found: Estimate, contrast: Contrast) -> str:
    """Judge by the side of the limit that the whole interval is on."""
    if contrast.above is None and contrast.below is None:
        return find_side(found, 0.0)
    claimed, limit = (ABOVE, contrast.above) if contrast.below is None else (BELOW, contrast.below)
    side = find_side(found, limit or 0.0)
    return SUPPORTED if side == claimed else UNDECIDED if side == OPEN else CONTRADICTED


def judge_sequentially(contrast: Contrast, looks: Mapping[int, pd.Series]) -> Result:
    """Judge a contrast of protocol 2 at the looks whose seeds are there.

    Args:
        contrast: what was measured.
        looks: by number of planned seeds, in order, the numbers of those that are there.
    """
    result = Result(contrast, 0)
    for planned, values in looks.items():
        if len(values) < planned:
            return replace(result, planned=planned, seeds=len(values))
        found, level, last = estimate(values), LOOKS[planned], planned == max(LOOKS)
        result = Result(contrast, planned, planned, NOT_YET, found, level)
        if contrast.equivalence and not last:
            continue
        if found.p < level:
            return replace(result, verdict=SUPPORTED if found.mean > 0 else CONTRADICTED)
        if last:
            same = _within(estimate(values, 1 - level), contrast.margin or 0.0)
            return replace(result, verdict=EQUIVALENT if same else UNDECIDED)
    return result


def _within(found: Estimate, margin: float) -> bool:
    return -margin < found.low and found.high < margin


def find_side(found: Estimate, limit: float) -> str:
    """Return where the whole interval is, seen from a limit."""
    return ABOVE if found.low > limit else BELOW if found.high < limit else OPEN


def judge_claim(results: Mapping[str, Result], ids: tuple[str, ...]) -> str:
    """Judge a claim: supported with all of its contrasts, contradicted with one of them.

    A claim of equivalence is supported where all of its contrasts are equivalent, and
    contradicted where one differs.
    """
    found = {results[name].verdict for name in ids}
    if results[ids[0]].contrast.equivalence:
        words = {EQUIVALENT: SUPPORTED, SUPPORTED: CONTRADICTED}
        found = {words.get(verdict, verdict) for verdict in found}
    if len(found) == 1:
        return found.pop()
    return next((word for word in (CONTRADICTED, NOT_YET) if word in found), UNDECIDED)
