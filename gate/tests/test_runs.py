"""Runs with many seeds on both sides."""

import re
from pathlib import Path

import numpy as np
import pytest

from gate.check import Check
from gate.tests.conftest import GATE, Project, comparison_of

SETTINGS = """\
runs:
  file: runs.csv
  level: 0.1
  of:
    metrics.json: {rows: {rate: 0.5, model: big}, parameters: {"params.yaml: rate": 0.5}}
"""
TESTED = GATE.replace("absolute: 0.01", "deviations: 5").replace(
    "blocks: true", "blocks: true, over_runs: {standard_errors: 5}"
)


def table(*accuracies: object, first: int = 0, loss: float = 0.5) -> str:
    """Accuracies by seed, among rows of another model."""
    rows = ["rate,model,seed,accuracy,loss"]
    for seed, accuracy in enumerate(accuracies, start=first):
        rows += [f"0.50,big,{seed},{accuracy},{loss + seed / 100}", f"0.5,small,{seed},0,0"]
    return "\n".join(rows) + "\n"


# A standard deviation of 0.0016; five standard errors of a difference of means of five: 0.005.
BASE = (0.898, 0.899, 0.900, 0.901, 0.902)


def shifted(by: float) -> tuple[float, ...]:
    return tuple(round(value + by, 5) for value in BASE)


@pytest.fixture
def with_runs(project: Project) -> Project:
    project.git("switch", "--quiet", "main")
    project.write("gate.yaml", SETTINGS + TESTED)
    project.write("runs.csv", table(*BASE))
    project.commit("runs")
    project.git("switch", "--quiet", "--force-create", "change")
    return project


def found_with(project: Project, runs: str) -> Check:
    project.write("runs.csv", runs)
    return project.check()


@pytest.mark.parametrize(
    ("by", "status", "finding"),
    [
        (0.001, 0, "no worse"),
        (-0.004, 0, "no worse"),
        (-0.006, 1, "worse"),
    ],
)
def test_means_are_compared_by_a_margin_for_means(
    by: float, status: int, finding: str, with_runs: Project
) -> None:
    found = found_with(with_runs, table(*shifted(by)))
    (test,) = found.runs
    assert (found.status, test.finding, test.pairs) == (status, finding, 5)
    assert test.result
    assert test.result.worse_by == pytest.approx(-by)
    assert test.margin == pytest.approx(5 * 0.0015811 * (2 / 5) ** 0.5, rel=1e-4)
    assert test.result.p_no_worse == pytest.approx(1 / 32 if by > -0.005 else 1)


def test_what_cannot_be_tested_is_never_a_pass(with_runs: Project) -> None:
    for runs, reason in (
        (table(*shifted(0.001)[:4]), "expected 5 seeds or more on both sides; found 4"),
        (table(*shifted(0.001), first=3), "expected 5 seeds or more on both sides; found 2"),
        (table(*shifted(0.001)[:4], "nan"), "expected a number for every seed; found others"),
        (table(0.7, *BASE[1:4], 0.99), "neither is shown; more seeds would tell"),
        ("seed\n1\n", "expected columns of runs.csv of workspace; it has no model"),
        ("rate,model,seed\n1\n", "expected rows as long as their heading; found others"),
        (table(*BASE) + "0.5,big,0,1,1\n", "expected each seed once; found '0' again"),
    ):
        found = found_with(with_runs, runs)
        assert found.status == 2
        assert reason in " ".join(found.reasons)
    (with_runs.folder / "runs.csv").unlink()
    assert with_runs.check().reasons == ("runs.csv: deleted: the candidate has none; restore it",)
    with_runs.write("gate.yaml", (SETTINGS + TESTED).replace("0.1\n", "0.01\n", 1))
    found = found_with(with_runs, table(*shifted(0.001)))
    assert found.status == 2
    assert "5 seeds cannot tell: the smallest p-value of 5 pairs" in found.reasons[0]


def test_base_may_lack_a_column_that_is_new(with_runs: Project) -> None:
    with_runs.write("gate.yaml", (SETTINGS + TESTED).replace("model: big", "model: big, units: 8"))
    runs = "\n".join(f"{line},{'8' if n else 'units'}" for n, line in enumerate(
        table(*shifted(-0.006)).splitlines()))  # fmt: skip
    found = found_with(with_runs, runs)
    assert [test.finding for test in found.runs] == ["worse"]


