"""Runs with many seeds."""

import pytest

from gate.runs import compare_means
from gate.settings import Rule
from gate.tests.conftest import GATE, PIPELINE, Files, Project

SETTINGS = """\
runs:
  file: runs.csv
  seed: draw
  level: 0.1
  of:
    metrics.json: {rows: {big: true}, parameters: {rate: rate}}
"""
RULES = SETTINGS + GATE.replace("absolute: 0.01", "deviations: 5").replace(
    "blocks: true", "blocks: true, over_runs: {standard_errors: 5}"
).replace("absolute: 0.1}", "absolute: 0.001}, blocks: true")

# A standard deviation of 0.0015811, 5 of which are 0.00791 for single runs, and 0.00612 against the
# mean of five, 0.9. Five standard errors of a difference of means of five: 0.005.
BASE = (0.898, 0.899, 0.900, 0.901, 0.902)
OWN: Files = {"run": {"accuracy": 0.898}}  # the base's own run


def table(*accuracies: object, first: int = 0, rate: str = "0.50") -> str:
    """Return accuracies, also as losses, by seed, among rows of another model and another rate."""
    rows = ["rate,big,draw,accuracy,loss"]
    for seed, x in enumerate(accuracies, start=first):
        rows += [f"{rate},True,{seed},{x},{x}", f"0.5,False,{seed},0,0", f",True,{seed},0.1,0"]
    return "\n".join(rows) + "\n"


UNCLEAR = "cannot be compared: inconclusive: neither no worse (p = "
NO_WORSE = "no worse by the margin: absolute, p = "
WORSE = "worse: worse by more than the margin: absolute, p = "
SPREAD = (0.05, 0.2, 0.35, 0.5, 0.65)


def test_p_values_are_students_with_holms_correction() -> None:
    """Against a computation by hand.

    The mean of the spread is 0.05 from 0.4 and 0.3: t = 0.05 / (0.23717 / sqrt 5) = 0.4714, of 4
    degrees of freedom p = 0.331. It is 0.25 from 0.6 and 0.1: t = 2.357, p = 0.039, twice 0.078.
    """
    for losses, margins, level, said in (
        (SPREAD, (0.4, 0.6), 0.1, [f"{UNCLEAR}0.33", f"within the margin: {NO_WORSE}0.078"]),
        (SPREAD, (0.4, 0.6), 0.05, [f"{UNCLEAR}0.33", f"{UNCLEAR}0.078"]),
        (SPREAD, (0.3, 0.1), 0.1, [f"{UNCLEAR}1", f"{WORSE}0.078"]),
        # Without a spread.
        ([0.5] * 5, (0.5, 0), 0.1, [f"{UNCLEAR}1", f"{WORSE}0"]),
        ([-0.5] * 5, (0.5, 0), 0.1, [f"within the margin: {NO_WORSE}0", f"better: {NO_WORSE}0"]),
    ):
        rules = {
            ("m", key): Rule(better="lower", margin={"absolute": 9}, over_runs={"absolute": margin})
            for key, margin in zip("fg", margins, strict=True)
        }
        base, candidate = (
            {"m": {n: dict.fromkeys("fg", f"{1 + x}") for n, x in enumerate(values)}}
            for values in ([0] * 5, losses)
        )
        found = compare_means(level, rules, base, candidate, {})
        assert [(c.key, c.base) for c in found] == [(f"{key}, mean of 5 seeds", 1) for key in "fg"]
        assert [c.candidate for c in found] == pytest.approx([1 + sum(losses) / 5] * 2)
        texts = [f"{c.verdict}: {c.reason}" for c in found]
        assert [text.removesuffix(") nor worse is shown") for text in texts] == said


