"""`python -m gate`: what it prints, and its statuses."""

import io
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from gate import __main__ as command
from tests.conftest import ROOT
from tests.gate.conftest import GATE, Repository


def call(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> int | str | None:
    monkeypatch.chdir(repository.folder)
    monkeypatch.setattr(sys, "argv", ["gate", *arguments])
    with pytest.raises(SystemExit) as end:
        command.main()
    return end.value.code


Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("metrics", "status", "verdict"),
    [
        ('{"accuracy": 0.9, "loss": 0.5}', 0, "no worse than the base"),
        ('{"accuracy": 0.8, "loss": 0.5}', 1, "regression"),
        ('{"accuracy": NaN, "loss": 0.5}', 2, "cannot be compared"),
        ("{", 2, "cannot be compared"),
    ],
)
def test_every_form_has_the_verdict_and_the_status(
    metrics: str, status: int, verdict: str, repository: Repository,
    monkeypatch: pytest.MonkeyPatch, capsys: Captured,
) -> None:  # fmt: skip
    repository.write("metrics/a.json", metrics)
    assert call(repository, monkeypatch, "check", "--base", "main", "--json") == status
    content = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (content["status"], content["verdict"]) == (status, verdict)
    assert content["base"]["commit"] == repository.git("rev-parse", "main")
    assert [m["key"] for m in content["metrics"]] == ["accuracy", "loss"]
    assert call(repository, monkeypatch, "check", "--base", "main", "--markdown") == status
    assert capsys.readouterr().out.startswith(f"### Gate: {verdict}\n")
    assert call(repository, monkeypatch, "check", "--base", "main") == status
    output = capsys.readouterr().out
    assert f"Verdict: {verdict}" in output
    assert "\x1b" not in output  # colour is for terminals


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])
def test_unknown_revision_is_2_in_every_form(
    form: list[str], repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert call(repository, monkeypatch, "check", "--base", "nowhere", *form) == 2
    output, errors = capsys.readouterr()
    assert errors.startswith("gate: expected a branch, tag or commit; there is no 'nowhere'")
    assert errors.count("\n") == 1
    if form == ["--json"]:
        assert json.loads(output)["status"] == 2
    if form == ["--markdown"]:
        assert output.startswith("### Gate: cannot be compared\n")


@pytest.mark.parametrize(
    "arguments", [[], ["chek"], ["check", "--base"], ["check", "--json", "--markdown"]]
)
def test_wrong_usage_is_2(
    arguments: list[str], repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(repository, monkeypatch, *arguments) == 2


def test_fault_of_the_gate_itself_is_2(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Python's own status would be 1, a regression."""

    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(command, "check", fail)
    assert call(repository, monkeypatch, "check") == 2
    assert "RuntimeError: a fault" in capsys.readouterr().err


def test_terminal_has_colour_unless_the_user_wants_none(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    for no_colour in (False, True):
        if no_colour:
            monkeypatch.setenv("NO_COLOR", "1")
        else:
            monkeypatch.delenv("NO_COLOR", raising=False)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        repository.metrics(accuracy=0.1)
        call(repository, monkeypatch, "check")
        assert ("\x1b[31m" in terminal.getvalue()) is not no_colour


def test_markdown_shows_names_as_they_are(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """A pull request from anyone is commented on: no tags, no calls, no broken tables."""
    repository.results(metrics={"<b>|`@all": 1})
    repository.write("gate.yaml", GATE + "# | <i>\n")
    call(repository, monkeypatch, "check", "--markdown")
    output = capsys.readouterr().out
    assert "\\<b\\>\\|\\`@\N{ZERO WIDTH SPACE}all" in output
    tables = [line for line in output.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} == {8}


def test_not_gated_metrics_are_counted_where_they_are_many(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    repository.results(metrics={f"m{i}": i for i in range(100)})
    call(repository, monkeypatch, "check")
    assert "not gated: metrics/a.json: 100 metrics" in capsys.readouterr().out


def test_gate_imports_nothing_slow() -> None:
    """No TensorFlow and, where no seeds are to be tested, none of the large libraries.

    Nor does the report, which draws, import what trains.
    """
    script = """
import sys
from gate.__main__ import FORMATS
from gate import terminal
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"tensorflow", "keras", "scipy", "statsmodels", "pandas", "numpy", "dvc"}))
import gate.report.writing
loaded |= {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"tensorflow", "keras"}))
print(sorted(loaded & {"experiment", "stages", "study", "verify", "bench"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n[]\n[]\n"


def test_gate_imports_no_other_folder_of_this_repository() -> None:
    others = ("experiment", "stages", "study", "verify", "bench", "tests")
    for file in (ROOT / "gate").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for other in others:
            assert f"from {other}" not in text
            assert f"import {other}" not in text


TRAIN = """\
import json, pathlib
rate = float(pathlib.Path("params.yaml").read_text().split()[1])
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": 1 - rate}))
"""
PIPELINE = f"""\
stages:
  train:
    cmd: '"{sys.executable}" train.py'
    deps: [code, input.csv, train.py]
    params: [rate]
    metrics: [{{metrics.json: {{cache: false}}}}]
"""


@pytest.fixture
def trained(
    new_repository: Callable[[], Repository], monkeypatch: pytest.MonkeyPatch
) -> Repository:
    """A repository of Git and DVC whose pipeline DVC ran, all committed."""
    repository = new_repository()
    monkeypatch.chdir(repository.folder)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    repository.git("rm", "-r", "--force", "--quiet", "--ignore-unmatch", "metrics", "dvc.lock")
    (repository.folder / "dvc.lock").unlink()
    repository.write("train.py", TRAIN)
    repository.write("input.csv", "1,2\n")
    repository.write("code/one.py", "1")
    repository.write("code/below/é two.py", "2")
    repository.write("code/__pycache__/one.pyc", "compiled")
    repository.write(".gitignore", "__pycache__/\n*.log\n")
    repository.write("code/ignored by Git.log", "not by DVC")
    repository.write("dvc.yaml", PIPELINE)
    repository.write("params.yaml", "rate: 0.1\n")
    gate = GATE.replace("metrics/a.json", "metrics.json")
    repository.write("gate.yaml", "\n".join(x for x in gate.splitlines() if "loss" not in x))
    dvc("init", "--quiet")
    repository.write(".dvcignore", "__pycache__/\n")
    dvc("repro", "--quiet")
    repository.commit()
    return repository


def dvc(*arguments: str) -> None:
    from dvc.cli import main

    assert main(list(arguments)) == 0


def test_what_dvc_ran_again_is_no_worse(trained: Repository) -> None:
    dvc("repro", "--quiet", "--force")
    found = trained.check("main")
    assert (found.status, found.notes) == (0, ())


def test_regression_that_dvc_ran_is_one(trained: Repository) -> None:
    trained.write("params.yaml", "rate: 0.3\n")
    dvc("repro", "--quiet")
    found = trained.check("main")
    assert (found.status, found.notes) == (1, ("not like with like: parameters differ",))
    assert found.differences.parameters == {"rate": (0.1, 0.3)}


@pytest.mark.parametrize(
    ("path", "content", "name"),
    [
        ("params.yaml", "rate: 0.3\n", "rate"),
        ("train.py", "changed", "train.py"),
        ("input.csv", "3,4\n", "input.csv"),
        ("code/one.py", "changed", "code"),
        ("code/below/é two.py", None, "code"),
        ("code/new.py", "", "code"),
        ("code/ignored by Git.log", "changed", "code"),
    ],
)
def test_change_that_dvc_did_not_run_cannot_be_compared(
    path: str, content: str | None, name: str, trained: Repository
) -> None:
    if content is None:
        (trained.folder / path).unlink()
    else:
        trained.write(path, content)
    found = trained.check("main")
    assert found.status == 2
    assert f"found other {name}; run `dvc repro`" in found.reasons[0]


def test_what_dvc_ignores_changes_nothing(trained: Repository) -> None:
    trained.write("code/__pycache__/one.pyc", "compiled anew")
    assert trained.check("main").status == 0


def test_push_of_a_regression_is_refused_by_the_hook(repository: Repository) -> None:
    """The hook of docs/gate.md, with the command that `make gate` runs.

    In a linked worktree, where Git tells its hooks which repository they belong to.
    """
    remote = repository.folder.with_name("remote")
    repository.git("init", "--quiet", "--bare", str(remote))
    hook = repository.folder / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gate check\n')
    hook.chmod(0o755)
    linked = Repository(repository.folder.with_name("linked"))
    repository.git("switch", "--quiet", "main")
    repository.git("worktree", "add", "--quiet", str(linked.folder), "change")
    repository = linked
    repository.results(accuracy=0.1)
    repository.commit()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        repository.git("push", "--quiet", str(remote), "change")
    assert "Verdict: regression" in refused.value.stdout + refused.value.stderr
    repository.results(accuracy=0.91)
    repository.commit()
    repository.git("push", "--quiet", str(remote), "change")
    assert "change" in repository.git("ls-remote", str(remote))
