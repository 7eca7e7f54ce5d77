"""What the command prints, and its statuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gate.check
from gate.tests.conftest import GATE, Gate, Project

HERE = Path(__file__).parents[1]
LONG = "a_name_of_a_metric_that_is_longer_than_a_column"
RULES = f"    {LONG}: {{better: higher, margin: {{absolute: 0.01}}}}\n"


@pytest.fixture
def changed(project: Project) -> Project:
    """A regression, a metric that got better, one that is the same, and one without a rule."""
    project.git("switch", "--quiet", "main")
    project.write("gate.yaml", f"anchor: anchor\n{GATE}{RULES}")
    project.results(**{LONG: 0.5, "step": 1, "same": 1})
    project.commit("long name")
    project.git("tag", "--no-sign", "anchor")
    project.git("switch", "--quiet", "--force-create", "change")
    project.write("params.yaml", "rate: 0.2\n")
    project.results(**{LONG: 0.7, "step": 2, "same": 1, "accuracy": 0.85})
    project.commit("worse")
    return project


EXPECTED = f"""\
Base: main (COMMIT), named by --base
Anchor: COMMIT; most lost since then: metrics.json: accuracy: worse by 0.05,
  more than the margin of 0.01

metrics.json
                           base candidate    change   margin  verdict
  accuracy                  0.9      0.85     -0.05     0.01  worse
  {LONG}
                            0.5       0.7      +0.2     0.01  better (informs)

- unchanged: 1 metric with a rule
- not gated: metrics.json: step (1 -> 2)
- parameters: rate: 0.5 -> 0.2
- files that stages read differ: results.json

Verdict: regression
- metrics.json: accuracy: worse by 0.05, more than the margin of 0.01 (absolute)
- metrics.json: accuracy: against the anchor anchor: worse by 0.05, more than
  the margin of 0.01 (absolute)
"""


def test_terminal(changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns, what changed first, the verdict last."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    status, out, err = gate(changed.folder, "check", "--base", "main")
    commit = changed.git("rev-parse", "main")[:10]
    assert (status, err) == (1, "")
    assert out.replace(commit, "COMMIT") == EXPECTED
    assert max(map(len, out.splitlines())) <= 80


def test_markdown(changed: Project, gate: Gate) -> None:
    status, out, _ = gate(changed.folder, "check", "--base", "main", "--markdown")
    assert status == 1
    lines = out.splitlines()
    assert lines[0] == "### Gate: regression"
    start = lines.index("| metric | base | candidate | change | margin | since anchor | verdict |")
    assert lines[start + 2 : start + 4] == [
        "| `metrics.json: accuracy` | 0.9 | 0.85 | -0.05 | 0.01 | -0.05 | worse |",
        f"| `metrics.json: {LONG}` | 0.5 | 0.7 | +0.2 | 0.01 | - | better (informs) |",
    ]
    assert "- parameters: rate: 0.5 -\\> 0.2" in lines


def test_json(changed: Project, gate: Gate) -> None:
    status, out, _ = gate(changed.folder, "check", "--base", "main", "--json")
    found = json.loads(out)
    assert (status, found["status"], found["verdict"]) == (1, 1, "regression")
    assert found["base"]["commit"] == changed.git("rev-parse", "main")
    by_key = {metric["key"]: metric for metric in found["metrics"]}
    assert by_key["accuracy"]["change"] == pytest.approx(-0.05)
    assert by_key["accuracy"]["since_anchor"] == pytest.approx(-0.05)
    assert by_key["step"]["verdict"] == "not gated"
    assert found["differences"]["parameters"] == {"params.yaml: rate": [0.5, 0.2]}


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])
def test_what_cannot_be_compared_is_2_in_every_form(
    form: list[str], project: Project, gate: Gate
) -> None:
    status, out, err = gate(project.folder, "check", "--base", "no|where", *form)
    assert (status, err.count("\n")) == (2, 1)
    assert "there is no 'no|where' here" in err
    assert not form or "cannot be compared" in out
    assert ("no\\|where" in out) == (form == ["--markdown"])


@pytest.mark.parametrize(
    "usage", [[], ["check", "--jsn"], ["check", "x"], ["check", "--json", "--markdown"]]
)
def test_wrong_usage_is_2(usage: list[str], tmp_path: Path, gate: Gate) -> None:
    assert gate(tmp_path, *usage)[0] == 2


def test_fault_of_the_gate_itself_is_2(
    project: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own status for it is 1, which would read as a regression."""

    def fail(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(gate_check, "check", fail)
    status, _, err = gate(project.folder, "check")
    assert (status, "ValueError: a fault" in err) == (2, True)


gate_check = gate.check


def test_names_in_markdown_are_shown_as_they_are(project: Project, gate: Gate) -> None:
    name = "x|<b>@someone`"
    project.write("gate.yaml", GATE.replace("loss", f'"{name}"'))
    project.results(**{name: 1})
    _, out, _ = gate(project.folder, "check", "--base", "main", "--markdown")
    (row,) = [line for line in out.splitlines() if "someone" in line and line.startswith("|")]
    assert row.startswith("| `metrics.json: x\\|<b>@someone'` | - | 1 | - | - | new (informs) |")


def test_check_imports_nothing_that_it_does_not_need() -> None:
    script = """
import sys
import gate.check, gate.presentation
print(sorted({name.partition(".")[0] for name in sys.modules} & {
    "scipy", "statsmodels", "pandas", "matplotlib", "vl_convert", "tensorflow", "experiment",
    "stages", "study", "verify", "bench"}))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=HERE.parent, check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    assert done.stdout == "[]\n"


def test_push_of_a_regression_is_refused_by_a_hook(project: Project) -> None:
    """In a linked worktree, where Git tells its hooks which repository they belong to."""
    remote = project.folder.with_name("remote")
    project.git("init", "--quiet", "--bare", str(remote))
    hook = project.folder / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f'#!/bin/sh\nPYTHONPATH="{HERE.parent}" exec "{sys.executable}" -m gate check\n'
    )
    hook.chmod(0o755)
    linked = Project(project.folder.with_name("linked"))
    project.git("switch", "--quiet", "main")
    project.git("worktree", "add", "--quiet", str(linked.folder), "change")
    linked.results(accuracy=0.1)
    linked.commit()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        linked.git("push", "--quiet", str(remote), "change")
    assert "Verdict: regression" in refused.value.stdout + refused.value.stderr
    linked.results(accuracy=0.91)
    linked.commit()
    linked.git("push", "--quiet", str(remote), "change")
    assert "change" in linked.git("ls-remote", str(remote))
