"""The contrasts are those of the protocol, and judged as it says, on made-up runs."""

import re

import pytest
from ruamel.yaml import YAML

from study.contrasts import (
    CLAIMS,
    FRESH_SEEDS,
    PRIMARY,
    SECONDARY,
    Contrast,
    Result,
    judge_all,
    verdict_of_claim,
    verdict_of_primary,
    verdict_of_secondary,
)
from study.grid import Run
from study.statistics import Estimate
from study.table import table_of
from tests.conftest import ROOT
from tests.study.made_up import Metrics, entries

PROTOCOL = (ROOT / "study/protocol.md").read_text(encoding="utf-8")
WHOLE = judge_all(table_of(entries()))


def verdicts(found: dict[str, Result]) -> dict[str, str]:
    return {name: result.verdict for name, result in found.items()}


def test_contrasts_have_the_names_claims_and_margins_of_the_protocol() -> None:
    rows = re.findall(r"^\| ([PS]\d+) \| (.*?) \| (.*) \| (.*?) \|$", PROTOCOL, re.MULTILINE)
    contrasts = (*PRIMARY, *SECONDARY)
    assert {c.id.rstrip("ab") for c in contrasts} == {name for name, *_ in rows}
    for name, claim, text, limit in rows:
        same = [c for c in contrasts if c.id.rstrip("ab") == name]
        assert len(same) == 1 + ("; both" in text)
        for c in same:
            assert c.claim == claim[:2] or claim[0] != "C"
            if name[0] == "P":
                assert c.margin == float(limit)
            else:
                assert (c.above, c.below) == limits(limit)


def limits(text: str) -> tuple[float | None, float | None]:
    """Above and below, of a cell of the protocol such as `below 10 %`."""
    side, _, value = text.partition(" ")
    found = {side: float(value.split()[0])} if value else {}
    return found.get("above"), found.get("below")


def test_fresh_seeds_are_those_of_the_protocol_and_of_the_grid() -> None:
    first, last = re.findall(r"seeds (\d+)\s+to\s+(\d+), which nobody has trained", PROTOCOL)[0]
    assert [*FRESH_SEEDS] == [*range(int(first), int(last) + 1)]
    content = (ROOT / "study/params.yaml").read_text(encoding="utf-8")
    seeds = {tuple(b.get("seeds", ())) for b in YAML(typ="safe").load(content)["grid"]}
    assert seeds == {(), (*range(10),), (*FRESH_SEEDS,)}


def test_all_is_supported_where_all_is_as_the_textbook_says() -> None:
    found = WHOLE
    assert verdicts(found) == dict.fromkeys(found, "supported") | {"S4": "open"}
    assert {verdict_of_claim(found, ids) for _, ids in CLAIMS.values()} == {"supported"}
    # The gain is 0.4 points with all images, and five times as much with few.
    assert found["P3"].fresh
    assert found["P3"].fresh.mean == pytest.approx(1.6, abs=0.05)
    # 0.4 points more with twice the units: half of 0.4 for each doubling.
    assert found["S12"].fresh
    assert found["S12"].fresh.mean == pytest.approx(0.2, abs=0.01)
    planned = {name: found[name].planned for name in ("P3", "P6", "P7", "S12")}
    assert planned == {"P3": 8 * 8, "P6": 8 * 5, "P7": 8 * 6, "S12": 8 * 8}


def test_contrast_is_judged_when_all_of_its_runs_are_there() -> None:
    found = entries()
    part = [e for e in found if e.run != found[-1].run and e.run.placement != "pooling"]
    results = judge_all(table_of(part))
    expected = verdicts(WHOLE) | {"P4": "not yet", "S12": "not yet"}
    assert verdicts(results) == expected
    assert (results["P4"].runs, results["P4"].planned) == (8, 16)
    assert (results["S12"].runs, results["S12"].planned, results["S12"].fresh) == (63, 64, None)
    assert results["S12"].pooled
    assert results["S12"].pooled.seeds == 7
    assert verdict_of_claim(results, ("P4", "P5")) == "not yet"


