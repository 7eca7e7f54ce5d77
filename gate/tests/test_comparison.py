"""The rules, and what follows from two numbers; nothing here is read from a repository."""

import pytest
from ruamel.yaml import YAML

from gate.changes import join_some, list_rule_changes
from gate.check import group_reasons
from gate.comparison import Comparison, Noise, compare, find_margin, judge
from gate.errors import CannotCompareError, format_number, shown
from gate.settings import Rule, RunsSettings, load_settings
from gate.snapshot import Snapshot, covers, flat, read_number


def test_words_are_the_same_in_both_directions() -> None:
    for change, verdict, reason in (
        (0.25, "within the margin", "better by 0.25, margin 0.25"),
        (-0.25, "within the margin", "worse by 0.25, margin 0.25"),
        (0.5, "better", "better by 0.5, more than the margin of 0.25"),
        (-0.5, "worse", "worse by 0.5, more than the margin of 0.25"),
    ):
        assert judge("higher", 1.0, 1.0 + change, 0.25) == (verdict, reason)
        assert judge("lower", 1.0, 1.0 - change, 0.25) == (verdict, reason)


def test_margins_are_of_one_run_against_one() -> None:
    noise = Noise(deviation=0.5, mean=9, runs=30)
    assert find_margin({"deviations": 2}, 9, noise)[0] == 1
    assert find_margin({"standard_errors": 2}, 9, noise)[0] == pytest.approx(2**0.5)


def test_numbers_for_people() -> None:
    values = (None, -0.98765432, 98765.4, -123456.7, 2e-7, 1e20)
    shown = ["-", "-0.98765", "98765", "-123460", "2e-07", "1e+20"]
    assert list(map(format_number, values)) == shown


def judged(rule: str, base: object, candidate: object, **options: bool) -> Comparison:
    """One metric, `a`; a mapping is the whole file."""
    before, after = (
        Snapshot(metrics={"m": side if isinstance(side, dict) else {"a": side}})
        for side in (base, candidate)
    )
    rules = {("m", "a"): Rule.model_validate(YAML(typ="safe").load(rule))}
    return compare(rules, before, after, {}, **options)[0]


WIDE = "{better: higher, margin: {absolute: 9}, blocks: true}"
INFORMS = "{better: higher, margin: {absolute: 9}}"


@pytest.mark.parametrize("value", [None, "0.9", True, float("nan"), float("-inf"), [1], 10**400])
def test_no_number_on_either_side_never_passes(value: object) -> None:
    """Whatever the rule: a value of the candidate is its fault. Limits need no base."""
    assert read_number(value) is None
    why = f"expected a finite number; found {shown(value)}"
    for rule, base, candidate, reason in (
        (WIDE, 0.9, value, f"candidate: {why}"),
        (WIDE, value, 0.9, f"base: {why}"),
        (WIDE, value, value, f"candidate: {why}; base: {why}"),
        (INFORMS, 0.9, value, f"candidate: {why}"),
        ("{at_most: 9, blocks: true}", 0.9, value, f"candidate: {why}"),
    ):
        found = judged(rule, base, candidate, first=True)
        assert (found.verdict, found.refuses) == ("cannot be compared", True)
        assert found.reason == reason
    assert judged("{at_most: 9, blocks: true}", value, 0.9).verdict == "the same"


