"""The rules, and what follows from two numbers; nothing here is read from a repository."""

import itertools
from typing import Any

import pytest
from ruamel.yaml import YAML

from gate.comparison import Comparison, Noise, Verdict, compare, judge, margin_of
from gate.errors import CannotCompareError
from gate.settings import Margin, Rule, load_settings
from gate.snapshot import MetricsFile, flat, read_number

RULE = "{better: lower, margin: {absolute: 1}, blocks: true}"


def test_worse_value_is_never_judged_better() -> None:
    values = [-1.0, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0]
    order = [Verdict.BETTER, Verdict.SAME, Verdict.WITHIN_MARGIN, Verdict.WORSE]
    for base, margin in itertools.product(values, (0.0, 0.25, 1.0)):
        lower = [judge("lower", base, value, margin)[0] for value in values]
        higher = [judge("higher", -base, -value, margin)[0] for value in values]
        mild = [v if v is not Verdict.SAME else Verdict.WITHIN_MARGIN for v in lower]
        assert mild == sorted(mild, key=order.index)
        assert lower == higher


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        (0.0, "the same", "unchanged"),
        (0.25, "within the margin", "better by 0.25, margin 0.25"),
        (-0.25, "within the margin", "worse by 0.25, margin 0.25"),
        (0.5, "better", "better by 0.5, more than the margin of 0.25"),
        (-0.5, "worse", "worse by 0.5, more than the margin of 0.25"),
    ],
)
def test_words_are_the_same_in_both_directions(change: float, verdict: str, reason: str) -> None:
    assert judge("higher", 1.0, 1.0 + change, 0.25) == (verdict, reason)
    assert judge("lower", 1.0, 1.0 - change, 0.25) == (verdict, reason)


@pytest.mark.parametrize(
    ("margin", "deviation", "runs", "expected"),
    [
        ({"absolute": 0.5}, None, {}, 0.5),
        ({"absolute": 0.5}, None, {"base_runs": 5}, 0.5),
        ({"relative": 0.1}, None, {}, 0.2),
        ({"deviations": 5}, 0.01, {}, 0.05),
        ({"deviations": 5}, 0.01, {"pairs": 9}, 0.05),
        ({"deviations": 5}, 0.01, {"base_runs": 8}, 0.0375),
        ({"standard_errors": 5}, 0.01, {"pairs": 2}, 0.05),
        ({"standard_errors": 5}, 0.01, {"pairs": 50}, 0.01),
        ({"deviations": 5, "without_runs": 0.3}, 0.01, {}, 0.05),
        ({"deviations": 5, "without_runs": 0.3}, None, {}, 0.3),
        ({"deviations": 5}, None, {}, None),
        ({"standard_errors": 5}, None, {"pairs": 5}, None),
    ],
)
def test_margin_is_in_the_metrics_unit(
    margin: dict[str, float], deviation: float | None, runs: dict[str, int], expected: float | None
) -> None:
    found, origin = margin_of(Margin.model_validate(margin), -2.0, deviation, "here", **runs)
    assert found == (expected if expected is None else pytest.approx(expected))
    assert origin


def judged(rule: str, base: object, candidate: object, **options: bool) -> Comparison:
    """One metric, `a`; a mapping is the whole file."""
    before, after = (
        {"m": MetricsFile(side if isinstance(side, dict) else {"a": side})}
        for side in (base, candidate)
    )
    rules = {("m", "a"): Rule.model_validate(YAML(typ="safe").load(rule))}
    return compare(rules, before, after, Noise({}), **options)[0]


@pytest.mark.parametrize("value", [None, "0.9", True, float("nan"), float("-inf"), [1], 10**400])
def test_no_number_on_either_side_never_passes(value: object) -> None:
    for rule in (
        "{better: higher, margin: {absolute: 9}, blocks: true}",
        "{at_most: 9, blocks: true}",
    ):
        assert read_number(value) is None
        for base, candidate in ((0.9, value), (value, 0.9), (value, value)):
            found = judged(rule, base, candidate)
            missing = candidate is value or "margin" in rule  # limits need no base
            assert (found.verdict, found.refuses) == (
                (Verdict.NOT_COMPARABLE, True) if missing else (Verdict.SAME, False)
            )
    informs = judged("{better: higher, margin: {absolute: 9}}", 0.9, value)
    assert informs.refuses  # it is a fault of the candidate, whatever the rule


@pytest.mark.parametrize(
    ("rule", "candidate", "verdict", "refuses"),
    [
        ("{at_least: 0.85, blocks: true}", 0.86, "the same", False),
        ("{at_least: 0.85, blocks: true}", 0.84, "out of limits", True),
        ("{at_least: 0.85}", 0.84, "out of limits", False),
        ("{at_most: 0.95, blocks: true}", 0.96, "out of limits", True),
        ("{at_most: 0.95, blocks: true}", 0.94, "the same", False),
        ("{better: higher, margin: {relative: 0.1}, at_least: 0.85}", 0.86, "within the margin", False),
        ("{better: higher, margin: {relative: 0.1}, at_least: 0.85, blocks: true}", 0.84,
         "out of limits", True),
        ("{better: lower, margin: {absolute: 0.01}}", 0.95, "worse", False),
    ],
)  # fmt: skip
def test_limits_and_what_blocks(rule: str, candidate: float, verdict: str, refuses: bool) -> None:
    found = judged(rule, 0.9, candidate)
    assert (found.verdict, found.refuses) == (verdict, refuses)


