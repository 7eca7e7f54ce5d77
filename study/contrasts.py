"""Protocol 2: its contrasts, and the verdicts on them and on the claims.

protocol-2.md decides: whoever changes a rule here notes it there, under its deviations. All
constants here are the protocol's, whatever params.yaml says today. Protocol 1 is finished:
protocol-1.json has its figures and verdicts, docs/results.md the commit that computed them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiment.variants import Placement
from study.runs import Entry, Setting
from study.statistics import estimate
from study.table import select_values

SUPPORTED, CONTRADICTED, EQUIVALENT = "supported", "contradicted", "equivalent"
UNDECIDED, NOT_YET, NOT_TESTED = "undecided", "not yet", "not tested"
DECIDED = (SUPPORTED, CONTRADICTED, EQUIVALENT)

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
FASHION = "fashion_mnist"
ON_FASHION = replace(BASE, dataset=FASHION)
# By number of training images: small sets get more epochs, since theirs have few updates.
EPOCHS = {48_000: 20, 10_000: 30, 5_000: 40, 1_000: 80, 500: 100, 100: 100}

MIDDLE = (0.3, 0.4, 0.5)  # rates

FIRST_SEED = 18
LOOKS = {8: 0.0003, 12: 0.0028, 16: 0.0084}  # by number of seeds, the two-sided nominal level

DATA = f"test images, mean of the last five epochs, seeds {FIRST_SEED} and more"
LAST, LAST_FIVE, KEPT = "test_accuracy", "last_five_test_accuracy", "best_epoch_test_accuracy"

Weights = Mapping[tuple[Setting, str], float]  # of a setting's metric in a sum
Figures = dict[str, Any]


def average(*settings: Setting, metric: str = LAST_FIVE) -> Weights:
    """Return the mean of a metric over settings."""
    return {(setting, metric): 1 / len(settings) for setting in settings}


def subtract(first: Weights, second: Weights) -> Weights:
    """Return a difference of two sums that share no term."""
    return {**first, **{term: -weight for term, weight in second.items()}}


def gain(setting: Setting, without: str = LAST_FIVE) -> Weights:
    """Return the accuracy of a setting minus an accuracy of the same without Dropout."""
    return subtract(average(setting), average(setting.without_dropout(), metric=without))


def against_place(place: Placement) -> Weights:
    """Return the accuracy with Dropout after the dense layer minus that with another place."""
    return subtract(average(BASE), average(replace(BASE, placement=place)))


def against_rates(*rates: float) -> Weights:
    """Return the mean accuracy with the `MIDDLE` rates minus that with other rates."""
    middle, others = ([replace(BASE, dropout_rate=r) for r in each] for each in (MIDDLE, rates))
    return subtract(average(*middle), average(*others))


def slope_on_units(*units: int) -> Weights:
    """Return the slope of the gain on log2 of the dense units, by least squares."""
    place = np.log2(units) - np.log2(units).mean()
    small = replace(BASE, train_samples=5_000, epochs=EPOCHS[5_000])
    return {
        term: float(share * weight)
        for each, share in zip(units, place / (place**2).sum(), strict=True)
        for term, weight in gain(replace(small, dense_units=each)).items()
    }


@dataclass(frozen=True)
class Contrast:
    """A sum of metrics, one number per seed, expected to be above 0.

    An effect smaller than the `margin` is none; `equivalence` says that none is claimed.
    """

    text: str
    weights: Weights
    margin: float = 0.1
    unit: str = "points"
    equivalence: bool = False


PER_DOUBLING = "points per doubling"
SLOPE = "slope of the gain on log2 of the dense units, 5,000 images"
TO_THE_END = "Dropout to the end minus the kept epoch without, MNIST"
# The contrasts that decide each claim, in the order of the protocol.
CLAIMS = {
    "A": ("Dropout improves accuracy on unseen data.", {
        "A1": Contrast("gain, MNIST", gain(BASE)),
        "A2": Contrast("gain, Fashion-MNIST", gain(ON_FASHION), 0.3),
    }),
    "B": ("Its place is after fully connected layers.", {
        "B1": Contrast("after the dense layer minus after the pooling", against_place("pooling")),
        "B2": Contrast("after the dense layer minus after both", against_place("both")),
    }),
    "C": ("Rates of 0.3 to 0.5 are better than lower and than higher ones.", {
        "C1": Contrast("rates of 0.3 to 0.5 minus lower ones", against_rates(0.1, 0.2)),
        "C2": Contrast("rates of 0.3 to 0.5 minus higher ones", against_rates(0.6, 0.7, 0.8)),
    }),
    "plateau": ("Rates of 0.2 and 0.6 are as good as those between.", {
        "C3": Contrast("rates of 0.3 to 0.5 minus 0.2", against_rates(0.2), equivalence=True),
        "C4": Contrast("rates of 0.3 to 0.5 minus 0.6", against_rates(0.6), equivalence=True),
    }),
    "D": ("A larger network gains more.", {
        "D1": Contrast(SLOPE, slope_on_units(32, 128, 512, 1_024), 0.05, PER_DOUBLING),
    }),
    "E": ("Training to the end with Dropout beats stopping early without.", {
        "E1": Contrast(TO_THE_END, gain(BASE, KEPT)),
        "E2": Contrast("the same, Fashion-MNIST", gain(ON_FASHION, KEPT), 0.3),
    }),
}  # fmt: skip
CONTRASTS = {name: each for _, contrasts in CLAIMS.values() for name, each in contrasts.items()}


def measure(entries: Sequence[Entry], weights: Weights) -> pd.Series:
    """Return a sum by seed, of the seeds that have all of its runs."""
    terms = [weight * select_values(entries, *term) for term, weight in weights.items()]
    return pd.concat(terms, axis=1, join="inner").sum(axis=1)


def judge_all(entries: Sequence[Entry]) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """Return the contrasts and the claims with their verdicts, as metrics/results.json has them."""
    contrasts: dict[str, Figures] = {}
    for claim, (_, parts) in CLAIMS.items():
        # A look at a claim happens once all of its runs are there: those of each contrast.
        values = {name: measure(entries, each.weights) for name, each in parts.items()}
        rows = pd.concat(values, axis=1, join="inner")
        for name, c in parts.items():
            about = {"claim": claim, "margin": c.margin, "text": c.text, "unit": c.unit}
            contrasts[name] = {**about, "data": DATA, "protocol": 2, **judge(c, rows[name])}
    first = contrasts["B1"]["verdict"]
    if first != SUPPORTED:  # B2 is tested only after it
        contrasts["B2"]["verdict"] = NOT_YET if first == NOT_YET else NOT_TESTED
        contrasts["B2"].pop("excluded", None)
    claims = {
        name: {"contrasts": [*parts], "text": text, "verdict": judge_claim(contrasts, [*parts])}
        for name, (text, parts) in CLAIMS.items()
    }
    return contrasts, claims


def judge(contrast: Contrast, values: pd.Series) -> Figures:
    """Judge a contrast by its values, by seed, at the looks whose seeds are there.

    The `level` and the estimate, with an interval of 95 %, are of the look that decided it, else of
    the last one taken; `seeds_planned` are at that look or the next one. Where all looks leave it
    undecided, effects outside of what is `excluded` are: an interval with the last look's coverage.
    """
    result: Figures = {"level": None, "verdict": NOT_YET}
    for planned, level in LOOKS.items():
        result["seeds_planned"] = planned
        looked_at = values[values.index.isin(range(FIRST_SEED, FIRST_SEED + planned))]
        if len(looked_at) < planned:
            return {"seeds": len(looked_at), **result}
        found = estimate(looked_at)
        result |= asdict(found) | {"level": level}
        may_decide = not contrast.equivalence or planned == max(LOOKS)
        if may_decide and found.p < level:
            return result | {"verdict": SUPPORTED if found.mean > 0 else CONTRADICTED}
    wide = estimate(looked_at, 1 - level)
    if -contrast.margin < wide.low and wide.high < contrast.margin:
        return result | {"verdict": EQUIVALENT}
    return result | {"verdict": UNDECIDED, "excluded": [wide.low, wide.high]}


def judge_claim(contrasts: Mapping[str, Figures], names: Sequence[str]) -> str:
    """Judge a claim: supported with all of its contrasts, contradicted with one of them.

    A claim of equivalence is supported where all of them are equivalent, contradicted where one
    differs.
    """
    found = {contrasts[name]["verdict"] for name in names}
    if names[0] in CONTRASTS and CONTRASTS[names[0]].equivalence:
        words = {EQUIVALENT: SUPPORTED, SUPPORTED: CONTRADICTED}
        found = {words.get(verdict, verdict) for verdict in found}
    if len(found) == 1:
        return str(found.pop())
    return next((word for word in (CONTRADICTED, NOT_YET) if word in found), UNDECIDED)
