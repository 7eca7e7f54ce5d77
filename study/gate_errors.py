"""How often the gate refuses what is no worse, and how large a loss has to be to be found.

The rule that is simulated: a metric that blocks refuses a change where the candidate is worse than
the base by more than a multiple of the metric's standard deviation over the seeds of the base's
study. The base is one run of that study, or the mean over its seeds; or both sides have the mean of
as many seeds. From the mean of n runs the multiple is smaller, by sqrt(1 + 1/n) to sqrt(2). Eight
metrics block: accuracy and loss on validation and on test images of the pipeline's two networks.
Their spread and correlation are those of the study's runs; deviations and means are drawn anew each
time from as many seeds as the study has, as the gate takes them.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from ruamel.yaml import YAML
from scipy import stats

from experiment.common.parameters import Parameters
from experiment.presentation.markdown import table as markdown
from study.paths import GATE
from study.summarise import variants
from study.table import Table

# By metric that blocks: 1 where higher is better, else -1.
METRICS = {"test_accuracy": 1, "test_loss": -1, "validation_accuracy": 1, "validation_loss": -1}
LEAST_SEEDS = 5

RULES = ("one run against one", "one run against the mean", "mean against mean")
SEEDS = (5, 10, 18)
REPEATS = 10_000
CORRELATIONS = 20  # drawn, to see what the few seeds leave open
ALARMS, POWER = 0.01, 0.8

NOT_MEASURED = "Not measured: the study has fewer than five seeds of the pipeline's two networks."


def blocks(table: Table, params: Parameters) -> dict[str, str]:
    """The blocks of docs/gate-calibration.md."""
    runs = gated(table, params)
    if runs is None:
        return {"simulated": NOT_MEASURED, "real": NOT_MEASURED}
    multiples = sorted(multiples_of(YAML(typ="safe").load(GATE.read_text(encoding="utf-8"))))
    return {"simulated": simulated_block(runs, multiples), "real": real_block(runs, multiples)}


def gated(table: Table, params: Parameters) -> np.ndarray | None:
    """Metrics that block, `(seeds, 8)`, higher is better; without Dropout first. None: too few."""
    by_file = variants(table, params)
    without, with_it = table.pair(by_file["metrics/dropout.json"])
    if len(with_it) < LEAST_SEEDS:
        return None
    signs = np.array([*METRICS.values()])
    return np.hstack([runs[[*METRICS]].to_numpy() * signs for runs in (without, with_it)])


def multiples_of(content: object) -> set[float]:
    """Every `deviations` in gate.yaml, wherever it stands."""
    if isinstance(content, Mapping):
        here = content.get("deviations")
        own = {float(here)} if isinstance(here, int | float) else set()
        return own.union(*map(multiples_of, content.values()))
    return set().union(*map(multiples_of, content)) if isinstance(content, list) else set()


def simulated_block(runs: np.ndarray, multiples: list[float]) -> str:
    """False alarms, and the smallest loss found, by rule, number of seeds and multiple."""
    header = [
        "compared", "seeds", "deviations of gate.yaml", "refused though no worse [95 %]",
        "smallest loss found, no Dropout, points", "Dropout, points",
    ]  # fmt: skip
    spread = 100 * runs.std(axis=0, ddof=1)
    rows = []
    for seeds in SEEDS:
        fitted = simulate(seeds, np.corrcoef(runs.T))
        # By rule, the largest of the eight for each correlation that is possible.
        others: dict[str, list[np.ndarray]] = {rule: [] for rule in RULES}
        for correlation in correlations(runs):
            for rule, (worse, deviation) in simulate(seeds, correlation).items():
                others[rule].append((worse / deviation).max(axis=1))
        for rule, (worse, deviation) in fitted.items():
            largest = (worse / deviation).max(axis=1)
            for multiple in [*multiples, float(np.quantile(largest, 1 - ALARMS))]:
                rates = [100 * (other > multiple).mean() for other in others[rule]]
                low, high = np.quantile(rates, [0.025, 0.975])
                losses = [
                    spread[column] * smallest_loss(worse, deviation, multiple, column)
                    for column in (0, len(METRICS))
                ]
                rate = 100 * (largest > multiple).mean()
                line = [
                    rule,
                    str(seeds),
                    f"{multiple:.1f}",
                    f"{rate:.1f} % [{low:.1f} to {high:.1f}]",
                ]
                rows.append([*line, *(f"{loss:.2f}" for loss in losses)])
    return markdown(header, sorted(rows, key=lambda row: RULES.index(row[0])))


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


def simulate(seeds: int, correlation: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By rule, of candidates that are no worse: base minus candidate, and one deviation's margin.

    Each is `(REPEATS, 8)`, in true deviations. The same numbers are drawn for each correlation.
    """
    random = np.random.default_rng(seeds)
    values, vectors = np.linalg.eigh(correlation)
    root = (vectors * np.sqrt(values.clip(0))).T.astype(np.float32)
    shape = (REPEATS, seeds, len(root))
    study, other = (random.standard_normal(shape, np.float32) @ root for _ in range(2))
    deviation = study.std(axis=1, ddof=1)
    differences = (
        study[:, 0] - other[:, 0], study.mean(axis=1) - other[:, 0], (study - other).mean(axis=1),
    )  # fmt: skip
    scales = (1.0, scale_of_mean(seeds), 1.0)
    return {
        rule: (found, scale * deviation)
        for rule, found, scale in zip(RULES, differences, scales, strict=True)
    }


