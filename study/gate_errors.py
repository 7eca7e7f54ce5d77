"""How often the gate refuses what is no worse, and how large a loss has to be to be found.

Each rule of the gate is a function of the runs of the base's study and of the candidate's runs. It
is applied to simulated runs, whose spread and correlation are those of the study's runs, and to the
study's runs themselves. Eight metrics block: accuracy and loss on validation and on test images of
the pipeline's two networks.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from ruamel.yaml import YAML
from scipy import stats

from experiment.parameters import Parameters
from experiment.support.markdown import table as markdown
from study.paths import GATE
from study.summarise import variants
from study.table import Table

# By metric that blocks: 1 where higher is better, else -1.
METRICS = {"test_accuracy": 1, "test_loss": -1, "validation_accuracy": 1, "validation_loss": -1}
TEST_ACCURACIES = [0, len(METRICS)]  # of both networks; the only metrics whose means are compared
LEAST_SEEDS = 5

SEEDS = (5, 10, 18)
REPEATS = 10_000
CORRELATIONS = 20  # drawn, to see what the few seeds leave open
SPLITS = 1_000
ALARMS, POWER = 0.01, 0.8

# Of the test of means: one-sided level of both networks together, and the pairs that it uses.
LEVEL, MOST_PAIRS = 0.1, 12

NOT_MEASURED = "Not measured: the study has fewer than five seeds of the pipeline's two networks."


class Compared(NamedTuple):
    """What a rule judges; each array is `(comparisons, metrics)`.

    Attributes:
        worse: refused where it is above the allowed multiple of `unit` in one metric.
        unit: of the multiple.
        strict: refused also where it is above in all metrics: Holm's correction asks it of one.
    """

    worse: np.ndarray
    unit: np.ndarray
    strict: np.ndarray | None = None

    def critical(self) -> np.ndarray:
        """By comparison, the multiple below which it is refused."""
        found = (self.worse / self.unit).max(axis=1)
        if self.strict is not None:
            found = np.maximum(found, (self.strict / self.unit).min(axis=1))
        return np.asarray(found)

    def smallest_loss(self, multiple: float, column: int) -> float:
        """Of one metric alone, found with `POWER`; another one may refuse the change as well."""
        allowed = multiple * self.unit[:, column]
        needed = allowed - self.worse[:, column]
        if self.strict is not None:
            others = np.delete(self.strict / self.unit, column, axis=1).min(axis=1) > multiple
            needed = np.where(others, allowed - self.strict[:, column], needed)
        return float(np.quantile(np.where(self.critical() > multiple, 0, needed), POWER))


# Both arguments of a rule: `(comparisons, seeds, 8)`, higher is better.


def one_against_one(study: np.ndarray, candidate: np.ndarray) -> Compared:
    """The base is the first run of its study."""
    return Compared(study[:, 0] - candidate[:, 0], study.std(axis=1, ddof=1))


def one_against_mean(study: np.ndarray, candidate: np.ndarray) -> Compared:
    """The base is the mean over its study of n runs.

    The difference varies less than that of two runs, by sqrt(1 + 1/n) to sqrt(2), and so does what
    the gate allows.
    """
    unit = study.std(axis=1, ddof=1) * np.sqrt((1 + 1 / study.shape[1]) / 2)
    return Compared(study.mean(axis=1) - candidate[:, 0], unit)


def means_of_pairs(study: np.ndarray, candidate: np.ndarray) -> Compared:
    """Means over seeds are to be shown no worse by the exact test that flips signs.

    It shows so at a level of k in 2^n where the k-th largest mean of a subset of the n differences
    is below the margin: see `gate.noninferiority.interval`. Inconclusive is refused, too.
    """
    study, candidate = study[..., TEST_ACCURACIES], candidate[..., TEST_ACCURACIES]
    unit = study.std(axis=1, ddof=1) * np.sqrt(2 / study.shape[1])
    pairs = (study - candidate)[:, :MOST_PAIRS].transpose(0, 2, 1)
    subsets = 2 ** pairs.shape[2]
    members = (np.arange(1, subsets) >> np.arange(pairs.shape[2])[:, None]) & 1
    weights = (members / members.sum(axis=0)).astype(pairs.dtype)
    places = [-int(LEVEL * subsets), -int(LEVEL / len(TEST_ACCURACIES) * subsets)]
    bounds = [
        np.partition(part @ weights, places)[..., places]
        for part in np.array_split(pairs, 1 + len(pairs) // 500)  # all at once: a gigabyte
    ]
    worse, strict = np.moveaxis(np.concatenate(bounds), -1, 0)
    return Compared(worse, unit, strict)


Rule = Callable[[np.ndarray, np.ndarray], Compared]

# By rule, the setting of gate.yaml that says how much it allows.
ONE, MEAN, MEANS = "one run against one", "one run against the mean", "mean against mean"
RULES: dict[str, tuple[Rule, str]] = {
    ONE: (one_against_one, "deviations"),
    MEAN: (one_against_mean, "deviations"),
    MEANS: (means_of_pairs, "standard_errors"),
}
LOSSES = ("smallest loss found, no Dropout, points", "Dropout, points")


def blocks(table: Table, params: Parameters) -> dict[str, str]:
    """The blocks of docs/gate-calibration.md."""
    runs = gated(table, params)
    if runs is None:
        return {"simulated": NOT_MEASURED, "real": NOT_MEASURED}
    content = YAML(typ="safe").load(GATE.read_text(encoding="utf-8"))
    allowed = {name: sorted(multiples_of(content, kind)) for name, (_, kind) in RULES.items()}
    return {"simulated": simulated_block(runs, allowed), "real": real_block(runs, allowed)}


def gated(table: Table, params: Parameters) -> np.ndarray | None:
    """Metrics that block, `(seeds, 8)`, higher is better; without Dropout first. None: too few."""
    by_file = variants(table, params)
    without, with_it = table.pair(by_file["metrics/dropout.json"])
    if len(with_it) < LEAST_SEEDS:
        return None
    signs = np.array([*METRICS.values()])
    return np.hstack([runs[[*METRICS]].to_numpy() * signs for runs in (without, with_it)])


def multiples_of(content: object, kind: str) -> set[float]:
    """Every `deviations` or `standard_errors` in gate.yaml, wherever it stands."""
    if isinstance(content, Mapping):
        here = content.get(kind)
        own = {float(here)} if isinstance(here, int | float) else set()
        return own.union(*(multiples_of(part, kind) for part in content.values()))
    parts = content if isinstance(content, list) else []
    return set().union(*(multiples_of(part, kind) for part in parts))


def simulated_block(runs: np.ndarray, allowed: Mapping[str, list[float]]) -> str:
    """False alarms, and the smallest loss found, by rule, number of seeds and multiple."""
    header = ["compared", "seeds", "allowed", "refused though no worse [95 %]", *LOSSES]
    deviations = runs.std(axis=0, ddof=1)[TEST_ACCURACIES]
    possible = [*correlations(runs)]
    # Of the only two metrics of the means, the rates are between those of the outermost ones.
    outermost = sorted(possible, key=lambda c: float(c[tuple(TEST_ACCURACIES)]))
    rows = []
    for name, (rule, kind) in RULES.items():
        for seeds in SEEDS:
            found = rule(*simulate(seeds, np.corrcoef(runs.T)))
            critical = found.critical()
            used = outermost[:: CORRELATIONS - 1] if name == MEANS else possible
            others = [rule(*simulate(seeds, correlation)).critical() for correlation in used]
            for multiple in [*allowed[name], float(np.quantile(critical, 1 - ALARMS))]:
                rates = [100 * (other > multiple).mean() for other in others]
                low, high = np.quantile(rates, [0.025, 0.975])
                rate = f"{100 * (critical > multiple).mean():.1f} % [{low:.1f} to {high:.1f}]"
                text = f"{multiple:.1f} {kind.replace('_', ' ')}"
                shown = losses(found, multiple, 100 * deviations)
                rows.append([name, str(seeds), text, rate, *shown])
    return markdown(header, rows)


def losses(found: Compared, multiple: float, scale: Sequence[float] | np.ndarray) -> list[str]:
    """The smallest losses of test accuracy that are found, in points, of both networks."""
    columns = (0, found.worse.shape[1] // 2)
    return [
        f"{points * found.smallest_loss(multiple, column):.2f}"
        for points, column in zip(scale, columns, strict=True)
    ]


def correlations(runs: np.ndarray) -> Iterator[np.ndarray]:
    """Correlations that as many seeds could have shown as well."""
    drawn = stats.wishart.rvs(
        len(runs) - 1,
        np.corrcoef(runs.T) + 1e-9 * np.eye(runs.shape[1]),  # few seeds: it is singular
        size=CORRELATIONS,
        random_state=np.random.default_rng(1),
    )
    for covariance in drawn:
        scale = np.sqrt(np.diag(covariance))
        yield covariance / np.outer(scale, scale)


def simulate(seeds: int, correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of a base and of a candidate that is no worse, in true deviations.

    Both are `(REPEATS, seeds, metrics)`. The same numbers are drawn for each correlation.
    """
    values, vectors = np.linalg.eigh(correlation)
    # The symmetric root: of other ones, two correlations that are alike may draw other numbers.
    root = ((vectors * np.sqrt(values.clip(0))) @ vectors.T).astype(np.float32)
    study, candidate = standard_normal(seeds, len(root)) @ root
    return study, candidate


