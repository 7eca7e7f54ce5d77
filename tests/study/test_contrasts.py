"""The contrasts are those of protocol 2, and judged as it says, on made-up runs."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.contrasts import (
    BASE,
    CONTRASTS,
    LAST_FIVE,
    LOOKS,
    Contrast,
    judge,
    judge_all,
    judge_claim,
)
from study.runs import Setting
from study.table import Table
from tests.conftest import ROOT
from tests.study.made_up import Metrics, make_entries

PROTOCOL = (ROOT / "study/protocol-2.md").read_text(encoding="utf-8")
ENTRIES = make_entries()
WHOLE, CLAIMS = judge_all(Table(ENTRIES))


def test_contrasts_claims_and_looks_of_the_protocol() -> None:
    rows = re.findall(r"^\| ([A-E]\d) \| (.)(.*?) \| (.*) \| (\S+).*? \|$", PROTOCOL, re.MULTILINE)
    assert [name for name, *_ in rows] == [*WHOLE]
    for name, claim, more, text, margin in rows:
        contrast, found = CONTRASTS[name], WHOLE[name]
        assert (contrast.margin, contrast.equivalence) == (float(margin), "equivalent)" in text)
        assert found["claim"] == ("plateau" if "plateau" in more else claim)
    [looks] = re.findall(r"\*\*Looks.\*\* .*?Student's t", PROTOCOL, re.DOTALL)
    assert re.findall(r"(\d+)(?: seeds)?\)", looks) == [str(seeds) for seeds in LOOKS]
    [levels] = re.findall(r"nominal levels (.*?):", PROTOCOL)
    assert [float(level) for level in re.findall(r"0\.\d+", levels)] == [*LOOKS.values()]


def test_textbook() -> None:
    """All is supported where all is as the textbook says; the numbers are those put in."""
    expected = dict.fromkeys(CONTRASTS, "supported") | dict.fromkeys(("C3", "C4"), "equivalent")
    assert {name: each["verdict"] for name, each in WHOLE.items()} == expected
    assert {each["verdict"] for each in CLAIMS.values()} == {"supported"}
    # Gains of 0.4 points with all images; 0.2 per doubling of the units; 0.3 and 0.2 less after the
    # pooling and after both; lower rates gain 0.25, higher ones 0.1.
    means = {"A1": 0.4, "A2": 0.4, "B1": 0.3, "B2": 0.2, "C1": 0.15, "C2": 0.3, "C3": 0.0, "C4": 0,
             "D1": 0.2, "E1": 0.41, "E2": 0.41}  # fmt: skip
    assert {n: WHOLE[n]["mean"] for n in means} == pytest.approx(means, abs=0.02)
    levels = {n: (WHOLE[n]["seeds"], WHOLE[n]["level"]) for n in ("A1", "C3")}
    assert levels == {"A1": (8, 0.0003), "C3": (16, 0.0084)}


def test_missing_runs() -> None:
    """A claim is judged when all of its runs are there, of the protocol's seeds alone."""
    lost = [e for e in ENTRIES if not (e.setting.placement == "pooling" and e.seed == 22)]
    found, claims = judge_all(Table(lost))
    for name in ("B1", "B2"):
        assert (found[name]["verdict"], found[name]["seeds"]) == ("not yet", 7)
        assert "mean" not in found[name]
    assert {**found, "B1": 0, "B2": 0} == {**WHOLE, "B1": 0, "B2": 0}
    assert claims["B"]["verdict"] == "not yet"
    early, _ = judge_all(Table(make_entries(range(5, 20))))
    assert {(each["verdict"], each["seeds"]) for each in early.values()} == {("not yet", 2)}


def test_pairs_are_by_seed() -> None:
    """Where a middle seed lacks one side, the others keep their partners."""

    def drift(setting: Setting, seed: int, metrics: Metrics) -> None:
        metrics["last_five_test_accuracy"] -= seed / 100

    entries = make_entries(range(18, 27), drift)
    table = Table(e for e in entries if not (e.setting.dropout_rate == 0 and e.seed == 20))
    pair = table.pair(BASE, LAST_FIVE)
    seeds = [18, 19, 21, 22, 23, 24, 25, 26]
    gains = (pair["with"] - pair["without"]).to_dict()
    assert gains == pytest.approx(dict.fromkeys(seeds, 0.4), abs=0.05)
    assert judge_all(table)[0]["A1"]["seeds"] == 7


