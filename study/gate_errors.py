"""How often the gate refuses what is no worse, and finds what is: measured on runs of the study.

Two runs of one setting differ in nothing but the seed, so that whatever the gate says of them is
known to be noise (A/A). A regression is planted by taking accuracy off one of them. The runs come
from the study; nothing is drawn from a distribution.
"""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from gate.comparison import Name, Noise, compare, margin_of
from gate.runs import Finding, Question, Runs, answer
from gate.settings import Rule, RunsSettings
from gate.snapshot import MetricsFile

PLANTED_IN = "test_accuracy"
PLANTED_POINTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)  # 0 is A/A; 1 point is 0.01
LEAST_RUNS = 4  # so that three are left for the deviation
DRAWS = 300

Rules = Mapping[Name, Rule]
# By metrics file, the runs of the setting that stands for it; they have their seeds in common.
World = Mapping[str, Runs]


@dataclass(frozen=True)
class Rate:
    """How often the gate refused.

    Attributes:
        test: what refused, in words.
        runs: of what, in words.
        points: what was taken off the candidate's test accuracy, in percentage points.
        comparisons: how many were made; they share runs.
        independent: how many of them share none, 0 or more; the interval is theirs.
        refused: share of comparisons that did not pass, 0 to 1.
        regressions: share of comparisons that were found to be regressions, 0 to 1.
        low, high: 95 % interval of `refused`.
    """

    test: str
    runs: str
    points: float
    comparisons: int
    independent: int
    refused: float
    regressions: float
    low: float
    high: float


def single_run_rates(worlds: Sequence[World], rules: Rules, runs: str) -> Iterator[Rate]:
    """The gate on one run against another: every ordered pair of seeds of each world.

    The margin's deviation is over all runs but the candidate, as in use, where the base is one of
    the study's seeds and the candidate is new.
    """
    for points in PLANTED_POINTS:
        refused = [
            _refuses(world, rules, base, candidate, points / 100)
            for world in worlds
            for base, candidate in permutations(seeds_of(world), 2)
        ]
        independent = sum(len(seeds_of(world)) // 2 for world in worlds)
        yield _rate("one run", runs, points, refused, refused, independent)


def _refuses(world: World, rules: Rules, base: int, candidate: int, planted: float) -> bool:
    rest = [seed for seed in seeds_of(world) if seed != candidate]
    rules = {name: rule for name, rule in rules.items() if name[0] in world}
    deviations = {
        (file, key): statistics.stdev(world[file][seed][key] for seed in rest)
        for file, key in rules
        if all(key in world[file][seed] for seed in rest)
    }
    before = {file: MetricsFile(runs[base]) for file, runs in world.items()}
    after = {
        file: MetricsFile(
            {**runs[candidate], PLANTED_IN: runs[candidate][PLANTED_IN] - planted},
        )
        for file, runs in world.items()
    }
    found = compare(rules, before, after, Noise(deviations, "left-out runs"))
    return any(comparison.refuses for comparison in found)


def paired_rates(
    world: World, others: Sequence[World], rules: Rules, settings: RunsSettings
) -> Iterator[Rate]:
    """The test over seeds, on as many pairs as it needs, drawn from real runs without repetition.

    Once with seeds of the setting itself, where it has twice as many as pairs are needed. And once
    with deviations of runs from the mean of their setting, of all settings, in standard deviations
    of their setting: there the noise's form is that of all, and its size that of the setting.
    """
    asked = [(f, k, r) for (f, k), r in rules.items() if f in world and r.over_runs and r.blocks]
    own = {(f, k): _values(world[f], k) for f, k, _ in asked}
    scaled = {(f, k): _scaled([world, *others], world[f], k) for f, k, _ in asked}
    yield from _paired_rates(own, asked, settings, "seeds of the two variants")
    if others:
        yield from _paired_rates(scaled, asked, settings, "runs of all settings, scaled")


def _paired_rates(
    pools: Mapping[tuple[str, str], np.ndarray],
    asked: Sequence[tuple[str, str, Rule]],
    settings: RunsSettings,
    runs: str,
) -> Iterator[Rate]:
    size = min(map(len, pools.values()), default=0)
    if size < 2 * settings.pairs:
        return
    random = np.random.default_rng(0)
    draws = [random.permutation(size)[: 2 * settings.pairs] for _ in range(DRAWS)]
    independent = size // (2 * settings.pairs)
    for points in PLANTED_POINTS:
        findings = []
        for draw in draws:
            questions = [_question(f, k, r, pools[f, k][draw], points / 100) for f, k, r in asked]
            tests = answer(questions, settings.level, settings.pairs)
            findings.append({test.finding for test in tests})
        refused = [found != {Finding.NO_WORSE} for found in findings]
        worse = [Finding.WORSE in found for found in findings]
        yield _rate(f"{settings.pairs} pairs of seeds", runs, points, refused, worse, independent)


def _question(file: str, key: str, rule: Rule, drawn: np.ndarray, planted: float) -> Question:
    before, after = np.split(drawn, 2)
    if key == PLANTED_IN:
        after = after - planted
    worse_by = (before - after) * (1 if rule.better == "higher" else -1)
    if rule.over_runs is None:
        raise ValueError(f"{key} is not tested over seeds")
    # As a study of the base would have measured it.
    deviation = float(before.std(ddof=1))
    margin, origin = margin_of(
        rule.over_runs, float(before.mean()), deviation, "drawn runs", len(before)
    )
    return Question(file, key, rule.blocks, tuple(worse_by.tolist()), margin, origin)


def seeds_of(world: World) -> list[int]:
    """The seeds that all its settings have."""
    return sorted(set.intersection(*(set(runs) for runs in world.values())))


def _values(runs: Runs, key: str) -> np.ndarray:
    return np.array([runs[seed][key] for seed in sorted(runs)])


def _scaled(worlds: Iterable[World], own: Runs, key: str) -> np.ndarray:
    """Values as `own` might have had them; sqrt(n / (n - 1)) undoes what centring takes away."""
    target = _values(own, key)
    parts = [_values(runs, key) for world in worlds for runs in world.values()]
    scores = [
        (part - part.mean()) / part.std(ddof=1) * np.sqrt(len(part) / (len(part) - 1))
        for part in parts
        if len(part) >= LEAST_RUNS and part.std(ddof=1) > 0
    ]
    return np.asarray(target.mean() + target.std(ddof=1) * np.concatenate(scores))


def _rate(
    test: str, runs: str, points: float, refused: list[bool], worse: list[bool], independent: int
) -> Rate:
    """The share of refusals, with the exact interval of Clopper and Pearson (1934).

    For as many comparisons as share no run: the others add precision, but not so much that it
    could be told how much.
    """
    from scipy.stats import beta

    share = sum(refused) / len(refused)
    hits = share * independent
    low = beta.ppf(0.025, hits, independent - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(0.975, hits + 1, independent - hits) if hits < independent else 1.0
    return Rate(
        test, runs, points, len(refused), independent, share, sum(worse) / len(worse),
        float(low), float(high),
    )  # fmt: skip
