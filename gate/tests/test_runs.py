"""Runs with many seeds."""

import numpy as np
import pytest

from gate.check import Check
from gate.comparison import Noise, Verdict, find_margin
from gate.errors import CannotCompareError
from gate.settings import Margin
from gate.tests.conftest import GATE, Project, comparison_of

SETTINGS = """\
runs:
  file: runs.csv
  level: 0.1
  of:
    metrics.json: {rows: {model: big}, parameters: {rate: rate}}
"""
RULES = GATE.replace("absolute: 0.01", "deviations: 5").replace(
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
    project.write("gate.yaml", SETTINGS + RULES)
    project.write("runs.csv", table(*BASE))
    project.commit_main()
    return project


def check_with(project: Project, runs: str) -> Check:
    project.write("runs.csv", runs)
    return project.check()


@pytest.mark.parametrize(
    ("by", "status", "verdict"),
    [(0.001, 0, "within the margin"), (-0.004, 0, "within the margin"), (-0.006, 1, "worse")],
)
def test_means_are_compared(by: float, status: int, verdict: str, with_runs: Project) -> None:
    found = check_with(with_runs, table(*(round(value + by, 5) for value in BASE)))
    c = comparison_of(found, "accuracy, mean of 5 seeds")
    assert (found.status, c.verdict) == (status, verdict)
    assert c.change == pytest.approx(by)
    assert c.margin == pytest.approx(5 * DEVIATION * (2 / 5) ** 0.5, rel=1e-4)


def test_p_values_are_students_with_holms_correction(with_runs: Project) -> None:
    """Against a computation by hand."""
    rule = "{better: lower, margin: {absolute: 9}, blocks: true, over_runs: {absolute: 0.4}}"
    with_runs.write("gate.yaml", SETTINGS + RULES + f"    f: {rule}\n    g: {rule}\n")
    rows = table(*BASE).splitlines()
    before = [f"{row},{'f,g' if n == 0 else '1,1'}" for n, row in enumerate(rows)]
    with_runs.results(f=1, g=1)
    with_runs.write("runs.csv", "\n".join(before))
    with_runs.commit_main()
    after = [
        f"{row},{'f,g' if n == 0 else f'{1 + n / 20},{1 + n / 20}'}" for n, row in enumerate(rows)
    ]
    found = check_with(with_runs, "\n".join(after))
    # Differences 0.05, 0.2, 0.35, 0.5, 0.65: t = (0.35 - 0.4) / (0.23717 / sqrt 5) = -0.4714, of 4
    # degrees of freedom p = 0.331; of two equal tests 0.66.
    for key in ("f", "g"):
        c = comparison_of(found, f"{key}, mean of 5 seeds")
        assert (c.verdict, "no worse (p = 0.66)" in c.reason) == (Verdict.NOT_COMPARABLE, True)
    assert found.status == 2


def test_what_cannot_be_tested_never_passes(with_runs: Project) -> None:
    for runs, reason in (
        (table(*BASE[:4]), "expected 5 seeds or more on both sides; found 4"),
        (table(*BASE, first=3), "expected 5 seeds or more on both sides; found 2"),
        (table(*BASE[:4], "nan"), "expected a number for every seed; found others"),
        (table(0.7, *BASE[1:4], 0.99), "inconclusive: neither no worse (p = "),
        ("rate,model,seed\n1\n", "a row per run, as long as the header; found others"),
        ("rate,model,seed\n1,2,3,4,5\n", "a row per run, as long as the header; found others"),
        (table(*BASE).replace(",", ";"), "found semicolons; recreate it"),
        ("a" * 200_000 + "\n", "found field larger than"),
        (table(*BASE) + "0.5,big,0,1\n", "expected each seed once; found '0' again"),
        ("\ufeff" + table(*BASE[:4]), "expected 5 seeds or more on both sides; found 4"),
    ):
        found = check_with(with_runs, runs)
        assert (found.status, reason in " ".join(found.reasons)) == (2, True), found.reasons
    (with_runs.folder / "runs.csv").unlink()
    (reason,) = with_runs.check().reasons
    assert reason.startswith("runs.csv of workspace: expected the table of runs")
    assert "found none" in reason


def test_single_run_is_compared_with_the_mean(with_runs: Project) -> None:
    """The base's own value is 0.898, the mean of its runs 0.9.

    The candidate's table counts for nothing: neither one other value nor wide runs.
    """
    with_runs.results(accuracy=0.898)
    with_runs.commit_main()
    assert comparison_of(with_runs.check(), "accuracy").verdict == "the same"
    margin = 5 * DEVIATION * 0.6**0.5
    power = margin + 0.8416 * DEVIATION * 1.2**0.5
    for accuracy, status, verdict, runs in (
        (0.9029, 0, "within the margin", BASE),
        (0.9069, 0, "better", BASE),
        (0.8931, 1, "worse", BASE),
        (0.8931, 1, "worse", (0.8981, *BASE[1:])),
        (0.8931, 1, "worse", (0.8, 0.85, 0.9, 0.95, 1.0)),
    ):
        with_runs.results(accuracy=accuracy)
        found = check_with(with_runs, table(*runs))
        c = comparison_of(found, "accuracy")
        assert (found.status, c.verdict, c.base_runs) == (status, verdict, 5)
        assert [c.base, c.change, c.margin, c.found_from] == pytest.approx(
            [0.9, accuracy - 0.9, margin, power], rel=1e-4
        )


def test_other_parameters_have_no_noise(with_runs: Project) -> None:
    """Nor a base with a NaN among its runs. An empty cell is null."""
    with_runs.write("params.yaml", "rate: 0.7\n")
    with_runs.repro()
    with_runs.commit_main()
    with_runs.results(accuracy=0.897)
    found = with_runs.check()
    reason = "accuracy: expected 5 runs or more in runs.csv with the base's parameters; found 0"
    assert (found.status, reason in found.reasons[0]) == (2, True)
    with_runs.results()
    assert with_runs.check().status == 0  # what is the same needs no margin
    with_runs.write("runs.csv", table(*BASE[:4], "nan", rate="0.7"))
    with_runs.commit_main()
    with_runs.results(accuracy=0.8)
    reason = "accuracy: expected a number in every run of runs.csv; found 'nan' for seed 4"
    assert reason in with_runs.check().reasons[0]
    with_runs.write("params.yaml", "rate: null\n")
    with_runs.repro()
    with_runs.commit_main()
    with_runs.results(accuracy=0.11)
    assert comparison_of(with_runs.check(), "accuracy").base == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("rate: rate", "rat: rate", "rat: expected a column of runs.csv; did you mean rate?"),
        ("rate: rate", "rate: rat", "rat: expected a parameter; did you mean params.yaml: rate?"),
        ("{rate: rate}", "{}", "every parameter that the file depends on; params.yaml: rate is"),
        ("model: big", "mode: big", "mode: expected a column of runs.csv; did you mean model?"),
        ("  metrics.json: {r", "  metric.json: {r", "file; did you mean metrics.json?"),
        ("  level", "  seed: sed\n  level", "seed: sed: expected a column of runs.csv; did you"),
    ],
)
def test_unknown_name_in_runs(old: str, new: str, error: str, with_runs: Project) -> None:
    with_runs.replace("gate.yaml", old, new)
    with_runs.commit_main()
    with pytest.raises(CannotCompareError) as refused:
        with_runs.check()
    assert error in str(refused.value)


