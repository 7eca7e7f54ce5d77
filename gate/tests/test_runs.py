"""Runs with many seeds."""

from types import SimpleNamespace
from typing import Any

import pytest

from gate.comparison import Comparison
from gate.presentation import as_markdown, as_sentence
from gate.runs import compare_means
from gate.settings import Rule
from gate.tests.conftest import GATE, Files, Project, comparison_of

SETTINGS = """\
runs:
  file: runs.csv
  level: 0.1
  of:
    metrics.json: {rows: {model: big}, parameters: {rate: rate}}
"""
RULES = SETTINGS + GATE.replace("absolute: 0.01", "deviations: 5").replace(
    "blocks: true", "blocks: true, over_runs: {standard_errors: 5}"
)

# A standard deviation of 0.0016; five standard errors of a difference of means of five: 0.005.
BASE = (0.898, 0.899, 0.900, 0.901, 0.902)
DEVIATION = 0.0015811


def table(*accuracies: object, first: int = 0, rate: str = "0.50") -> str:
    """Return accuracies by seed, among rows of another model and another rate."""
    rows = ["rate,model,seed,accuracy"]
    for seed, accuracy in enumerate(accuracies, start=first):
        rows += [f"{rate},big,{seed},{accuracy}", f"0.5,small,{seed},0", f",big,{seed},0.1"]
    return "\n".join(rows) + "\n"


@pytest.fixture
def with_runs(project: Project) -> Project:
    project.change({"gate.yaml": RULES, "runs.csv": table(*BASE)})
    project.commit(main=True)
    return project


@pytest.mark.parametrize(
    ("by", "status", "verdict"),
    [(0.001, 0, "within the margin"), (-0.004, 0, "within the margin"), (-0.006, 1, "worse")],
)
def test_means_are_compared(by: float, status: int, verdict: str, with_runs: Project) -> None:
    with_runs.write("runs.csv", table(*(round(value + by, 5) for value in BASE)))
    found = with_runs.check()
    c = comparison_of(found, "accuracy, mean of 5 seeds")
    assert (found.status, c.verdict) == (status, verdict)
    assert c.change == pytest.approx(by)
    assert c.margin == pytest.approx(5 * DEVIATION * (2 / 5) ** 0.5, rel=1e-4)


def test_p_values_are_students_with_holms_correction() -> None:
    """Against a computation by hand.

    Differences 0.05, 0.2, 0.35, 0.5, 0.65: t = (0.35 - 0.4) / (0.23717 / sqrt 5) = -0.4714, of 4
    degrees of freedom p = 0.331; of two equal tests 0.66.
    """
    rule = Rule(better="lower", margin={"absolute": 9}, over_runs={"absolute": 0.4})
    base, candidate = (
        {"m": {n: {"f": f"{1 + x}", "g": f"{1 + x}"} for n, x in enumerate(values)}}
        for values in ((0,) * 5, (0.05, 0.2, 0.35, 0.5, 0.65))
    )
    keys = ("f, mean of 5 seeds", "g, mean of 5 seeds")
    for level, verdict, reason in (
        (0.65, "cannot be compared", "inconclusive: neither no worse (p = 0.66)"),
        (0.67, "within the margin", "no worse by the margin: absolute, p = 0.66"),
    ):
        found = compare_means(level, {("m", "f"): rule, ("m", "g"): rule}, base, candidate, {})
        said = [(c.key, c.verdict, c.reason[: len(reason)]) for c in found]
        assert said == [(key, verdict, reason) for key in keys]


def test_single_run_is_compared_with_the_mean(with_runs: Project) -> None:
    """The base's own value is 0.898, the mean of its runs 0.9.

    The candidate's table counts for nothing: neither one other value nor wide runs.
    """
    with_runs.run(accuracy=0.898)
    with_runs.commit(main=True)
    assert comparison_of(with_runs.check(), "accuracy").verdict == "the same"
    said = "No worse. In 4 of 5 cases a loss from 0.0076 in accuracy of metrics.json would have"
    assert as_sentence(with_runs.check()).startswith(said)
    anchored = f"anchor: {with_runs.commit_of('main')}\n{with_runs.read('gate.yaml')}"
    with_runs.change({"gate.yaml": anchored})
    with_runs.commit(main=True)
    margin = 5 * DEVIATION * 0.6**0.5
    power = margin + 0.8416 * DEVIATION * 1.2**0.5
    for accuracy, status, verdict, runs in (
        (0.9029, 0, "within the margin", BASE),
        (0.9069, 0, "better", BASE),
        (0.8931, 1, "worse", BASE),
        (0.8931, 1, "worse", (0.8981, *BASE[1:])),
        (0.8931, 1, "worse", (0.8, 0.85, 0.9, 0.95, 1.0)),
    ):
        with_runs.change({"runs.csv": table(*runs), "run": {"accuracy": accuracy}})
        found = with_runs.check()
        c = comparison_of(found, "accuracy")
        assert (found.status, c.verdict, c.base_runs) == (status, verdict, 5)
        single = found.drift["metrics.json", "accuracy"]  # the anchor's own value
        assert [single.base, single.margin] == pytest.approx([0.898, 5 * DEVIATION], rel=1e-4)
        assert [c.base, c.change, c.margin, c.found_from] == pytest.approx(
            [0.9, accuracy - 0.9, margin, power], rel=1e-4
        )
        text = as_markdown(found)
        assert "| metric | main, mean of 5 seeds | now | verdict |" in text
        assert verdict != "within the margin" or "0.0029, margin 0.00612, finds 0.0076 |" in text


