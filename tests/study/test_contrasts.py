"""The contrasts are those of the protocols, and judged as they say, on made-up runs."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.contrasts import (
    BASE,
    CLAIMS,
    FRESH_SEEDS,
    LAST_FIVE,
    LOOKS,
    PRIMARY,
    SECONDARY,
    SEQUENTIAL,
    Contrast,
    Measurements,
    Result,
    judge_all,
    judge_claim,
    judge_primary,
    judge_secondary,
    judge_sequentially,
)
from study.runs import Run
from study.statistics import Estimate
from study.table import Table
from tests.conftest import ROOT
from tests.study.made_up import Metrics, make_entries

PROTOCOLS = [
    (ROOT / f"study/{name}.md").read_text(encoding="utf-8") for name in ("protocol", "protocol-2")
]
ENTRIES = make_entries()
WHOLE = judge_all(Table(ENTRIES))


def verdicts(found: dict[str, Result]) -> dict[str, str]:
    return {name: result.verdict for name, result in found.items()}


def test_contrasts_of_the_protocols() -> None:
    """Each has the name, the claim and the margin or limit that its protocol gives it."""
    rows = [
        row
        for text in PROTOCOLS
        for row in re.findall(r"^\| ([A-EPS]\d+) \| (.*?) \| (.*) \| (.*?) \|$", text, re.MULTILINE)
    ]
    contrasts = PRIMARY | SECONDARY | SEQUENTIAL
    assert {name.rstrip("ab") for name in contrasts} == {name for name, *_ in rows}
    for name, claim, text, limit in rows:
        same = [c for n, c in contrasts.items() if n.rstrip("ab") == name]
        assert len(same) == 1 + ("; both" in text)
        side, _, value = limit.partition(" ")
        for c in same:
            if re.match(r"C\d ", claim):
                assert c.claim == claim[:2]
            if name[0] == "S":
                expected = {side: float(value.split()[0])} if value else {}
                assert (c.above, c.below) == (expected.get("above"), expected.get("below"))
            else:
                assert c.margin == float(side)
                assert c.equivalence == ("(claimed: equivalent)" in text)


def test_seeds_and_looks_of_the_protocols() -> None:
    [(first, last)] = re.findall(r"seeds (\d+)\s+to\s+(\d+), which nobody", PROTOCOLS[0])
    assert [*FRESH_SEEDS] == [*range(int(first), int(last) + 1)]
    [looks] = re.findall(r"\*\*Looks.\*\* .*?Student's t", PROTOCOLS[1], re.DOTALL)
    assert re.findall(r"(\d+)(?: seeds)?\)", looks) == [str(seeds) for seeds in LOOKS]
    [levels] = re.findall(r"nominal levels (.*?):", PROTOCOLS[1])
    assert [float(level) for level in re.findall(r"0\.\d+", levels)] == [*LOOKS.values()]


def test_textbook() -> None:
    """All is supported where all is as the textbook says; the numbers are those put in."""
    expected = dict.fromkeys(WHOLE, "supported") | {"S4": "open"}
    assert verdicts(WHOLE) == expected | dict.fromkeys(("C3", "C4"), "equivalent")
    assert {judge_claim(WHOLE, ids) for _, ids in CLAIMS.values()} == {"supported"}
    # Gains of 0.4 points with all images, five times that with few; 0.2 per doubling of the units;
    # 0.3 and 0.2 less after the pooling and after both; lower rates gain 0.25, higher ones 0.1.
    means = {"P1": 0.4, "P3": 1.6, "P4": 0.3, "P5": 0.2, "P6": 0.15, "P7": 0.3, "S12": 0.2}
    means |= {
        "A1": 0.4,
        "B1": 0.3,
        "B2": 0.2,
        "C1": 0.15,
        "C2": 0.3,
        "C3": 0.0,
        "D1": 0.2,
        "E2": 0.41,
    }
    found = {name: WHOLE[name].found for name in means}
    assert {n: each.mean for n, each in found.items() if each} == pytest.approx(means, abs=0.02)
    levels = {n: (WHOLE[n].planned, WHOLE[n].level) for n in ("A1", "C3")}
    assert levels == {"A1": (8, 0.0003), "C3": (16, 0.0084)}


def test_missing_runs() -> None:
    """A contrast is judged when all of its runs are there, by its protocol's seeds alone."""
    lost = [e for e in ENTRIES if not (e.run.placement == "pooling" and e.run.seed in (13, 22))]
    found = judge_all(Table(lost))
    # The primary contrasts are corrected together, so all of them wait.
    waiting = [*PRIMARY, "B1", "B2"]
    assert verdicts(found) == verdicts(WHOLE) | dict.fromkeys(waiting, "not yet")
    assert (found["P4"].seeds, found["P4"].planned) == (7, 8)
    assert (found["B1"].seeds, found["B1"].planned) == (7, 8)
    early = judge_all(Table(make_entries(range(5))))
    assert set(verdicts(early).values()) == {"not yet"}


def test_pairs_are_by_seed() -> None:
    """Where a middle seed lacks one side, the others keep their partners."""

    def drift(run: Run, metrics: Metrics) -> None:
        metrics["last_five_test_accuracy"] -= run.seed / 100

    entries = make_entries(range(18, 27), drift)
    table = Table(e for e in entries if not (e.run.dropout_rate == 0 and e.run.seed == 20))
    seeds = [18, 19, 21, 22, 23, 24, 25, 26]
    gains = Measurements(table, LAST_FIVE, range(18, 27)).change()
    assert gains.to_dict() == pytest.approx(dict.fromkeys(seeds, 0.4), abs=0.05)
    without, with_it = (runs[LAST_FIVE] for runs in table.pair(BASE))
    assert (100 * (with_it - without)).to_dict() == pytest.approx(gains.to_dict())
    assert judge_all(table)["A1"].seeds == 7


