"""What the command prints, and its statuses."""

import json
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

import gate.__main__ as program
import gate.check as gate_check
from gate.presentation import code, escape
from gate.tests.conftest import GATE, Gate, Project, make_template

LONG = "a_name_of_a_metric_that_is_longer"
RULES = f"    {LONG}: {{better: higher, margin: {{absolute: 0.01}}}}\n"
BOTH_BLOCK = GATE.replace("absolute: 0.1}", "absolute: 0.1}, blocks: true")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A regression, a metric that got better, one that is the same, and one without a rule."""
    project = make_template(tmp_path_factory.mktemp("changed") / "clone")
    rules = f"anchor: {project.commit_of('main')}\n{BOTH_BLOCK}{RULES}"
    project.change({"gate.yaml": rules, "run": {LONG: 0.5, "step": 1, "same": 1}})
    project.commit(main=True)
    worse = {LONG: 0.4, "step": 2, "same": 1, "accuracy": 0.85}
    project.change({"params.yaml": "rate: 0.2\n", "run": worse})
    project.commit("worse")
    return project


# In this order.
PHRASES = (
    "Worse: accuracy of metrics.json fell by 0.05, more than its margin (0.01) (1 more below).",
    "Compared with main (", "• metrics.json: accuracy: worse by 0.05, more than the margin of 0.01",
    "metric main now verdict", "accuracy 0.9 0.85 worse by 0.05, more than the margin of 0.01",
    f"{LONG} 0.5 0.4 worse by 0.1, more than the margin of 0.01, only reported",
    ": most lost since: metrics.json: accuracy: worse by 0.05", "unchanged: 1 metric with a rule",
    "not gated: metrics.json: step (1 -> 2)",
    "differs: rate 0.5 -> 0.2; files that stages read: results.json",
)  # fmt: skip


def test_terminal(changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns: the verdict, the reasons, what changed, the rest; names stay whole.

    What refuses is bold, unlike what only informs.
    """
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    status, out, err = gate(changed.folder, "check", "--base", "main")
    text = re.sub(r"[\s─]+", " ", out)
    places = [text.find(phrase) for phrase in PHRASES]
    assert (status, err, places) == (1, "", sorted(places)), text
    assert min(places) >= 0, text
    assert max(map(len, out.splitlines())) <= 80
    monkeypatch.delenv("NO_COLOR")
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    out = gate(changed.folder, "check", "--base", "main")[1]
    bold = r".*\x1b\[1[;m][^\x1b]*worse"
    rows = [re.search(name + bold, out) is not None for name in (r"accuracy.*0\.85", LONG)]
    assert rows == [True, False]


def test_markdown_and_json_give_every_reason(changed: Project, gate: Gate) -> None:
    worse = "worse by 0.05, more than the margin of 0.01 (absolute)"
    anchor = changed.commit_of("main~1")
    reasons = [
        f"metrics.json: accuracy: {where}{worse}"
        for where in ("", f"against the anchor {anchor}: ")
    ]
    status, text, _ = gate(changed.folder, "check", "--base", "main", "--markdown")
    found = json.loads(gate(changed.folder, "check", "--base", "main", "--json")[1])
    lines = text.splitlines()
    assert (status, lines[0][:31]) == (1, "**Worse: accuracy of metrics.js")
    assert [line for line in lines if "worse by" in line][:2] == [f"- {r}" for r in reasons]
    assert (found["status"], found["verdict"], found["reasons"]) == (1, "regression", reasons)
    assert found["base"]["commit"] == changed.commit_of("main")
    by_key = {metric["key"]: metric for metric in found["metrics"]}
    numbers = [by_key["accuracy"][name] for name in ("change", "since_anchor", "margin")]
    assert numbers == pytest.approx([-0.05, -0.05, 0.01])
    assert by_key["step"]["verdict"] == "not gated"
    assert found["differences"]["parameters"] == {"params.yaml: rate": [0.5, 0.2]}


def test_names_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """No cell ends early, no tag is one, nobody is called, no terminal or log obeys."""
    assert code("x|<b>@someone`\n") == "`x\\|<b>@someone'`"
    assert escape("x|<b>\n@some_1") == "x\\|\\<b\\> @\N{ZERO WIDTH SPACE}some\\_1"
    assert escape("\x1b[31m\u202eevil") == r"\\x1b\[31m\\u202eevil"
    assert escape("https://a www.b") == "https\\://a www\\.b"
    program._print_markdown(escape("train@a"))
    assert capsys.readouterr().out == "train@a\n"  # as it is copied for DVC


def test_github(project: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Annotations and the job's summary; a metric's name starts no command."""
    evil = "e%\n::stop-commands::x\x1b[2J\u202e"
    rule = f"{json.dumps(evil)}: {{better: higher, margin: {{absolute: 0}}, blocks: true}}"
    project.change({"gate.yaml": f"{GATE}    {rule}\n", "run": {evil: 1}})
    project.commit(main=True)
    project.run(**{evil: 0})
    summary = project.folder.with_name("summary.md")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    status, out, _ = gate(project.folder, "check", "--base", "main", "--github")
    commands = [line for line in out.splitlines() if line.lstrip().startswith("::")]
    start = "::error title=Metrics gate::Worse: e%25 : :stop-commands: :x\\x1b[2J"
    assert (status, len(commands), commands[0][: len(start)]) == (1, 2, start)
    assert not {"\x1b", "\u202e"} & set(out.replace("\x1b[0m", "") + summary.read_text())
    assert summary.read_text().startswith("**Worse: ")


def test_what_cannot_be_compared_is_2_in_every_form(
    changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are wrong usage and a fault of the gate: Python's own 1 would read as a regression."""
    for form, said in (("", ""), ("--json", '"cannot be compared"'), ("--markdown", "no\\|where")):
        status, out, err = gate(changed.folder, "check", "--base", "no|where", *form.split())
        assert (status, err.count("\n"), said in out) == (2, 1, True)
        assert "there is no 'no|where' here" in err
    assert gate(changed.folder, "check", "x")[0] == 2
    monkeypatch.setattr(gate_check, "Check", Mock(side_effect=ValueError("a\nfault")))
    expected = "gate: a fault of the gate: ValueError: a fault (see --debug)\n"
    assert gate(changed.folder, "check") == (2, "", expected)
    assert "Traceback" in gate(changed.folder, "--debug", "check")[2]


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_any_encoding_and_a_reader_that_goes(encoding: str, changed: Project) -> None:
    command = f"{sys.executable} -m gate check --base main"
    script = f"cd {changed.folder} && PYTHONPATH={ROOT} PYTHONIOENCODING={encoding} {command}"
    for more in ("", " | head -c 1; exit ${PIPESTATUS[0]}"):
        done = subprocess.run(["bash", "-c", script + more], check=False, capture_output=True)
        assert (done.returncode, done.stderr, done.stdout[:1]) == (1, b"", b"W")


def test_check_imports_nothing_that_it_does_not_need() -> None:
    heavy = {"scipy", "statsmodels", "pandas", "matplotlib", "vl_convert", "tensorflow"}
    script = "import sys, gate.check, gate.presentation; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} & heavy == set()