def values_with(p: float, seeds: int, mean: float) -> pd.Series:
    """Values by seed, alternately low and high, whose t-test has this p."""
    values = stats.zscore(np.resize([1.0, -1.0], seeds), ddof=1)
    t = stats.t.isf(p / 2, seeds - 1)
    return pd.Series(mean + values * abs(mean) * seeds**0.5 / t, index=range(18, 18 + seeds))


TESTED = Contrast("a contrast", {})
EQUIVALENCE = Contrast("a contrast", {}, equivalence=True)


@pytest.mark.parametrize(
    ("contrast", "seeds", "p", "mean", "expected"),
    [
        (TESTED, 7, 1e-6, 1, (7, "not yet")),
        (TESTED, 8, 0.00029, 1, (8, "supported")),
        (TESTED, 8, 0.00029, -1, (8, "contradicted")),
        (TESTED, 8, 0.00031, 1, (8, "not yet")),
        (TESTED, 11, 1e-6, 1, (8, "supported")),
        (TESTED, 16, 0.0083, 1, (16, "supported")),
        (TESTED, 16, 0.0085, 0.2, (16, "undecided")),
        (TESTED, 16, 0.5, 0.01, (16, "equivalent")),
        (TESTED, 16, 0.009, 0.052, (16, "undecided")),  # the interval ends above 0.1
        (EQUIVALENCE, 12, 1e-6, 1, (12, "not yet")),
        (EQUIVALENCE, 16, 0.5, 0.01, (16, "equivalent")),
        (EQUIVALENCE, 16, 1e-6, 0.01, (16, "supported")),
    ],
)
def test_verdict(
    contrast: Contrast, seeds: int, p: float, mean: float, expected: tuple[int, str]
) -> None:
    """The first look that decides does, at its level; equivalence only at the last look."""
    found = judge(contrast, values_with(p, seeds, mean))
    assert (found["seeds"], found["verdict"]) == expected


def test_second_look_decides_at_its_level() -> None:
    """Values that vary so much at first that they decide nothing, and less later."""
    first, later = values_with(0.02, 8, 1.0), pd.Series(1.0, index=range(26, 34))
    found = judge(TESTED, pd.concat([first, later]))
    assert 0.0003 < found["p"] == stats.ttest_1samp([*first, *later[:4]], 0).pvalue < 0.0028
    assert (found["seeds"], found["level"], found["verdict"]) == (12, 0.0028, "supported")


def test_b2_waits_for_b1() -> None:
    def turn(setting: Setting, seed: int, metrics: Metrics) -> None:
        metrics["last_five_test_accuracy"] += 0.006 * (setting.placement == "pooling")

    found, claims = judge_all(Table(make_entries(change=turn)))
    verdicts = found["B1"]["verdict"], found["B2"]["verdict"], claims["B"]["verdict"]
    assert verdicts == ("contradicted", "not tested", "contradicted")


def test_error_of_all_looks() -> None:
    """Without an effect, about one contrast in a hundred passes at any look, of normal values."""
    values = np.random.default_rng(0).standard_normal((40_000, max(LOOKS)))
    passed = np.zeros(len(values), bool)
    for seeds, level in LOOKS.items():
        passed |= stats.ttest_1samp(values[:, :seeds], 0, axis=1).pvalue < level
    assert passed.mean() == pytest.approx(0.0098, abs=0.0015)


@pytest.mark.parametrize(
    ("ids", "found", "expected"),
    [
        (("A1", "A2"), ("supported", "supported"), "supported"),
        (("A1", "A2"), ("equivalent", "equivalent"), "equivalent"),
        (("A1", "A2"), ("supported", "undecided"), "undecided"),
        (("A1", "A2"), ("supported", "equivalent"), "undecided"),
        (("A1", "A2"), ("not yet", "supported"), "not yet"),
        (("P1", "P2"), ("not yet", "contradicted"), "contradicted"),
        (("C3", "C4"), ("equivalent", "equivalent"), "supported"),
        (("C3", "C4"), ("equivalent", "supported"), "contradicted"),
        (("C3", "C4"), ("equivalent", "undecided"), "undecided"),
    ],
)
def test_claim_with_two_contrasts(
    ids: tuple[str, ...], found: tuple[str, ...], expected: str
) -> None:
    verdicts = {name: {"verdict": verdict} for name, verdict in zip(ids, found, strict=True)}
    assert judge_claim(verdicts, ids) == expected
