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
from gate.comment import render_comment
from gate.comparison import Comparison
from gate.presentation import as_sentence, code, escape
from gate.tests.conftest import GATE, PIPELINE, Gate, Project, make_template

ROOT = Path(__file__).parents[2]
LONG = "a_name_of_a_metric_that_is_longer"
RULES = f"""\
anchor: the-first-results
environment: [machine/*.json, env.yaml]
metrics:
  metrics.json:
    {LONG}: {{better: higher, margin: {{absolute: 0.01}}}}
    loss: {{better: lower, margin: {{deviations: 5}}, blocks: true}}
    recall: {{better: higher, margin: {{absolute: 0.1}}, blocks: true}}
    accuracy: {{better: higher, margin: {{absolute: 0.01}}, blocks: true}}
    same: {{at_most: 1}}
    size: {{better: lower, margin: {{absolute: 1}}}}
  size.yaml:
    "": {{at_most: 3}}
runs: {{file: runs.csv, of: {{metrics.json: {{parameters: {{rate: rate}}}}}}}}
"""
RUNS = "rate,seed,loss\n" + "".join(f"0.5,{seed},0.{48 + seed}\n" for seed in range(5))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Losses against the base and its anchor, a looser rule, and what only informs."""
    project = make_template(tmp_path_factory.mktemp("changed") / "clone")
    metrics = {LONG: 0.5, "step": 1, "fold": 7, "same": 1, "recall": 0.9, "size": 123456}
    pipeline = PIPELINE.replace("cp", "cp machine/env.json env.yaml && cp")
    pipeline = pipeline.replace("code]", "code, machine/env.json]\n    outs: [env.yaml]")
    project.change({"dvc.yaml": f"{pipeline}metrics: [size.yaml]\n", "size.yaml": "2\n",
                    "machine/env.json": '{"cpu": "a", "os": "b"}', "runs.csv": RUNS,
                    "run": metrics})  # fmt: skip
    project.commit()
    project.git("tag", "--no-sign", "the-first-results")
    project.change({"gate.yaml": RULES, "run": metrics | {"recall": 0.78}})
    project.change({"code/model.R": "2"})
    project.commit(main=True)
    worse = {LONG: 0.4, "step": 2, "accuracy": 0.85, "recall": 0.78, "loss": 0.55, "size": "b" * 99}
    project.change({"params.yaml": "rate: 0.2\n", "machine/env.json": '{"cpu": NaN, "os": "b"}',
                    "gate.yaml": ("absolute: 0.1}", "absolute: 0.2}"), "size.yaml": "4\n",
                    "run": metrics | worse})  # fmt: skip
    project.commit("worse")
    return project


MARKDOWN = f"""\
**Worse: accuracy of metrics.json fell by 0.05, more than its margin (0.01) (2 more below).\
 This change alters what judges it: see below.**

Compared with `main` (BASE): named by --base.

- metrics.json: accuracy: worse by 0.05, more than the margin of 0.01 (absolute)
- metrics.json: recall: against the anchor the-first-results: worse by 0.12, more than the margin\
 of 0.1 (absolute)
- metrics.json: accuracy: against the anchor the-first-results: worse by 0.05, more than the margin\
 of 0.01 (absolute)
- metrics.json: size: candidate: expected a finite number; found '{"b" * 56}...

**`metrics.json`**

| metric | main | now | verdict |
| --- | --- | ---: | --- |
| `recall` | 0.78 | 0.78 | **worse than the anchor** |
| `accuracy` | 0.9 | 0.85 | **worse by 0.05, more than the margin of 0.01** |
| `size` | 123460 | - | **cannot be compared** |
| `loss` | 0.5 (mean of 5 seeds) | 0.55 | worse by 0.05, margin 0.0612, finds 0.076 |
| `{LONG}` | 0.5 | 0.4 | worse by 0.1, more than the margin of 0.01, only reported |

**`size.yaml`**

| metric | main | now | verdict |
| --- | ---: | ---: | --- |
| `size.yaml` | 2 | 4 | out of limits, only reported |