def test_parameters_before_the_stage_count(project: Project) -> None:
    """That of a stage before, and a section; the seed's does not."""
    project.write("dvc.yaml", """\
stages:
  prepare: {cmd: cp results.json data.json, deps: [results.json], params: [data], outs: [data.json]}
  train:
    cmd: cp data.json metrics.json
    deps: [data.json]
    params: [train.seed, rate]
    metrics: [{metrics.json: {cache: false}}]
""")  # fmt: skip
    project.write("params.yaml", "rate: 0.5\ndata: {size: 3}\ntrain: {seed: 1}\n")
    project.write("gate.yaml", SETTINGS + RULES)
    project.write("runs.csv", table(*BASE))
    project.repro()
    project.commit_main()
    with pytest.raises(
        CannotCompareError, match=r"params.yaml: data\.size is missing; add `COLUMN"
    ):
        project.check()


@pytest.mark.parametrize(
    ("margin", "options", "expected"),
    [
        ({"absolute": 0.5}, {"base_runs": 5}, 0.5),
        ({"relative": 0.1}, {}, 0.2),
        ({"deviations": 5}, {"pairs": 9}, 0.05),
        ({"deviations": 5}, {"base_runs": 8}, 0.0375),
        ({"standard_errors": 5}, {"pairs": 2}, 0.05),
        ({"standard_errors": 5}, {"pairs": 50}, 0.01),
    ],
)
def test_margin_is_in_the_metrics_unit(
    margin: Margin, options: dict[str, int], expected: float
) -> None:
    noise = Noise(deviation=0.01, mean=-2, runs=1)
    found, origin = find_margin(margin, -2.0, noise, **options)
    assert found == pytest.approx(expected)
    assert origin


def test_power_is_that_of_a_simulation() -> None:
    """A loss of `found_from` exceeds the margin in 80 % of cases, one run against a mean."""
    margin = find_margin({"deviations": 3}, 0.0, Noise(1.0, 0.0, 8), base_runs=8)[0]
    assert margin
    draws = np.random.default_rng(0).normal(size=(200_000, 9))
    loss = margin + 0.8416 * (1 + 1 / 8) ** 0.5
    refused = draws[:, :8].mean(axis=1) - (draws[:, 8] - loss) > margin
    assert refused.mean() == pytest.approx(0.8, abs=0.005)