LOWER: Files = {"run": {"accuracy": 0.8931}}
WORSE_BY = "worse by 0.0069, more than the margin of 0.00612"
MOVED: dict[float, Files] = {
    by: {"params.yaml": "rate: 0.7\n", "run": {},
         "runs.csv": table(*(round(value + by, 5) for value in BASE), rate="0.7")}
    for by in (0.006, -0.004, -0.006)
}  # fmt: skip
NEW_RULES: Files = {
    "gate.yaml": RULES.replace("rate: rate", "rate: rate, depth: 'params.yaml: depth'"),
    "params.yaml": "rate: 0.7\ndepth: 2\n",  # the base has another rate, and no depth
    "runs.csv": table(*BASE).replace("rate,", "depth,rate,").replace("\n", "\n2,")[:-2],
    "run": {"accuracy": 0.5},
}
COLUMN = "expected a column of runs.csv of"
LONG = "a row per run, as long as the header; found others"
FEW = "expected 5 seeds or more on both sides; found"
NAN: Files = {"params.yaml": "rate: 0.7\n", "runs.csv": table(*BASE[:4], "nan", rate="0.7")}
OTHER: Files = {  # a metrics file that no runs repeat
    "dvc.yaml": f"{PIPELINE}metrics: [x.json]\n", "x.json": '{"x": 1}',
    "gate.yaml": f"{RULES}  x.json: {{x: {{at_least: 0}}}}\n",
}  # fmt: skip
# The seed's own needs no column; that of a stage before, and of a section, does.
SECTIONS: Files = {
    "dvc.yaml": PIPELINE.replace("code]", "data]").replace("[rate]", "[rate, a.draw]")
    + "  prepare: {cmd: cp code/model.R data, deps: [code], params: [data], outs: [data]}\n",
    "params.yaml": "rate: 0.5\na: {draw: 1}\ndata: {redraw: 3}\n",
}