def test_single_run_is_compared_with_the_mean_of_the_bases(with_runs: Project) -> None:
    """The base's own value, 0.9, is changed to 0.898: it is not what counts."""
    with_runs.git("switch", "--quiet", "main")
    with_runs.results(accuracy=0.898)
    with_runs.commit("a run below the mean")
    with_runs.git("switch", "--quiet", "--force-create", "change")
    assert with_runs.check().notes == ()  # and the same value is the same, whatever the mean
    for accuracy, status, verdict in (
        (0.9029, 0, "within the margin"),
        (0.9069, 0, "better"),
        (0.8931, 1, "worse"),
    ):
        with_runs.results(accuracy=accuracy)
        found = with_runs.check()
        c = comparison_of(found, "accuracy")
        assert (found.status, found.runs, c.verdict, c.base_runs) == (status, (), verdict, 5)
        assert [c.base, c.change] == pytest.approx([0.9, accuracy - 0.9])
        assert c.margin == pytest.approx(5 * 0.0015811 * (1.2 / 2) ** 0.5, rel=1e-4)
        assert c.reason.endswith("over the seeds of the base), compared with the mean of 5 runs")
    assert found.notes == (
        "metrics.json: the base's values are the means of its 5 runs over seeds",
    )


def test_change_cannot_widen_its_own_margin(with_runs: Project) -> None:
    with_runs.results(accuracy=0.88)
    found = found_with(with_runs, table(0.5, 0.6, 0.7, 0.8, 0.9))
    assert comparison_of(found, "accuracy").margin == pytest.approx(5 * 0.0015811, rel=1e-4)
    assert found.status == 1


def test_other_conditions_than_those_of_the_noise_are_said(with_runs: Project) -> None:
    with_runs.write("params.yaml", "rate: 0.2\n")
    with_runs.results(accuracy=0.899)
    told = "metrics.json: the noise was measured under other conditions: {}: rate 0.2 (runs: 0.5)"
    found = with_runs.check()
    assert found.notes[1:] == (told.format("candidate"),)
    with_runs.commit("another rate")
    with_runs.results(accuracy=0.898)
    found = with_runs.check("HEAD")  # of which the runs are no repetition
    assert found.notes == (told.format("base"), told.format("candidate"))
    assert comparison_of(found, "accuracy").base == 0.899


def test_margin_without_runs(project: Project) -> None:
    gate = SETTINGS + TESTED.replace("deviations: 5", "deviations: 5, without_runs: 0.02")
    project.write("gate.yaml", gate)
    project.results(accuracy=0.885)
    found = project.check()
    assert (found.status, comparison_of(found, "accuracy").margin) == (0, 0.02)
    project.write("gate.yaml", SETTINGS + TESTED)
    found = project.check()
    assert found.status == 2
    assert "expected its standard deviation over seeds; found no runs" in found.reasons[0]
    project.results(accuracy=0.9)
    assert project.check().status == 0  # what is the same needs no margin
    project.results(accuracy=0.885)
    project.write("runs.csv", table(*BASE))
    found = project.check()
    assert (found.status, "of the candidate" in found.reasons[0]) == (1, True)


def test_false_alarms_are_those_of_the_readme() -> None:
    """Of eight independent, normal metrics with margins of 4 to 7 deviations."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| seeds |")[2].split("\n\n")[0].splitlines()[2:]
    rows = [list(map(int, re.findall(r"\d+", line))) for line in table]
    assert [row[0] for row in rows] == [5, 8, 10, 20]
    for seeds, *percents in rows:
        values = np.random.default_rng(0).normal(size=(20_000, seeds + 1, 8))
        deviation = values[:, :seeds].std(axis=1, ddof=1)
        mean = values[:, :seeds].mean(axis=1)
        apart = (mean - values[:, seeds]) / (deviation * ((1 + 1 / seeds) / 2) ** 0.5)
        found = [100 * float((apart > k).any(axis=1).mean()) for k in (4, 5, 6, 7)]
        assert percents == pytest.approx(found, abs=1)
