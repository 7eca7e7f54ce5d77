"""The contrasts are those of protocol 2, and judged as it says, on made-up runs."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiment.parameters import load_parameters, read_parameters
from experiment.variants import VARIANTS
from study.contrasts import (
    BASE,
    CONTRASTS,
    LAST_FIVE,
    LOOKS,
    Contrast,
    judge,
    judge_all,
    judge_claim,
    measure,
)
from study.grid import PARAMETERS, StudyParameters, plan_runs
from study.results import choose_mark
from study.runs import Store, setting_of
from study.table import Table
from tests.conftest import ROOT
from tests.study.made_up import EQUAL_UPDATES, GAINS, MAIN, make_entries, make_setting

PROTOCOL = (ROOT / "study/protocol-2.md").read_text(encoding="utf-8")


def test_contrasts_claims_and_looks_of_the_protocol() -> None:
    rows = re.findall(r"^\| ([A-E]\d) \| (.)(.*?) \| (.*) \| (\S+).*? \|$", PROTOCOL, re.MULTILINE)
    whole, _ = judge_all(Table(make_entries(range(2))))
    assert [name for name, *_ in rows] == [*whole]
    for name, claim, more, text, margin in rows:
        contrast, found = CONTRASTS[name], whole[name]
        assert (contrast.margin, contrast.equivalence) == (float(margin), "equivalent)" in text)
        assert found["claim"] == ("plateau" if "plateau" in more else claim)
    [looks] = re.findall(r"\*\*Looks.\*\* .*?Student's t", PROTOCOL, re.DOTALL)
    assert re.findall(r"(\d+)(?: seeds)?\)", looks) == [str(seeds) for seeds in LOOKS]
    [levels] = re.findall(r"nominal levels (.*?):", PROTOCOL)
    assert [float(level) for level in re.findall(r"0\.\d+", levels)] == [*LOOKS.values()]
    assert BASE == MAIN


def test_slope_on_units() -> None:
    """By seed, that of SciPy's line through the gains in points, by log2 of the units."""
    entries, units = make_entries(range(3)), [32, 128, 512, 1_024]
    found = {(e.setting, e.seed): 100 * e.metrics[LAST_FIVE] for e in entries}
    for seed, slope in measure(Table(entries), CONTRASTS["D1"].weights).items():
        sides = [
            [found[make_setting(rate, 5_000, dense_units=n), seed] for n in units]
            for rate in (0.0, 0.5)
        ]
        gains = np.subtract(sides[1], sides[0])
        assert slope == pytest.approx(stats.linregress(np.log2(units), gains).slope)


def test_grid_of_the_protocol() -> None:
    """It has all runs of the first look, those of secondary measures too, and every stored run."""
    params = load_parameters(ROOT / "params.yaml")
    images = {"mnist": 48_000, "fashion_mnist": 48_000}
    grid = {*plan_runs(read_parameters(ROOT / PARAMETERS, StudyParameters), params, images)}
    asked = {setting for each in CONTRASTS.values() for setting, _ in each.weights}
    asked |= {make_setting(rate, 1_000) for rate in (0.0, *GAINS)}
    asked |= {make_setting(r, n, epochs=e) for r in (0.0, 0.5) for n, e in EQUAL_UPDATES.items()}
    assert grid >= {(setting, seed) for setting in asked for seed in range(18, 26)}
    entries = Store(ROOT / "study/runs.jsonl").entries.values()
    assert grid >= {(entry.setting, entry.seed) for entry in entries}
    own = {(setting_of(params, variant, 48_000), params.train.seed) for variant in VARIANTS}
    assert grid >= own


@pytest.mark.parametrize(
    ("equivalence", "seeds", "p", "mean", "expected"),
    [
        (False, 8, 0.00029, 1, (8, "supported")),
        (False, 8, 0.00031, 1, (8, "not yet")),
        (False, 11, 1e-6, -1, (8, "contradicted")),
        (False, 12, 0.0027, 1, (12, "supported")),
        (False, 12, 0.0029, 1, (12, "not yet")),
        (False, 16, 0.0085, 0.2, (16, "undecided")),
        (False, 16, 0.5, 0.01, (16, "equivalent")),
        (False, 16, 0.009, 0.052, (16, "undecided")),  # the interval ends above 0.1
        (True, 12, 1e-6, 1, (12, "not yet")),
        (True, 16, 0.5, 0.01, (16, "equivalent")),
        (True, 16, 1e-6, 0.01, (16, "supported")),
    ],
)
def test_verdict(
    equivalence: bool, seeds: int, p: float, mean: float, expected: tuple[int, str]
) -> None:
    """The first look that decides does, at its level; equivalence only at the last look."""
    values = stats.zscore(np.resize([1.0, -1.0], seeds), ddof=1)  # whose t-test has this p
    values = mean + values * abs(mean) * seeds**0.5 / stats.t.isf(p / 2, seeds - 1)
    contrast = Contrast("a contrast", {}, equivalence=equivalence)
    found = judge(contrast, pd.Series(values, index=range(18, 18 + seeds)))
    assert (found["seeds"], found["verdict"]) == expected


@pytest.mark.parametrize(
    ("verdict", "intervals", "mark"),
    [
        ("supported", [(-1, 1), (-1, 1)], "sure"),
        ("undecided", [(1, 2), (1, 2)], "likely"),
        ("undecided", [(-2, -1), (-2, -1)], "likely"),
        ("undecided", [(1, 2), (-1, 2)], "not shown"),
        ("undecided", [(1, 2), (-2, -1)], "not shown"),
    ],
)
def test_mark_of_an_answer(verdict: str, intervals: list[tuple[int, int]], mark: str) -> None:
    found = {
        name: {"verdict": verdict, "low": low, "high": high}
        for name, (low, high) in zip(("A1", "A2"), intervals, strict=True)
    }
    assert choose_mark(found, [*found]) == mark


def test_error_of_all_looks() -> None:
    """Without an effect, about one contrast in a hundred passes at any look, of normal values."""
    values = np.random.default_rng(0).standard_normal((40_000, max(LOOKS)))
    passed = np.zeros(len(values), bool)
    for seeds, level in LOOKS.items():
        passed |= stats.ttest_1samp(values[:, :seeds], 0, axis=1).pvalue < level
    assert passed.mean() == pytest.approx(0.0099, abs=0.0015)


@pytest.mark.parametrize(
    ("ids", "found", "expected"),
    [
        ("A1 A2", ("supported", "supported"), "supported"),
        ("A1 A2", ("supported", "equivalent"), "undecided"),
        ("A1 A2", ("not yet", "supported"), "not yet"),
        ("P1 P2", ("not yet", "contradicted"), "contradicted"),
        ("C3 C4", ("equivalent", "equivalent"), "supported"),
        ("C3 C4", ("equivalent", "supported"), "contradicted"),
        ("C3 C4", ("equivalent", "undecided"), "undecided"),
    ],
)
def test_claim_with_two_contrasts(ids: str, found: tuple[str, ...], expected: str) -> None:
    names = ids.split()
    verdicts = {name: {"verdict": verdict} for name, verdict in zip(names, found, strict=True)}
    assert judge_claim(verdicts, names) == expected