@pytest.mark.parametrize(
    ("mean", "half", "p", "expected"),
    [
        (0.2, 0.1, 0.04, "supported"),
        (-0.2, 0.1, 0.04, "contradicted"),
        (0.02, 0.01, 0.04, "supported"),  # before equivalent, as the protocol says
        (0.02, 0.07, 0.05, "equivalent"),
        (0.02, 0.08, 0.9, "undecided"),  # the margin itself is not within
        (0.2, 0.1, 0.06, "undecided"),
    ],
)
def test_primary_verdict(mean: float, half: float, p: float, expected: str) -> None:
    found = Estimate(8, mean, 0.1, mean - half, mean + half, 0.01)
    assert judge_primary(found, p, PRIMARY["P1"]) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.11, 0.2, "supported"), (0.0, 0.09, "contradicted"), (0.1, 0.2, "undecided")],
)
def test_secondary_verdict(low: float, high: float, expected: str) -> None:
    """The whole interval is on one side of the limit."""
    found, mirrored = (Estimate(8, 0, 0.1, *ends, 0.5) for ends in ((low, high), (-high, -low)))
    assert judge_secondary(found, Contrast("C1", "", above=0.1)) == expected
    assert judge_secondary(mirrored, Contrast("C1", "", below=-0.1)) == expected


def values_with(p: float, seeds: int, mean: float = 1.0) -> pd.Series:
    """Numbers by seed with this mean, whose t test has this p."""
    shape = np.linspace(-1, 1, seeds)
    t = stats.t.isf(p / 2, seeds - 1)
    return pd.Series(mean + shape / shape.std(ddof=1) * abs(mean) * seeds**0.5 / t)


TESTED = Contrast("A", "", margin=0.1)
EQUIVALENCE = Contrast("plateau", "", margin=0.1, equivalence=True)


@pytest.mark.parametrize(
    ("contrast", "ps", "mean", "expected"),
    [
        (TESTED, [0.00029], 1, (8, "supported")),
        (TESTED, [0.00029], -1, (8, "contradicted")),
        (TESTED, [0.00031], 1, (8, "not yet")),
        (TESTED, [0.01, 0.0027], 1, (12, "supported")),
        (TESTED, [0.01, 0.0029, 0.0083], -1, (16, "contradicted")),
        (TESTED, [0.01, 0.0029, 0.0085], 1, (16, "undecided")),
        (TESTED, [0.01, 0.0029, 0.009], 0.04, (16, "equivalent")),
        (TESTED, [0.01, 0.0029, 0.009], 0.052, (16, "undecided")),  # the interval ends above 0.1
        (EQUIVALENCE, [1e-6, 1e-6], 1, (12, "not yet")),
        (EQUIVALENCE, [1e-6, 1e-6, 0.5], 0.01, (16, "equivalent")),
        (EQUIVALENCE, [1e-6, 1e-6, 1e-6], 0.01, (16, "supported")),
    ],
)
def test_sequential_verdict(
    contrast: Contrast, ps: list[float], mean: float, expected: tuple[int, str]
) -> None:
    """The first look that decides does, at its level; equivalence only at the last look."""
    looks = {n: values_with(p, n, mean) for n, p in zip(LOOKS, ps, strict=False)}
    looks |= {n: pd.Series(dtype=float) for n in LOOKS if n not in looks}
    found = judge_sequentially(contrast, looks)
    assert found.found
    assert (found.found.seeds, found.verdict) == expected


def test_b2_waits_for_b1() -> None:
    def turn(run: Run, metrics: Metrics) -> None:
        metrics["last_five_test_accuracy"] += 0.006 * (run.placement == "pooling")

    found = judge_all(Table(make_entries(change=turn)))
    assert (found["B1"].verdict, found["B2"].verdict) == ("contradicted", "not tested")
    assert judge_claim(found, ("B1", "B2")) == "contradicted"


def test_sequential_error() -> None:
    """Without an effect, about one contrast in a hundred passes at any look, of normal values."""
    values = np.random.default_rng(0).standard_normal((40_000, max(LOOKS)))
    passed = np.zeros(len(values), bool)
    for seeds, level in LOOKS.items():
        passed |= stats.ttest_1samp(values[:, :seeds], 0, axis=1).pvalue < level
    assert passed.mean() == pytest.approx(0.0098, abs=0.0015)


@pytest.mark.parametrize(
    ("ids", "found", "expected"),
    [
        (("P1", "P2"), ("supported", "supported"), "supported"),
        (("P1", "P2"), ("equivalent", "equivalent"), "equivalent"),
        (("P1", "P2"), ("supported", "undecided"), "undecided"),
        (("P1", "P2"), ("supported", "equivalent"), "undecided"),
        (("P1", "P2"), ("not yet", "supported"), "not yet"),
        (("P1", "P2"), ("not yet", "contradicted"), "contradicted"),
        (("C3", "C4"), ("equivalent", "equivalent"), "supported"),
        (("C3", "C4"), ("equivalent", "supported"), "contradicted"),
        (("C3", "C4"), ("equivalent", "undecided"), "undecided"),
    ],
)
def test_claim_with_two_contrasts(
    ids: tuple[str, ...], found: tuple[str, ...], expected: str
) -> None:
    contrasts = PRIMARY | SEQUENTIAL
    results = {i: Result(contrasts[i], 8, 8, v) for i, v in zip(ids, found, strict=True)}
    assert judge_claim(results, ids) == expected