- gate.yaml loosens metrics.json: recall, from the next change on

- anchor the-first-: most lost since: metrics.json: accuracy: worse by 0.05, more than the margin\
 of 0.01
- the base's own results do not belong to its files: train
- unchanged: 2 metrics with a rule
- not gated: metrics.json: step (1 -\\> 2)
- differs: rate 0.5 -\\> 0.2; files that stages read: code, machine/env.json, results.json;\
 environment: env.yaml: cpu, env.json: cpu
"""


def test_terminal(changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Markdown in 80 columns, in which names stay whole; what refuses is bold."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    base = changed.commit_of("main")
    status, out, err = gate(changed.folder, "check", "--base", base)
    text = MARKDOWN.replace("| main |", "| base |").replace("main", base)
    words = re.sub(r"(?m)^- |[`*|\\]| ---:?", "", text.replace("BASE", base[:10])).split()
    assert (status, err, sorted(re.sub("[•─]", "", out).split())) == (1, "", sorted(words))
    assert max(map(len, out.splitlines())) <= 80
    monkeypatch.delenv("NO_COLOR")
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    out = gate(changed.folder, "check", "--base", "main")[1]
    bold = r".*\x1b\[1[;m][^\x1b]*worse"
    rows = [re.search(name + bold, out) is not None for name in (r"accuracy.*0\.85", LONG)]
    assert rows == [True, False]


def test_markdown_and_json(changed: Project, gate: Gate) -> None:
    """Both give every reason."""
    base = {"name": "main", "commit": changed.commit_of("main"), "why": "named by --base"}
    status, text, _ = gate(changed.folder, "check", "--base", "main", "--markdown")
    assert (status, text) == (1, MARKDOWN.replace("BASE", base["commit"][:10]))
    found = json.loads(gate(changed.folder, "check", "--base", "main", "--json")[1])
    row = "| `metrics.json: accuracy` | 0.9 | 0.85 | -0.05 | 0.01 | worse |"
    assert row in render_comment(found, "")
    metrics = {metric["key"]: metric for metric in found.pop("metrics")}
    differences, anchor = found.pop("differences"), found.pop("anchor")
    first, *lines = [line.strip("*").removeprefix("- ") for line in text.splitlines()]
    assert found == {
        "status": 1, "verdict": "regression", "sentence": first, "base": base, "stale": {},
        "reasons": [line for line in lines if line.startswith("metrics.json: ")],
        "changes": [line for line in lines if "loosens" in line],
        "notes": [line for line in lines if "the base's own results" in line],
    }  # fmt: skip
    assert anchor["commit"] == changed.commit_of("main~1")
    assert differences["parameters"] == {"params.yaml: rate": [0.5, 0.2]}
    pair = ["a", "NaN"]
    assert differences["environment"] == {"env.yaml: cpu": pair, "machine/env.json: cpu": pair}
    names = ("change", "since_anchor", "margin", "refuses")
    numbers = [metrics[key][name] for key in ("accuracy", "recall") for name in names]
    assert numbers == pytest.approx([-0.05, -0.05, 0.01, True, 0, -0.12, 0.1, False])
    assert metrics["step"]["verdict"] == "not gated"


def test_sentence() -> None:
    """What would have been found, in the first metric that blocks of three files."""
    sizes = {"informs": 0.125, "first": 0.5, "second": 0.25}
    found = [Comparison(file, key, 1, 1, blocks=key != "informs", found_from=size)
             for file in "dcba" for key, size in sizes.items()]  # fmt: skip
    said = " or ".join(f"0.5 in first of {file}" for file in "abc")
    expected = f"No worse. In 4 of 5 cases a loss from {said} would have been found."
    assert as_sentence(Mock(status=0, comparisons=found)) == expected


def test_names_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """No cell ends early, no tag is one, nobody is called, no terminal or log obeys."""
    assert code("x|<b>@someone`\n") == "`x\\|<b>@someone'`"
    assert escape("x|<b>\n@some_1") == "x\\|\\<b\\> @\N{ZERO WIDTH SPACE}some\\_1"
    assert escape("*`~#&[]") == r"\*\`\~\#\&\[\]"
    assert escape("\x1b[31m\u202eevil\ud800") == r"\\x1b\[31m\\u202eevil\\ud800"
    assert escape("https://a www.b") == "https\\://a www\\.b"
    program._print_markdown(escape("train@a"))
    assert capsys.readouterr().out == "train@a\n"  # as it is copied for DVC


def test_github(project: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Annotations and the job's summary; a metric's name starts no command."""
    evil = "e%\n::stop-commands::x\x1b[2J\u202e"
    rule = f"    {json.dumps(evil)}: {{better: higher, margin: {{absolute: 0}}, blocks: true}}\n"
    anchor = project.commit_of("main")
    rules = GATE.replace("    acc", f"{rule}    acc")
    project.change({"gate.yaml": f"anchor: {anchor}\n{rules}", "run": {evil: 1}})
    project.commit(main=True)
    project.run(**{evil: 0, "accuracy": 0.5})
    summary = project.folder.with_name("summary.md")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    status, out, _ = gate(project.folder, "check", "--base", "main", "--github")
    commands = [line for line in out.splitlines() if line.lstrip().startswith("::")]
    name = r"e% : :stop-commands: :x\x1b[2J"
    starts = (*(start + name.replace("%", "%25") for start in ("Worse: ", "metrics.json: ")),
              "metrics.json: a", "metrics.json: accuracy: against the anchor")  # fmt: skip
    found = [line[: len(s) + 28] for line, s in zip(commands, starts, strict=True)]
    assert (status, found) == (1, [f"::error title=Metrics gate::{start}" for start in starts])
    assert not {"\x1b", "\u202e"} & set(out.replace("\x1b[0m", "") + summary.read_text())
    assert gate(project.folder, "report", "--base", "main")[1].startswith(f"Worse: {name}")
    project.run(**{evil: 1})
    out = gate(project.folder, "check", "--base", "main", "--github")[1]
    assert out.startswith("::notice title=Metrics gate::No worse. ")
    said = f"anchor {anchor[:10]}: none of 1 metrics compared with it is worse than there"
    assert (summary.read_text()[:9], summary.read_text().count(said)) == ("**Worse: ", 1)