def test_seeds_that_suggested_a_contrast_do_not_judge_it_but_are_pooled() -> None:
    old = judge_all(table_of(entries(range(5))))
    assert set(verdicts(old).values()) == {"not yet"}
    assert old["P1"].pooled_verdict == "above"
    assert (old["P8"].pooled, old["P8"].pooled_verdict) == (None, "none")
    both = judge_all(table_of(entries([*range(5), *FRESH_SEEDS])))
    assert both["P1"].fresh == WHOLE["P1"].fresh
    assert both["P1"].pooled
    assert both["P1"].pooled.seeds == 13


def test_contrasts_that_are_missing_count_in_the_correction() -> None:
    """Their p may be anything from 0 to 1: a verdict that depends on it is not given."""
    few = [e for e in entries() if e.run.dataset == "fashion_mnist"]
    [alone, *_] = [r for r in judge_all(table_of(few)).values() if r.fresh and r.p_corrected]
    assert alone.fresh
    assert alone.p_corrected == pytest.approx((alone.fresh.p, 8 * alone.fresh.p))
    assert WHOLE["P2"].p_corrected
    least, most = WHOLE["P2"].p_corrected
    assert least == most <= 8 * alone.fresh.p
    assert WHOLE["P2"].p_sign_flip == 2 / 2**8

    def swing(run: Run, metrics: Metrics) -> None:
        metrics["test_accuracy"] += 0.0036 * (-1) ** run.seed * (run.dropout_rate > 0)

    few = [e for e in entries(change=swing) if e.run.dataset == "fashion_mnist"]
    found = judge_all(table_of(few))["P2"]
    assert found.fresh
    assert found.fresh.p < 0.05 < 8 * found.fresh.p
    assert found.verdict == "not yet"


@pytest.mark.parametrize(
    ("mean", "half", "p", "expected"),
    [
        (0.2, 0.1, 0.04, "supported"),
        (-0.2, 0.1, 0.04, "contradicted"),
        (0.02, 0.01, 0.04, "supported"),  # before equivalent, as the protocol has it
        (0.02, 0.07, 0.05, "equivalent"),
        (0.02, 0.08, 0.9, "undecided"),  # the margin itself is not within
        (0.2, 0.1, 0.06, "undecided"),
    ],
)
def test_primary_verdict_is_the_first_that_holds(
    mean: float, half: float, p: float, expected: str
) -> None:
    found = Estimate(8, mean, 0.1, mean - half, mean + half, 0.01)
    contrast = Contrast("P1", "C5", "", "points", lambda m: m.change(), margin=0.1)
    assert verdict_of_primary(found, p, contrast) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.11, 0.2, "supported"), (0.0, 0.09, "contradicted"), (0.1, 0.2, "undecided")],
)
def test_secondary_verdict_is_by_the_whole_interval(low: float, high: float, expected: str) -> None:
    found, mirrored = (Estimate(8, 0, 0.1, *ends, 0.5) for ends in ((low, high), (-high, -low)))
    contrast = Contrast("S1", "C1", "", "%", lambda m: m.of(), above=0.1)
    assert verdict_of_secondary(found, contrast) == expected
    contrast = Contrast("S1", "C1", "", "%", lambda m: m.of(), below=-0.1)
    assert verdict_of_secondary(mirrored, contrast) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (("supported", "supported"), "supported"),
        (("equivalent", "equivalent"), "equivalent"),
        (("supported", "undecided"), "undecided"),
        (("supported", "equivalent"), "undecided"),
        (("not yet", "supported"), "not yet"),
        (("not yet", "contradicted"), "contradicted"),
    ],
)
def test_claim_with_two_contrasts(found: tuple[str, str], expected: str) -> None:
    results = {
        contrast.id: Result(contrast, 16, 16, None, None, None, verdict=verdict)
        for contrast, verdict in zip(PRIMARY, found, strict=False)
    }
    assert verdict_of_claim(results, ("P1", "P2")) == expected
