"""Every value of a comparison in its place, in each form; nothing here needs a repository."""

import json
from pathlib import Path

import pytest

from gate.base import Base
from gate.check import REGRESSION, Check
from gate.comparison import Noise, compare
from gate.likeness import Differences
from gate.presentation import as_json, as_markdown
from gate.reading import MetricsFile
from gate.revisions import Revision
from gate.seeds import Question, SeedTests, answer
from gate.settings import Margin, Rule
from gate.terminal import show

# By metrics file: key, rule, base, candidate. Of each verdict, blocking or not, one.
METRICS: dict[str, dict[str, tuple[Rule | None, object, object]]] = {
    "a.json": {
        "accuracy": (Rule(better="higher", margin=Margin(absolute=0.01), blocks=True), 0.9, 0.875),
        "loss": (Rule(better="lower", margin=Margin(absolute=0.1), blocks=False), 0.5, 0.75),
        "recall": (Rule(better="higher", margin=Margin(relative=0.5), blocks=True), 0.5, 0.375),
    },
    "b.json": {
        "f1": (Rule(better="higher", margin=Margin(deviations=2), blocks=True), 0.5, 0.375),
        "speed": (Rule(better="higher", margin=Margin(absolute=1), blocks=True), 100, "fast"),
        "time": (Rule(better="lower", margin=Margin(absolute=1), blocks=False), 8.0, 8.0),
        "epoch": (None, 3, 4),
        "steps": (None, 100, 200),
    },
}


@pytest.fixture
def found() -> Check:
    rules = {
        file: {key: rule for key, (rule, _, _) in metrics.items() if rule}
        for file, metrics in METRICS.items()
    }
    base, candidate = (
        {
            file: MetricsFile({key: metric[side] for key, metric in metrics.items()})
            for file, metrics in METRICS.items()
        }
        for side in (1, 2)
    )
    noise = Noise({"b.json": {"f1": 0.03125}}, "over 5 seeds")
    questions = [
        Question("a.json", "accuracy", True, (0.5, 0.25, 0.75, 0.5, 0.5), 0.125, "absolute"),
        Question("b.json", "f1", False, (0.0, 0.0, 0.0, 0.0), 0.125, "absolute"),
    ]
    differences = Differences(
        parameters={"rate": (0.5, 0.25)},
        data={"data/x": ("0" * 32, "1" * 32)},
        code={"code": ("2" * 32 + ".dir", None)},
        environment={"libc": ("1", "2")},
        gate={"seeds.level": (0.1, 0.05)},
    )
    return Check(
        base=Base(Revision(Path(), "c" * 40, "main"), "named by --base"),
        comparisons=compare(rules, base, candidate, noise),
        differences=differences,
        seeds=SeedTests(answer(questions, level=0.1, least_pairs=5), ("a note on seeds",)),
        status=REGRESSION,
        reasons=("the first reason", "the second"),
        notes=("the first note", "another"),
    )


def test_markdown(found: Check) -> None:
    assert (
        as_markdown(found)
        == r"""### Gate: regression

Compared with `main` (cccccccccc): named by --base.

- the first reason
- the second

| metric | base | candidate | change | margin | verdict | why |
| --- | --- | --- | --- | --- | --- | --- |
| `a.json: accuracy` | 0.9 | 0.875 | -0.025 | 0.01 | worse | worse by 0.025, more than the margin of 0.01 (absolute) |
| `a.json: loss` | 0.5 | 0.75 | +0.25 | 0.1 | worse (informs) | worse by 0.25, more than the margin of 0.1 (absolute) |
| `a.json: recall` | 0.5 | 0.375 | -0.125 | 0.25 | within the margin | worse by 0.125, margin 0.25 (0.5 of the base) |
| `b.json: f1` | 0.5 | 0.375 | -0.125 | 0.0625 | worse | worse by 0.125, more than the margin of 0.0625 (2 standard deviations of 0.0312, over 5 seeds) |
| `b.json: speed` | 100 | - | - | 1 | cannot be compared | candidate: expected a finite number; found 'fast' |
| `b.json: time` | 8 | 8 | 0 | 1 | the same (informs) | unchanged |

Over several seeds:

| metric | seeds | worse by | interval | margin | p | power | finding | why |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| `a.json: accuracy` | 5 | 0.5 | 0.375 to 0.625 (81.2%) | 0.125 | 1 | 0.52 | worse | by more than the margin: absolute |
| `b.json: f1` | 4 | 0 | - | 0.125 | - | - | inconclusive (informs) | expected 5 seeds or more on both sides; found 4 |

- not gated: b.json: epoch (3 -\> 4), steps (100 -\> 200)
- the first note
- another
- parameters: rate: 0.5 -\> 0.25
- data: data/x: 000000000000 -\> 111111111111
- code: code: 222222222222 -\> none
- environment: libc: 1 -\> 2
- gate: seeds.level: 0.1 -\> 0.05
- a note on seeds
"""  # noqa: E501
    )


def test_terminal_says_the_same(found: Check, capsys: pytest.CaptureFixture[str]) -> None:
    show(found)
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    rows = [line for line in as_markdown(found).splitlines() if line.startswith("| `")]
    for name, *cells in (line.strip("| ").split(" | ") for line in rows):
        assert " ".join([name.strip("`").split(": ")[1], *cells]) in " ".join(shown)
    end = shown[shown.index("- not gated: b.json: epoch (3 -> 4), steps (100 -> 200)") + 1 :]
    assert end == [
        "- the first note",
        "- another",
        "- parameters: rate: 0.5 -> 0.25",
        "- data: data/x: 000000000000 -> 111111111111",
        "- code: code: 222222222222 -> none",
        "- environment: libc: 1 -> 2",
        "- gate: seeds.level: 0.1 -> 0.05",
        "- a note on seeds",
        "Verdict: regression",
        "- the first reason",
        "- the second",
    ]


def test_json_has_every_metric_with_its_values(found: Check) -> None:
    content = json.loads(as_json(found))
    values = [(m["file"], m["key"], m["base"], m["candidate"]) for m in content["metrics"]]
    assert sorted(values) == sorted(
        (file, key, before, after if after != "fast" else None)
        for file, metrics in METRICS.items()
        for key, (_, before, after) in metrics.items()
    )
    assert [m["key"] for m in content["metrics"] if m["refuses"]] == ["accuracy", "f1", "speed"]
    assert content["reasons"] == ["the first reason", "the second"]