@functools.cache
def standard_normal(seeds: int, metrics: int) -> np.ndarray:
    """`float32 (2, REPEATS, seeds, metrics)`."""
    random = np.random.default_rng(seeds)
    return random.standard_normal((2, REPEATS, seeds, metrics), np.float32)


def real_block(runs: np.ndarray, allowed: Mapping[str, list[float]]) -> str:
    """What the study's own runs give, which differ in nothing but the seed."""
    header = ["compared", "allowed", "comparisons", "refused", "share [95 %]", *LOSSES]
    rows = []
    for name, text, (study, candidate) in comparisons(runs):
        rule, kind = RULES[name]
        found = rule(study, candidate)
        for multiple in allowed[name]:
            refused = (found.critical() > multiple).tolist()
            counts = counted(refused, independent=name != MEANS)
            line = [f"{name}, {text}", f"{multiple:g} {kind.replace('_', ' ')}", *counts]
            rows.append([*line, *losses(found, multiple, [100, 100])])
    return markdown(header, rows)


def comparisons(runs: np.ndarray) -> Iterator[tuple[str, str, tuple[np.ndarray, np.ndarray]]]:
    """By rule, what of the runs is compared with what: the base's study and the candidate."""
    others = np.array([np.delete(runs, seed, axis=0) for seed in range(len(runs))])
    # Of each pair of neighbours, the first is the base and the second the candidate.
    bases = [np.roll(others[seed], -(seed - 1), axis=0) for seed in range(1, len(runs), 2)]
    yield ONE, "no run twice", (np.array(bases), runs[1::2, None])
    yield MEAN, "that of the others", (others, runs[:, None])
    if (half := len(runs) // 2) >= LEAST_SEEDS:
        random = np.random.default_rng(0)
        split = np.array([random.permutation(runs)[: 2 * half] for _ in range(SPLITS)])
        yield MEANS, f"{half} of {half} seeds, split at random", (split[:, :half], split[:, half:])


def counted(refused: list[bool], *, independent: bool) -> list[str]:
    """A count, and its share, with the exact interval of Clopper and Pearson if independent."""
    share = f"{100 * np.mean(refused):.3g} %"
    if independent:
        exact = stats.binomtest(sum(refused), len(refused)).proportion_ci(0.95)
        share += f" [{100 * exact.low:.0f} to {100 * exact.high:.0f}]"
    return [str(len(refused)), str(sum(refused)), share]
