"""What the command prints, and its statuses."""

import json
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

import gate.check as gate_check
from gate.presentation import as_markdown, as_sentence, code, escape
from gate.tests.conftest import GATE, Gate, Project, make_template

LONG = "a_name_of_a_metric_that_is_longer"
RULES = f"    {LONG}: {{better: higher, margin: {{absolute: 0.01}}}}\n"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A regression, a metric that got better, one that is the same, and one without a rule."""
    project = make_template(tmp_path_factory.mktemp("changed") / "clone")
    rules = f"anchor: {project.commit_of('main')}\n{GATE}{RULES}"
    project.change({"gate.yaml": rules, "run": {LONG: 0.5, "step": 1, "same": 1}})
    project.commit(main=True)
    worse = {LONG: 0.4, "step": 2, "same": 1, "accuracy": 0.85}
    project.change({"params.yaml": "rate: 0.2\n", "run": worse})
    project.commit("worse")
    return project


# Without line ends, rules of the table, and hashes.
EXPECTED = f"""\
Worse: accuracy of metrics.json fell by 0.05, more than its margin (0.01) (1 more below).
Compared with main (COMMIT): named by --base.
• metrics.json: accuracy: worse by 0.05, more than the margin of 0.01 (absolute)
• metrics.json: accuracy: against the anchor ANCHOR: worse by 0.05, more than the margin of 0.01
(absolute) metrics.json metric main now verdict
accuracy 0.9 0.85 worse by 0.05, more than the margin of 0.01
{LONG} 0.5 0.4 worse by 0.1, more than the margin of 0.01, only reported
• anchor ANCHO: most lost since: metrics.json: accuracy: worse by 0.05, more than the margin of 0.01
• unchanged: 1 metric with a rule • not gated: metrics.json: step (1 -> 2)
• differs: rate 0.5 -> 0.2; files that stages read: results.json
"""


def test_terminal(changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns: the verdict, the reasons, what changed, the rest; names stay whole.

    What refuses is bold, unlike what only informs.
    """
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    status, out, err = gate(changed.folder, "check", "--base", "main")
    assert (status, err) == (1, "")
    for name, word in (("main", "COMMIT"), ("main~1", "ANCHOR")):
        commit = changed.commit_of(name)
        out = out.replace(commit, word).replace(commit[:10], word[:5] if word == "ANCHOR" else word)
    assert re.sub(r"[\s─]+", " ", out).split() == EXPECTED.split()
    assert max(map(len, out.splitlines())) <= 80
    monkeypatch.delenv("NO_COLOR")
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    out = gate(changed.folder, "check", "--base", "main")[1]
    bold = r".*\x1b\[1[;m][^\x1b]*worse"
    rows = [re.search(name + bold, out) is not None for name in (r"accuracy.*0\.85", LONG)]
    assert rows == [True, False]