def test_what_cannot_be_compared_is_2_in_every_form(
    changed: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are wrong usage and a fault of the gate: Python's own 1 would read as a regression."""
    for form, said in (
        ("", ""), ("--json", '"cannot be compared"'), ("--markdown", "no\\|where"),
        ("--github", "::error title=Metrics gate::Cannot be compared: "),
    ):  # fmt: skip
        status, out, err = gate(changed.folder, "check", "--base", "no|where", *form.split())
        assert (status, err.count("\n"), said in out, out.count("::") < 3) == (2, 1, True, True)
        assert "there is no 'no|where' here" in err
    assert gate(changed.folder, "check", "x")[0] == 2
    monkeypatch.setattr(gate_check, "Check", Mock(side_effect=ValueError("a\n\x1bfault")))
    expected = "gate: a fault of the gate: ValueError: a \\x1bfault (see --debug)\n"
    assert gate(changed.folder, "check") == (2, "", expected)
    assert "Traceback" in gate(changed.folder, "--debug", "check")[2]


def test_any_encoding_and_a_reader_that_goes(changed: Project) -> None:
    command = f"{sys.executable} -m gate check --base main"
    script = f"cd {changed.folder} && PYTHONPATH={ROOT} PYTHONIOENCODING=ascii {command}"
    for more in ("", " | head -c 1; exit ${PIPESTATUS[0]}"):
        done = subprocess.run(["bash", "-c", script + more], check=False, capture_output=True)
        assert (done.returncode, done.stderr, done.stdout[:1]) == (1, b"", b"W")


def test_check_imports_nothing_that_it_does_not_need() -> None:
    heavy = {"scipy", "statsmodels", "pandas", "matplotlib", "vl_convert", "tensorflow"}
    script = "import sys, gate.check, gate.presentation; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} & heavy == set()