def scale_of_mean(runs: int) -> float:
    """By how much the gate makes margins smaller that are from the mean of so many runs."""
    return float(((1 + 1 / runs) / 2) ** 0.5)


def smallest_loss(worse: np.ndarray, deviation: np.ndarray, multiple: float, column: int) -> float:
    """Of one metric alone, in true deviations; another one may refuse the change as well."""
    needed = multiple * deviation - worse
    refused = (needed < 0).any(axis=1)
    return float(np.quantile(np.where(refused, 0, needed[:, column]), POWER))


def real_block(runs: np.ndarray, multiples: list[float]) -> str:
    """What the study's own runs give: each seed once a candidate; deviations without it."""
    header = ["compared", "deviations of gate.yaml", "comparisons", "refused", "share [95 %]"]
    rows = []
    for multiple in multiples:
        pairs = [
            (a, b) for a, b in zip(range(0, len(runs), 2), range(1, len(runs), 2), strict=False)
        ]
        refused = [refuses(runs, runs[base], candidate, multiple) for base, candidate in pairs]
        rows.append([RULES[0] + ", no run twice", f"{multiple:g}", *counted(refused)])
        allowed = multiple * scale_of_mean(len(runs) - 1)
        refused = [
            refuses(runs, np.delete(runs, seed, axis=0).mean(axis=0), seed, allowed)
            for seed in range(len(runs))
        ]
        rows.append([RULES[1] + " of the others", f"{multiple:g}", *counted(refused)])
    return markdown(header, rows)


def refuses(runs: np.ndarray, base: np.ndarray, candidate: int, multiple: float) -> bool:
    """Whether the run of a seed is refused, by the deviations of the other seeds."""
    deviations = np.delete(runs, candidate, axis=0).std(axis=0, ddof=1)
    return bool((base - runs[candidate] > multiple * deviations).any())


def counted(refused: list[bool]) -> list[str]:
    """A count, and its share with the exact interval of Clopper and Pearson."""
    share = stats.binomtest(sum(refused), len(refused)).proportion_ci(0.95)
    return [
        str(len(refused)), str(sum(refused)),
        f"{100 * np.mean(refused):.0f} % [{100 * share.low:.0f} to {100 * share.high:.0f}]",
    ]  # fmt: skip