@pytest.mark.parametrize(
    ("base", "change", "status", "said"),
    [
        # A single run with the mean, whatever the candidate's table; a margin of its own unit, and
        # the anchor's, are of single values.
        (OWN, {"run": {"accuracy": 0.898, "loss": 0.5005}}, 0,
         "accuracy: the same ... a loss from 0.0076 in accuracy of metrics.json ... | main | now |"
         " ... | 0.5 | 0.5005 | worse by 0.0005, margin 0.001, finds 0.0029 |"),
        (OWN, {"run": {"accuracy": 0.9029}}, 0, "| main, mean of 5 seeds | now |"
         " ... | 0.9 | 0.9029 | better by 0.0029, margin 0.00612, finds 0.0076 |"),
        (OWN, {"run": {"accuracy": 0.9069}}, 0, WORSE_BY.replace("worse", "better")),
        (OWN, LOWER | {"runs.csv": table(0.8981, *BASE[1:])}, 1,
         f"{WORSE_BY} ... more than another seed explains (0.0061)"),
        (OWN, LOWER | {"runs.csv": table(*SPREAD), "gate.yaml": f"anchor: base\n{RULES}"}, 1,
         f"{WORSE_BY} ... since: metrics.json: accuracy: worse by 0.0049, margin 0.00791"),
        # The candidate's table, of its own parameters. Five standard errors are 0.005.
        ({}, MOVED[0.006], 0, "accuracy, mean of 5 seeds: better"),
        ({}, MOVED[-0.004], 0, "accuracy, mean of 5 seeds: within the margin"),
        ({}, MOVED[-0.006] | {"gate.yaml": GATE}, 1, "worse by more than the margin: 5 stand"),
        ({}, {"params.yaml": "rate: 0.7\n", "run": {}}, 0, "accuracy: the same"),
        ({}, {"run": {"loss": 0.7}}, 1, "loss of metrics.json rose by 0.2, more than its margin"),
        ({}, {"runs.csv": table("0.8980", *BASE[1:])}, 0, "accuracy: the same ... !mean of"),
        ({}, {"runs.csv": table(*BASE, first=3)}, 2, f"{FEW} 2"),
        ({}, {"runs.csv": table(*BASE, first=9)}, 2, f"{FEW} 0"),
        ({"gate.yaml": ("blocks: true, over", "over")}, {"runs.csv": table(*BASE, first=9)}, 0,
         "accuracy: the same"),
        ({}, {"runs.csv": "\ufeff" + table(*BASE[:4])}, 2, f"{FEW} 4"),
        ({}, {"runs.csv": table(*BASE[:4], "nan")}, 2, "expected a number for every seed; found"),
        ({}, {"runs.csv": "rate,big,draw\n1\n"}, 2, LONG),
        ({}, {"runs.csv": "rate,big,draw\n1,2,3,4,5\n"}, 2, LONG),
        ({}, {"runs.csv": "rate,big,draw\n"}, 2, LONG),
        ({}, {"runs.csv": table(*BASE) + '0.5,True,"0"0,1,1\n'}, 2, "found ',' expected after"),
        ({}, {"runs.csv": (",", ";")}, 2, "found semicolons; recreate it"),
        ({}, {"runs.csv": table(*BASE) + "0.5,True,0,1,1\n"}, 2, "each seed once; found '0' again"),
        ({}, {"runs.csv": table(*BASE) + "0.5,True,9.5,1,1\n"}, 2, "seed of each run; found '9.5'"),
        ({}, {"runs.csv": table(*BASE) + "0.5,True,x,1,1\n"}, 2, "seed of each run; found 'x'"),
        ({}, {"runs.csv": None}, 2, "runs.csv of workspace: expected the table of runs: a CSV"),
        # Runs of other parameters than the base's do not count, nor does a NaN among its runs.
        ({"params.yaml": "rate: 0.7\n", "runs.csv": table(*BASE[:4], rate="0.7")},
         {"run": {"accuracy": 0.897}}, 2,
         "5 runs or more in runs.csv with the base's parameters; found 4"),
        ({"params.yaml": "rate: 0.7\n"} | OTHER, {}, 0, "accuracy: the same"),  # needs no margin
        (NAN, {"run": {"accuracy": 0.8}}, 2, "in every run of runs.csv; found 'nan' for seed 4"),
        ({"params.yaml": "rate: null\n"}, {"run": {"accuracy": 0.11}}, 0,
         "accuracy: better"),  # an empty cell; the mean is 0.1
        (SECTIONS, {}, 2, "params.yaml: data.redraw is missing; add `COLUMN"),
        # Unknown names, and in whose table.
        ({"gate.yaml": ("rate: rate", "rat: rate")}, {}, 2, f"rat: {COLUMN} main; did you mean ra"),
        ({"gate.yaml": ("big: true", "bi: true")}, {}, 2, f"bi: {COLUMN} main; did you mean big?"),
        ({"gate.yaml": ("seed: draw", "seed: drw")}, {}, 2, f"seed: drw: {COLUMN} main; did you"),
        ({"gate.yaml": None, "runs.csv": None},
         {"gate.yaml": RULES.replace("rate: rate", "rat: rate"), "runs.csv": table(*BASE)}, 2,
         f"rat: {COLUMN} workspace; did you mean rate?"),
        # A base of before the rules, whose table and parameters are older than they.
        ({"gate.yaml": None}, NEW_RULES, 1, "worse by 0.4, more than the margin of 0.00612"),
        ({"gate.yaml": ("rate: rate", "rate: rat")}, {}, 2,
         "rat: expected a parameter; did you mean params.yaml: rate?"),
        ({"gate.yaml": ("{rate: rate}", "{}")}, {}, 2,
         "every parameter that the file depends on; params.yaml: rate is"),
        ({"gate.yaml": ("  metrics.json: {r", "  metric.json: {r")}, {}, 2,
         "file; did you mean metrics.json?"),
    ],
    ids=range(38),
)  # fmt: skip
def test_runs(base: Files, change: Files, status: int, said: str, project: Project) -> None:
    """What cannot be tested never passes."""
    project.change({"gate.yaml": RULES, "runs.csv": table(*BASE)})
    project.change(base | ({"run": {}} if "params.yaml" in base else {}))
    project.commit(main=True)
    project.git("tag", "--no-sign", "base")
    project.change(change)
    project.expect(status, said)
