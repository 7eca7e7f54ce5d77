"""What the command prints, and its statuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gate.check as gate_check
from gate.presentation import code, escape
from gate.tests.conftest import GATE, Gate, Project, make_template

LONG = "a_name_of_a_metric_that_is_longer_than_a_column"
RULES = f"    {LONG}: {{better: higher, margin: {{absolute: 0.01}}}}\n"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A regression, a metric that got better, one that is the same, and one without a rule."""
    project = make_template(tmp_path_factory.mktemp("changed") / "clone")
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


def test_names_in_markdown_are_shown_as_they_are() -> None:
    """No cell ends early, no tag is one, and nobody is called."""
    assert code("x|<b>@someone`\n") == "`x\\|<b>@someone'`"
    assert escape("x|<b>\n@someone_1") == "x\\|\\<b\\> @\N{ZERO WIDTH SPACE}someone\\_1"


def test_json(changed: Project, gate: Gate) -> None:
    """Also in a hook, where Git says which repository it belongs to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", "nowhere/.git")
        patch.setenv("GIT_INDEX_FILE", "nowhere/index")
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
    form: list[str], changed: Project, gate: Gate
) -> None:
    status, out, err = gate(changed.folder, "check", "--base", "no|where", *form)
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
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own status for it is 1, which would read as a regression."""

    def fail(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(gate_check, "check", fail)
    status, _, err = gate(tmp_path, "check")
    assert (status, "ValueError: a fault" in err) == (2, True)


def test_check_imports_nothing_that_it_does_not_need() -> None:
    script = """
import sys
import gate.check, gate.presentation
print(sorted({name.partition(".")[0] for name in sys.modules} & {
    "scipy", "statsmodels", "pandas", "matplotlib", "vl_convert", "tensorflow", "experiment",
    "stages", "study", "verify", "bench"}))
"""
    command = [sys.executable, "-c", script]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