@pytest.mark.parametrize(
    ("rule", "base", "candidate", "verdict", "refuses"),
    [
        ("{at_least: 0.85, blocks: true}", 0.9, 0.85, "the same", False),
        ("{at_least: 0.85, blocks: true}", 0.9, 0.84, "out of limits", True),
        ("{at_least: 0.85}", 0.9, 0.84, "out of limits", False),
        ("{at_most: 0.95, blocks: true}", 0.9, 0.95, "the same", False),
        ("{at_most: 0.95, blocks: true}", 0.9, 0.96, "out of limits", True),
        ("{better: higher, margin: {relative: 0.1}, at_least: 0.8}", 0.9, 0.82, "within the margin", False),
        ("{better: higher, margin: {relative: 0.1}, blocks: true}", 0.9, 0, "worse", True),
        ("{better: lower, margin: {absolute: 0.01}}", 0.9, 0.95, "worse", False),
        # A relative margin is of the absolute value.
        ("{better: lower, margin: {relative: 0.1}}", -2, -1.9, "within the margin", False),
        (WIDE, {"a": 0.9}, {"b": 0.9}, "cannot be compared", True),
        (WIDE, {"b": 0.9}, {"a": 0.9}, "cannot be compared", True),
        (INFORMS, {"b": 0.9}, {"a": 0.9}, "new", False),
    ],
)  # fmt: skip
def test_verdict(rule: str, base: object, candidate: object, verdict: str, refuses: bool) -> None:
    """Limits, margins, deleted and new metrics; what does not block refuses nothing."""
    found = judged(rule, base, candidate)
    assert (found.verdict, found.refuses) == (verdict, refuses)


def test_metrics_of_one_side_without_a_rule() -> None:
    before, after = (Snapshot(metrics={"m": {name: 1}}) for name in ("old", "new"))
    found = compare({}, before, after, {})
    assert [(c.key, c.base, c.candidate) for c in found] == [("new", None, 1), ("old", 1, None)]
    assert {(c.verdict, c.blocks, c.change) for c in found} == {("not gated", False, None)}


def test_nested_names() -> None:
    """Of metrics; and in a folder, a section of parameters, a whole file."""
    assert flat({"a": {"b": 1, "c": {}}, 2: [3]}) == {"a.b": 1, "a.c": {}, "2": [3]}
    assert flat(0.5) == {"": 0.5}
    names = ("code/x", "codex", "p: a.b", "p: ab")
    within = {source: [n for n in names if covers(source, n)] for source in ("code", "p: a", "p: ")}
    assert within == {"code": ["code/x"], "p: a": ["p: a.b"], "p: ": ["p: a.b", "p: ab"]}


def test_all_rules_that_match_count_and_the_later_ones_win() -> None:
    text = """\
defaults: {margin: {deviations: 5}}
metrics:
  "m.*":
    "*_acc": {better: higher, margin: {relative: 0.1}}
    "*loss*": {better: lower}
    "test_*": {blocks: true, margin: {relative: 0.2}}
  m.json:
    val_acc: {margin: {absolute: 0.2}}
"""
    names = [("m.json", name) for name in ("test_acc", "val_acc", "test_loss", "loss_x", "epoch")]
    found = load_settings(text).merge_rules(names)
    a_fifth = {"relative": 0.2}
    assert {key: rule.model_dump(exclude_unset=True) for (_, key), rule in found.items()} == {
        "test_acc": {"better": "higher", "margin": a_fifth, "blocks": True},
        "val_acc": {"better": "higher", "margin": {"absolute": 0.2}},
        "test_loss": {"better": "lower", "margin": a_fifth, "blocks": True},
        "loss_x": {"better": "lower", "margin": {"deviations": 5.0}},
    }
    runs = RunsSettings(file="runs.csv", of={})
    assert (runs.seed, runs.level) == ("seed", 0.05)


