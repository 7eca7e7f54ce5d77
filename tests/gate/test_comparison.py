"""The margin logic, for any numbers."""

import math
from collections.abc import Mapping

from hypothesis import assume, given
from hypothesis import strategies as st

from gate.comparison import Comparison, Noise, Verdict, compare, judge, margin_of
from gate.reading import MetricsFile, read_number
from gate.settings import Margin, Rule

numbers = st.floats(allow_nan=False, allow_infinity=False)
sizes = st.floats(0, 1e6)
sides = st.sampled_from(["higher", "lower"])
margins = st.one_of(
    st.builds(Margin, absolute=sizes),
    st.builds(Margin, relative=sizes),
    st.builds(Margin, deviations=sizes),
)
not_numbers: st.SearchStrategy[object] = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, None, True, False, [], 10**400]), st.text()
)
anything = st.one_of(numbers, st.integers(), not_numbers)
RANK = {Verdict.BETTER: 0, Verdict.SAME: 1, Verdict.WITHIN_MARGIN: 2, Verdict.WORSE: 3}


def compared(rule: Rule, base: object, candidate: object, deviation: object = 0.1) -> Comparison:
    def side(value: object) -> Mapping[str, MetricsFile]:
        return {"a": MetricsFile({"b": value})}

    noise = Noise({"a": {"b": deviation}}, "over seeds")
    (comparison,) = compare({"a": {"b": rule}}, side(base), side(candidate), noise)
    return comparison


@given(sides, numbers, numbers, numbers, sizes)
def test_worse_value_is_never_judged_better(
    better: str, base: float, one: float, other: float, margin: float
) -> None:
    worse, good = sorted((one, other), reverse=better == "lower")
    assert RANK[judge(better, base, worse, margin)[0]] >= RANK[judge(better, base, good, margin)[0]]


@given(sides, numbers, numbers, sizes, sizes)
def test_wider_margin_never_judges_more_sternly(
    better: str, base: float, candidate: float, one: float, other: float
) -> None:
    narrow, wide = sorted((one, other))
    verdicts = [judge(better, base, candidate, margin)[0] for margin in (narrow, wide)]
    assert RANK[verdicts[0]] >= RANK[verdicts[1]]


@given(sides, numbers, numbers, sizes)
def test_better_base_never_judges_more_mildly(
    better: str, candidate: float, base: float, margin: float
) -> None:
    higher = math.nextafter(base, math.inf if better == "higher" else -math.inf)
    assume(math.isfinite(higher))
    verdicts = [judge(better, b, candidate, margin)[0] for b in (base, higher)]
    assert RANK[verdicts[0]] <= RANK[verdicts[1]]


def test_worse_by_just_the_margin_is_within_it() -> None:
    for better, base, candidate in (("higher", 0.75, 0.5), ("lower", 0.5, 0.75)):
        assert judge(better, base, candidate, 0.25)[0] is Verdict.WITHIN_MARGIN
        assert judge(better, base, candidate, 0.2499)[0] is Verdict.WORSE


def test_margins_are_in_the_metrics_unit() -> None:
    """Of a base of any size and sign."""
    for base in (-4.0, 0.0, 4.0):
        assert margin_of(Margin(absolute=0.5), base, 2.0, "")[0] == 0.5
        assert margin_of(Margin(relative=0.5), base, 2.0, "")[0] == abs(base) / 2
        assert margin_of(Margin(deviations=3), base, 2.0, "")[0] == 6


@given(sides, margins, anything, st.booleans())
def test_same_number_passes_and_what_is_no_number_does_not(
    better: str, margin: Margin, value: object, blocks: bool
) -> None:
    rule = Rule(better=better, margin=margin, blocks=blocks)  # type: ignore[arg-type]
    comparison = compared(rule, value, value)
    is_number = read_number(value) is not None
    assert comparison.verdict is (Verdict.SAME if is_number else Verdict.NOT_COMPARABLE)
    assert comparison.refuses is not is_number


@given(sides, margins, not_numbers, anything)
def test_no_number_on_either_side_never_passes_a_metric_that_blocks(
    better: str, margin: Margin, broken: object, value: object
) -> None:
    rule = Rule(better=better, margin=margin, blocks=True)  # type: ignore[arg-type]
    for base, candidate in ((broken, value), (value, broken)):
        comparison = compared(rule, base, candidate)
        assert comparison.verdict is Verdict.NOT_COMPARABLE
        assert comparison.refuses


@given(margins, numbers, anything)
def test_margin_is_a_number_of_0_or_more_or_unknown(
    margin: Margin, base: float, deviation: object
) -> None:
    found, why = margin_of(margin, base, deviation, "over seeds")
    assert found is None or found >= 0
    assert why


@given(sides, margins, numbers, numbers)
def test_only_what_is_worse_by_more_than_the_margin_refuses(
    better: str, margin: Margin, base: float, candidate: float
) -> None:
    rule = Rule(better=better, margin=margin, blocks=True)  # type: ignore[arg-type]
    comparison = compared(rule, base, candidate)
    assert comparison.margin is not None
    worse_by = base - candidate if better == "higher" else candidate - base
    assert comparison.refuses == (worse_by > comparison.margin)
    assert comparison.change == candidate - base