@pytest.mark.parametrize(
    ("base", "candidate", "reason"),
    [
        ({"a": 0.9}, {"top1": 0.9}, "deleted: the candidate has none"),
        ({"top1": 0.9}, {"a": 0.9}, "new: the base has none; `formerly: NAME` if it had another"),
    ],
)
def test_deleted_and_new_metrics_cannot_be_compared(
    base: dict[str, float], candidate: dict[str, float], reason: str
) -> None:
    found = judged(RULE, base, candidate)
    assert (found.verdict, found.refuses) == (Verdict.NOT_COMPARABLE, True)
    assert reason in found.reason
    if candidate.get("a"):
        found = judged(RULE, base, candidate, first=True)
        assert (found.verdict, found.refuses) == (Verdict.NEW, False)
        renamed = judged(RULE.replace("{", "{formerly: top1, ", 1), {"top1": -1}, candidate)
        assert renamed.reason.endswith("(absolute); renamed from m: top1")
        assert (renamed.verdict, renamed.refuses) == (Verdict.WORSE, True)


def test_nested_metrics_are_flat() -> None:
    assert flat({"a": {"b": 1, "c": {}}, 2: [3]}) == {"a.b": 1, "a.c": {}, "2": [3]}
    assert flat(0.5) == {"": 0.5}


def rules(text: str, *names: str) -> dict[str, Any]:
    found = load_settings(text).rules({("m.json", name) for name in names})
    return {key: rule.model_dump(exclude_unset=True) for (_, key), rule in found.items()}


def test_all_rules_that_match_count_and_the_later_ones_prevail() -> None:
    text = """\
defaults: {margin: {deviations: 5}}
metrics:
  "m.*":
    "*_acc": {better: higher}
    "*loss*": {better: lower}
    "test_*": {blocks: true}
  m.json:
    test_acc: {margin: {without_runs: 0.1}}
    val_acc: {margin: {absolute: 0.2}}
"""
    five = {"deviations": 5.0}
    assert rules(text, "test_acc", "val_acc", "test_loss", "loss_rise", "epoch") == {
        "test_acc": {"better": "higher", "margin": five | {"without_runs": 0.1}, "blocks": True},
        "val_acc": {"better": "higher", "margin": {"absolute": 0.2}},
        "test_loss": {"better": "lower", "margin": five, "blocks": True},
        "loss_rise": {"better": "lower", "margin": five},
    }


def compare_by(text: str | None) -> None:
    found = load_settings(text).rules({("m.json", "a")})
    compare(found, {}, {"m.json": MetricsFile({"a": 1})}, Noise({}))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "no such file beside .dvc; write a first one with the command `init`"),
        ("[1]", "expected a valid dictionary"),
        ("metrics: 1", "metrics: expected a valid dictionary"),
        ("{}", "metrics: expected a value, found none; add it"),
        ("metrics: {}\nmetric: 1", "metric: there is no such setting; did you mean metrics?"),
        ("stale_results: no\nmetrics: {}", "stale_results: expected 'refuse' or 'inform'; found"),
        ("metrics: {m.json: {a: {beter: lower}}}", "beter: there is no such setting; did you mean b"),
        ("defaults: {block: true}\nmetrics: {}", "defaults: block: there is no such setting; did"),
        ("runs: {file: a.csv, of: {}, pairs: 4}\nmetrics: {}", "runs: pairs: expected greater than"),
        (f"metrics: {{m.json: {{b: {RULE}}}}}", "m.json: b: expected a metric of the base or the ca"),
        (f'metrics: {{m.json: {{"b*": {RULE}}}}}', "found none; did you mean m.json: a?"),
        ("metrics: {m.json: {a: {better: lower}}}", "expected a `margin` beside `better`, but found"),
        ("metrics: {m.json: {a: {blocks: true}}}", "expected `better`, `at_least` or `at_most`, but"),
        ("metrics: {m.json: {a: {better: up, margin: {absolute: 1}}}}", "expected 'higher' or 'lowe"),
        ("metrics: {m.json: {a: {better: lower, margin: {absolute: -1}}}}", "expected greater than"),
        ("metrics: {m.json: {a: {better: lower, margin: {absolute: '1'}}}}", "expected a valid numb"),
        ("metrics: {m.json: {a: {better: lower, margin: {}}}}", "expected one of absolute, relative"),
        ("metrics: {m.json: {a: {better: lower, margin: {absolute: 1, relative: 1}}}}",
         "but found absolute and relative"),
        ("metrics: {m.json: {a: {better: lower, margin: {absolute: 1}}}}",
         "expected a metric with `blocks: true`; found none"),
        ("metrics: {m.json: {a: {better: lower, margin: {absolut: 1}, blocks: 3}}}", "(and 1 more)"),
    ],
)  # fmt: skip
def test_wrong_setting_is_refused_in_one_line(text: str | None, error: str) -> None:
    with pytest.raises(CannotCompareError) as refused:
        compare_by(text)
    message = str(refused.value)
    assert message.startswith("gate.yaml: ")
    assert error in message
    assert "\n" not in message