ONE = "metrics: {m.json: {a: {better: lower, margin: {absolute: 1}, blocks: true}}}"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "no such file beside .dvc; write a first one with the command `init`"),
        ("metrics: [", "expected YAML; "),
        ("{}", "metrics: expected a value; found none; add it"),
        ("metric: 1", "metric: expected a setting; did you mean metrics?"),
        (ONE.replace("a:", "b:"), "m.json: b: expected a metric of either side; did you mean m.json: a?"),
        (ONE.replace("margin: {absolute: 1}, ", ""), "expected a `margin` beside `better`; found none"),
        ("metrics: {m.json: {a: {blocks: true}}}", "expected `better`, `at_least` or `at_most`; found"),
        (ONE.replace(" 1}", " .nan}"), "absolute: expected a finite number; found nan"),
        (ONE.replace(", blocks: true", ""), "expected a metric with `blocks: true`; found none"),
        (ONE.replace("1}, blocks: true", "'1'}, blocks: 1"), "found '1' (and 1 more)"),
        (ONE.replace(" 1}", " -1}"), "absolute: expected greater than or equal to 0; found -1"),
        (ONE.replace("absolute: 1", ""), "margin: expected at least 1 item"),
        (ONE.replace(" 1}", " 1, relative: 1}"), "margin: expected at most 1 item"),
        (f"{ONE}\nruns: {{file: f, level: 0.5, of: {{}}}}", "level: expected less than 0.5; found 0.5"),
    ],
)  # fmt: skip
def test_wrong_setting_is_refused_in_one_line(text: str | None, error: str) -> None:
    with pytest.raises(CannotCompareError) as refused:
        load_settings(text).merge_rules([("m.json", "a")])
    message = str(refused.value)
    assert (message[:11], error in message, "\n" in message) == ("gate.yaml: ", True, False)


RULES = """\
anchor: v1
same: [code, data]
metrics:
  m:
    a: {better: higher, margin: {absolute: 0.1}, at_least: 0.8, over_runs: {relative: 0.3}, blocks: true}
    b: {better: lower, margin: {deviations: 5}, at_most: 1, blocks: true}
"""


def test_what_a_change_of_rules_does() -> None:
    """What loosens, removes or turns them comes first; of each kind, twelve entries are listed."""
    for old, new, first, rest in (
        ("absolute: 0.1", "absolute: 0.5", "loosens m: a", ""),
        ("absolute: 0.1", "relative: 0.1", "loosens m: a", ""),
        ("absolute: 0.1", "absolute: 0.05", "", "changes m: a"),
        ("at_least: 0.8", "at_least: 0.7", "loosens m: a", ""),
        ("at_most: 1", "at_most: 2", "loosens m: b", ""),
        ("relative: 0.3", "relative: 0.4", "loosens m: a", ""),
        ("1, blocks: true", "1", "loosens m: b", ""),
        ("higher", "lower", "turns m: a", ""),
        ("b:", "c:", "removes m: b", "adds m: c"),
        ("same: [code, data]", "same: [data]", "loosens same", ""),
        ("same: [code, data]", "same: [code, data, x]", "", "changes same"),
        ("anchor: v1", "first_run: pass", "loosens first_run; removes anchor", ""),
        ("anchor: v1", "anchor: v2", "", "changes anchor"),
        ("metrics:", "stale_results: inform\nmetrics:", "loosens stale_results", ""),
    ):
        before, after = load_settings(RULES), load_settings(RULES.replace(old, new))
        assert list_rule_changes(before, after, [("m", key) for key in "abc"]) == (
            [f"gate.yaml {said}, from the next change on" for said in first.split("; ") if said],
            [f"gate.yaml {said}" for said in rest.split("; ") if said],
        )
    assert join_some("abcdefghijklmn") == "a, b, c, d, e, f, g, h, i, j, k, l and 2 more"


def test_reasons_are_grouped() -> None:
    """One for all metrics of a file, and one for all files that were not fetched."""
    unread = [Comparison(file, key, None, 1.0, reason=f"base: run `dvc fetch {file}`")
              for file in ("a", "b") for key in ("x", "y")]  # fmt: skip
    gone = Comparison("c", "x", 1.0, None, reason="deleted")
    together = "a, b: x, y: base: run `dvc fetch PATH`"
    assert group_reasons([*unread, gone]) == [together, "c: x: deleted"]
    assert group_reasons(unread[:2]) == ["a: x, y: base: run `dvc fetch a`"]
