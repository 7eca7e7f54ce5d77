"""The contrasts are those of protocol 2, and judged as it says, on made-up runs."""

import re

import numpy as np
import pandas as pd
from scipy import stats

from experiment.parameters import load_parameters, read_parameters
from experiment.variants import VARIANTS
from study.contrasts import CONTRASTS, LOOKS, Contrast, judge, judge_all, judge_claim
from study.grid import PARAMETERS, StudyParameters, plan_runs
from study.results import EQUAL_UPDATES, choose_mark
from study.runs import Store, setting_of
from tests.conftest import ROOT
from tests.study.made_up import GAINS, make_entries, make_setting

PROTOCOL = (ROOT / "study/protocol-2.md").read_text(encoding="utf-8")


def test_contrasts_claims_and_looks_of_the_protocol() -> None:
    rows = re.findall(r"^\| ([A-E]\d) \| (.)(.*?) \| (.*) \| (\S+).*? \|$", PROTOCOL, re.MULTILINE)
    whole, _ = judge_all(make_entries(range(2)))
    assert [name for name, *_ in rows] == [*whole]
    for name, claim, more, text, margin in rows:
        contrast, found = CONTRASTS[name], whole[name]
        assert (contrast.margin, contrast.equivalence) == (float(margin), "equivalent)" in text)
        assert found["claim"] == ("plateau" if "plateau" in more else claim)
    [looks] = re.findall(r"\*\*Looks.\*\* .*?Student's t", PROTOCOL, re.DOTALL)
    assert re.findall(r"(\d+)(?: seeds)?\)", looks) == [str(seeds) for seeds in LOOKS]
    [levels] = re.findall(r"nominal levels (.*?):", PROTOCOL)
    assert [float(level) for level in re.findall(r"0\.\d+", levels)] == [*LOOKS.values()]


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
    assert {seed for _, seed in grid} == {*range(34)}  # all claims end at seed 33


def test_verdict() -> None:
    """The first look that decides does, at its level; equivalence only at the last look."""
    for equivalence, seeds, p, mean, *expected in (
        (False, 8, 0.00029, 1, 8, "supported"),
        (False, 8, 0.00031, 1, 8, "not yet"),
        (False, 11, 1e-6, -1, 8, "contradicted"),
        (False, 12, 0.0027, 1, 12, "supported"),
        (False, 16, 0.0085, 0.2, 16, "undecided"),
        (False, 16, 0.5, 0.01, 16, "equivalent"),
        (False, 16, 0.009, 0.052, 16, "undecided"),  # the interval ends above 0.1
        (True, 12, 1e-6, 1, 12, "not yet"),
        (True, 16, 1e-6, 0.01, 16, "supported"),
    ):
        values = stats.zscore(np.resize([1.0, -1.0], seeds), ddof=1)  # whose t-test has this p
        values = mean + values * abs(mean) * seeds**0.5 / stats.t.isf(p / 2, seeds - 1)
        contrast = Contrast("a contrast", {}, equivalence=equivalence)
        found = judge(contrast, pd.Series(values, index=range(18, 18 + seeds)))
        assert [found["seeds"], found["verdict"]] == expected


def test_mark_of_an_answer() -> None:
    """Likely where all intervals are on one side of 0."""
    above, below, open_ = ({"low": low, "high": low + 2} for low in (1, -3, -1))
    for first, second, mark in (
        (above, above, "likely"),
        (below, below, "likely"),
        (above, open_, "not shown"),
        (below, open_, "not shown"),
        (above, below, "not shown"),
    ):
        contrasts = {k: {"verdict": "undecided", **v} for k, v in (("P1", first), ("P2", second))}
        assert choose_mark(contrasts, ["P1", "P2"]) == mark


def test_claim_with_two_contrasts() -> None:
    for ids, *found, expected in (
        ("A1 A2", "supported", "supported", "supported"),
        ("A1 A2", "supported", "equivalent", "undecided"),
        ("A1 A2", "not yet", "supported", "not yet"),
        ("P1 P2", "not yet", "contradicted", "contradicted"),
        ("C3 C4", "equivalent", "equivalent", "supported"),
        ("C3 C4", "equivalent", "supported", "contradicted"),
        ("C3 C4", "equivalent", "undecided", "undecided"),
    ):
        verdicts = {k: {"verdict": v} for k, v in zip(ids.split(), found, strict=True)}
        assert judge_claim(verdicts, ids.split()) == expected