def test_power_is_that_of_the_first_metric_of_a_file() -> None:
    sizes = {"first": 0.5, "second": 0.25}
    found = [Comparison("m", key, 1, 1, blocks=True, found_from=n) for key, n in sizes.items()]
    check: Any = SimpleNamespace(status=0, comparisons=found)
    said = "No worse. In 4 of 5 cases a loss from 0.5 in first of m would have been found."
    assert as_sentence(check) == said


LONG = "a row per run, as long as the header; found others"
FEW = "expected 5 seeds or more on both sides; found"
DEEP = table(*BASE).replace("rate,", "depth,rate,").replace("\n", "\n2,")[:-2]
LOSS: Files = {"run": {"accuracy": 0.5}}
NAN: Files = {"params.yaml": "rate: 0.7\n", "runs.csv": table(*BASE[:4], "nan", rate="0.7")}
# The seed's own needs no column; that of a stage before, and of a section, does.
SECTIONS: Files = {
    "dvc.yaml": """\
stages:
  prepare: {cmd: cp results.json data.json, deps: [results.json], params: [data], outs: [data.json]}
  train:
    cmd: cp data.json metrics.json
    deps: [data.json]
    params: [train.seed, rate]
    metrics: [{metrics.json: {cache: false}}]
""",
    "params.yaml": "rate: 0.5\ndata: {size: 3}\ntrain: {seed: 1}\n",
}


@pytest.mark.parametrize(
    ("base", "change", "status", "said"),
    [
        # The candidate's table.
        ({}, {"runs.csv": table(*BASE[:4])}, 2, f"{FEW} 4"),
        ({}, {"runs.csv": table(*BASE, first=3)}, 2, f"{FEW} 2"),
        ({}, {"runs.csv": "\ufeff" + table(*BASE[:4])}, 2, f"{FEW} 4"),
        ({}, {"runs.csv": table(*BASE[:4], "nan")}, 2, "expected a number for every seed; found"),
        ({}, {"runs.csv": table(0.7, *BASE[1:4], 0.99)}, 2, "inconclusive: neither no worse (p = "),
        ({}, {"runs.csv": "rate,model,seed\n1\n"}, 2, LONG),
        ({}, {"runs.csv": "rate,model,seed\n1,2,3,4,5\n"}, 2, LONG),
        ({}, {"runs.csv": (",", ";")}, 2, "found semicolons; recreate it"),
        ({}, {"runs.csv": "a" * 200_000 + "\n"}, 2, "found field larger than"),
        ({}, {"runs.csv": table(*BASE) + "0.5,big,0,1\n"}, 2, "each seed once; found '0' again"),
        ({}, {"runs.csv": table(*BASE) + "0.5,big,9.5,1\n"}, 2, "seed of each run; found '9.5'"),
        ({}, {"runs.csv": None}, 2, "runs.csv of workspace: expected the table of runs: a CSV"),
        # Runs of other parameters than the base's do not count, nor does a NaN among its runs.
        ({"params.yaml": "rate: 0.7\n"}, {"run": {"accuracy": 0.897}}, 2,
         "5 runs or more in runs.csv with the base's parameters; found 0"),
        ({"params.yaml": "rate: 0.7\n"}, {}, 0, "accuracy: the same"),  # which needs no margin
        (NAN, {"run": {"accuracy": 0.8}}, 2, "in every run of runs.csv; found 'nan' for seed 4"),
        ({"params.yaml": "rate: null\n"}, {"run": {"accuracy": 0.11}}, 0,
         "accuracy: better"),  # an empty cell; the mean is 0.1
        (SECTIONS, {}, 2, "params.yaml: data.size is missing; add `COLUMN"),
        # Unknown names, and in whose table.
        ({"gate.yaml": ("rate: rate", "rat: rate")}, {}, 2,
         "rat: expected a column of runs.csv of main; did you mean rate?"),
        ({"gate.yaml": ("model: big", "mode: big")}, {}, 2,
         "mode: expected a column of runs.csv of main; did you mean model?"),
        ({"gate.yaml": ("  level", "  seed: sed\n  level")}, {}, 2, "seed: sed: expected a column"),
        ({"gate.yaml": None, "runs.csv": None},
         {"gate.yaml": RULES.replace("rate: rate", "rat: rate"), "runs.csv": table(*BASE)}, 2,
         "rat: expected a column of runs.csv of workspace; did you mean rate?"),
        # A base of before the rules, whose table and parameters are older than they.
        ({"gate.yaml": None}, {"gate.yaml": RULES.replace("rate: rate", "rate: rate, depth: depth"),
                               "params.yaml": "rate: 0.5\ndepth: 2\n", "runs.csv": DEEP} | LOSS, 1,
         "accuracy: worse by 0.4, more than the margin of 0.00612"),
        ({"gate.yaml": ("rate: rate", "rate: rat")}, {}, 2,
         "rat: expected a parameter; did you mean params.yaml: rate?"),
        ({"gate.yaml": ("{rate: rate}", "{}")}, {}, 2,
         "every parameter that the file depends on; params.yaml: rate is"),
        ({"gate.yaml": ("  metrics.json: {r", "  metric.json: {r")}, {}, 2,
         "file; did you mean metrics.json?"),
    ],
    ids=range(25),
)  # fmt: skip
def test_what_cannot_be_tested_never_passes(
    base: Files, change: Files, status: int, said: str, with_runs: Project
) -> None:
    with_runs.change(base | ({"run": {}} if "params.yaml" in base else {}))
    with_runs.commit(main=True)
    with_runs.change(change)
    with_runs.expect(status, said)