def test_markdown_and_json_give_every_reason(
    changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a hook, where Git says which repository it belongs to."""
    anchor = changed.commit_of("main~1")
    reasons = [
        "metrics.json: accuracy: worse by 0.05, more than the margin of 0.01 (absolute)",
        f"metrics.json: accuracy: against the anchor {anchor}: worse by 0.05, more than the margin"
        " of 0.01 (absolute)",
    ]
    for name in ("GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, "nowhere")
    status, text, _ = gate(changed.folder, "check", "--base", "main", "--markdown")
    found = json.loads(gate(changed.folder, "check", "--base", "main", "--json")[1])
    lines = text.splitlines()
    assert (status, lines[0][:31]) == (1, "**Worse: accuracy of metrics.js")
    assert [line for line in lines if "worse by" in line][:2] == [f"- {r}" for r in reasons]
    start = lines.index("| metric | main | now | verdict |")
    assert lines[start + 2 : start + 4] == [
        "| `accuracy` | 0.9 | 0.85 | **worse by 0.05, more than the margin of 0.01** |",
        f"| `{LONG}` | 0.5 | 0.4 | worse by 0.1, more than the margin of 0.01, only reported |",
    ]
    assert (found["status"], found["verdict"], found["reasons"]) == (1, "regression", reasons)
    assert found["base"]["commit"] == changed.commit_of("main")
    by_key = {metric["key"]: metric for metric in found["metrics"]}
    numbers = [by_key["accuracy"][name] for name in ("change", "since_anchor", "margin")]
    assert numbers == pytest.approx([-0.05, -0.05, 0.01])
    assert by_key["step"]["verdict"] == "not gated"
    assert found["differences"]["parameters"] == {"params.yaml: rate": [0.5, 0.2]}


def test_no_worse_says_what_would_have_been_found(project: Project) -> None:
    unknown = "No worse. How small a loss would have been found is not known: there are no runs"
    assert as_sentence(project.check()).startswith(unknown)
    runs = "runs: {file: runs.csv, of: {metrics.json: {parameters: {rate: rate}}}}\n"
    rows = "".join(f"{seed},0.5,{0.898 + seed / 1000}\n" for seed in range(5))
    rules = runs + GATE.replace("absolute: 0.01", "deviations: 5")
    project.change({"gate.yaml": rules, "runs.csv": f"seed,rate,accuracy\n{rows}"})
    project.commit(main=True)
    expected = "No worse. In 4 of 5 cases a loss from 0.0076 in accuracy of metrics.json would have"
    assert as_sentence(project.check()).startswith(expected)
    project.run(accuracy=0.901)
    text = as_markdown(project.check())
    assert "| metric | main, mean of 5 seeds | now | verdict |" in text
    assert "| better by 0.001, margin 0.00612, finds 0.0076 |" in text


def test_names_are_shown_as_they_are() -> None:
    """No cell ends early, no tag is one, nobody is called, no terminal or log obeys."""
    assert code("x|<b>@someone`\n") == "`x\\|<b>@someone'`"
    assert escape("x|<b>\n@some_1") == "x\\|\\<b\\> @\N{ZERO WIDTH SPACE}some\\_1"
    assert escape("\x1b[31m\u202eevil") == r"\\x1b\[31m\\u202eevil"
    assert escape("https://a www.b") == "https\\://a www\\.b"


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


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])
def test_what_cannot_be_compared_is_2_in_every_form(
    form: list[str], changed: Project, gate: Gate
) -> None:
    status, out, err = gate(changed.folder, "check", "--base", "no|where", *form)
    assert (status, err.count("\n")) == (2, 1)
    assert "there is no 'no|where' here" in err
    assert not form or "cannot be compared" in out.lower()
    assert ("no\\|where" in out) == (form == ["--markdown"])


def test_fault_of_the_gate_itself(
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line and 2: Python's own status is 1, which would read as a regression.

    So is wrong usage.
    """
    assert gate(tmp_path, "check", "x")[0] == 2
    monkeypatch.setattr(gate_check, "Check", Mock(side_effect=ValueError("a\nfault")))
    expected = "gate: a fault of the gate: ValueError: a fault (see --debug)\n"
    assert gate(tmp_path, "check") == (2, "", expected)
    assert "Traceback" in gate(tmp_path, "--debug", "check")[2]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp932"])
def test_any_encoding_and_a_reader_that_goes(encoding: str, changed: Project) -> None:
    command = f"{sys.executable} -m gate check --base main"
    script = f"cd {changed.folder} && PYTHONPATH={ROOT} PYTHONIOENCODING={encoding} {command}"
    for more in ("", " | head -c 1; exit ${PIPESTATUS[0]}"):
        done = subprocess.run(["bash", "-c", script + more], check=False, capture_output=True)
        assert (done.returncode, done.stderr, done.stdout[:1]) == (1, b"", b"W")


def test_check_imports_nothing_that_it_does_not_need() -> None:
    heavy = {"scipy", "statsmodels", "pandas", "matplotlib", "vl_convert", "tensorflow",
             "experiment", "stages", "study", "tools"}  # fmt: skip
    script = "import sys, gate.check, gate.presentation; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} & heavy == set()
