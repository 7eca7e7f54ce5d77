"""Runs with many seeds."""

import pytest

from gate.tests.conftest import GATE, Files, Project, comparison_of

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
    project.change({"gate.yaml": SETTINGS + RULES, "runs.csv": table(*BASE)})
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


def test_p_values_are_students_with_holms_correction(with_runs: Project) -> None:
    """Against a computation by hand.

    Differences 0.05, 0.2, 0.35, 0.5, 0.65: t = (0.35 - 0.4) / (0.23717 / sqrt 5) = -0.4714, of 4
    degrees of freedom p = 0.331; of two equal tests 0.66.
    """
    rule = "{better: lower, margin: {absolute: 9}, blocks: true, over_runs: {absolute: 0.4}}"
    header, *rows = table(*BASE).splitlines()
    before, after = (
        "\n".join(
            [f"{header},f,g", *(f"{row},{1 + n * x},{1 + n * x}" for n, row in enumerate(rows, 1))]
        )
        for x in (0, 0.05)
    )
    rules = SETTINGS + RULES + f"    f: {rule}\n    g: {rule}\n"
    with_runs.change({"gate.yaml": rules, "runs.csv": before, "run": {"f": 1, "g": 1}})
    with_runs.commit(main=True)
    with_runs.write("runs.csv", after)
    status, text = with_runs.judge()
    said = "f, mean of 5 seeds, g, mean of 5 seeds: inconclusive: neither no worse (p = 0.66)"
    assert (status, said in text) == (2, True), text


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (table(*BASE[:4]), "expected 5 seeds or more on both sides; found 4"),
        (table(*BASE, first=3), "expected 5 seeds or more on both sides; found 2"),
        (table(*BASE[:4], "nan"), "expected a number for every seed; found others"),
        (table(0.7, *BASE[1:4], 0.99), "inconclusive: neither no worse (p = "),
        ("rate,model,seed\n1\n", "a row per run, as long as the header; found others"),
        ("rate,model,seed\n1,2,3,4,5\n", "a row per run, as long as the header; found others"),
        (table(*BASE).replace(",", ";"), "found semicolons; recreate it"),
        ("a" * 200_000 + "\n", "found field larger than"),
        (table(*BASE) + "0.5,big,0,1\n", "expected each seed once; found '0' again"),
        (table(*BASE) + "0.5,big,x,1\n", "expected a whole number as seed of each run; found 'x'"),
        (table(*BASE) + "0.5,big,9.5,1\n", "a whole number as seed of each run; found '9.5'"),
        ("\ufeff" + table(*BASE[:4]), "expected 5 seeds or more on both sides; found 4"),
        (None, "runs.csv of workspace: expected the table of runs: a CSV file with commas"),
    ],
    ids=range(13),
)
def test_what_cannot_be_tested_never_passes(
    runs: str | None, said: str, with_runs: Project
) -> None:
    with_runs.change({"runs.csv": runs})
    status, text = with_runs.judge()
    assert (status, said in text) == (2, True), text


def test_single_run_is_compared_with_the_mean(with_runs: Project) -> None:
    """The base's own value is 0.898, the mean of its runs 0.9.

    The candidate's table counts for nothing: neither one other value nor wide runs.
    """
    with_runs.run(accuracy=0.898)
    with_runs.commit(main=True)
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
        with_runs.change({"runs.csv": table(*runs), "run": {"accuracy": accuracy}})
        found = with_runs.check()
        c = comparison_of(found, "accuracy")
        assert (found.status, c.verdict, c.base_runs) == (status, verdict, 5)
        assert [c.base, c.change, c.margin, c.found_from] == pytest.approx(
            [0.9, accuracy - 0.9, margin, power], rel=1e-4
        )


@pytest.mark.parametrize(
    ("rate", "runs", "accuracy", "status", "said"),
    [
        ("0.7", {}, 0.897, 2, "5 runs or more in runs.csv with the base's parameters; found 0"),
        ("0.7", {}, 0.9, 0, "accuracy: the same"),  # which needs no margin
        ("0.7", {"runs.csv": table(*BASE[:4], "nan", rate="0.7")}, 0.8, 2,
         "accuracy: expected a number in every run of runs.csv; found 'nan' for seed 4"),
        ("null", {}, 0.11, 0, "accuracy: better"),  # an empty cell; the mean is 0.1
    ],
)  # fmt: skip
def test_runs_of_other_parameters_do_not_count(
    rate: str, runs: Files, accuracy: float, status: int, said: str, with_runs: Project
) -> None:
    """Nor does a base with a NaN among its runs."""
    with_runs.change(runs | {"params.yaml": f"rate: {rate}\n", "run": {}})
    with_runs.commit(main=True)
    with_runs.run(accuracy=accuracy)
    found, text = with_runs.judge()
    assert (found, said in text) == (status, True), text


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
    with_runs.change({"gate.yaml": (old, new)})
    with_runs.commit(main=True)
    status, text = with_runs.judge()
    assert (status, error in text) == (2, True), text


def test_parameters_before_the_stage_count(with_runs: Project) -> None:
    """That of a stage before, and a section; the seed's does not."""
    pipeline = """\
stages:
  prepare: {cmd: cp results.json data.json, deps: [results.json], params: [data], outs: [data.json]}
  train:
    cmd: cp data.json metrics.json
    deps: [data.json]
    params: [train.seed, rate]
    metrics: [{metrics.json: {cache: false}}]
"""
    parameters = "rate: 0.5\ndata: {size: 3}\ntrain: {seed: 1}\n"
    with_runs.change({"dvc.yaml": pipeline, "params.yaml": parameters, "run": {}})
    with_runs.commit(main=True)
    assert "params.yaml: data.size is missing; add `COLUMN" in with_runs.judge()[1]
