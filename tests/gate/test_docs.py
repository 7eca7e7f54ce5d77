"""What the pages and the workflows say is so."""

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gate.tests.conftest import Project, make_template
from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTION = ROOT / "gate/action.yml"


def read(path: str | Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def read_workflow(path: str | Path) -> Any:
    return YAML(typ="safe").load(read(path))


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION, "gate/README.md"], ids=str)
def test_pins_and_credentials(path: Path | str) -> None:
    """Each action is pinned to a commit, but the base's own gate; no checkout leaves a token."""
    for used in re.findall(r"uses: *(\S+)", read(path)):
        pinned = re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", used)
        assert pinned or used in ("./base/gate", "OWNER/NAME/gate@COMMIT"), used
    assert read(path).count("actions/checkout@") == read(path).count("persist-credentials: false")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_can_write_runs_no_code_of_a_pull_request(path: Path) -> None:
    workflow = read_workflow(path)
    jobs = workflow["jobs"].values()
    granted = [workflow["permissions"], *(job.get("permissions", {}) for job in jobs)]
    writes = {scope for grant in granted for scope, right in grant.items() if right == "write"}
    assert all(job["timeout-minutes"] <= 60 for job in jobs)
    assert "pull_request_target" not in workflow["on"]
    if "pull_request" in workflow["on"]:
        assert writes == set()
    if writes and not set(workflow["on"]) <= {"push", "workflow_dispatch"}:  # code of members alone
        assert writes == {"pull-requests"}
        for step in (step for job in jobs for step in job["steps"]):
            assert "uses" not in step
            assert "${{" not in step["run"]  # names of branches are the author's to choose


def test_ci_runs_every_check_and_hides_no_status() -> None:
    workflow = read_workflow(".github/workflows/ci.yml")
    jobs = workflow["jobs"]
    runs = {name: [s["run"] for s in job["steps"] if "run" in s] for name, job in jobs.items()}
    assert runs["test"] == ["make lint", "make test", "make test-slow", "make smoke"]
    assert runs["images"] == ["make setup", "make data && git diff --exit-code dvc.lock"]
    assert runs["audit"] == ["make audit"]
    assert list(workflow["on"]) == ["push", "pull_request", "merge_group"]
    assert jobs["test"]["strategy"]["matrix"] == {"python": ["3.11", "3.12", "3.13"]}
    assert read(".ci/run").endswith("\n\nmake lint\nmake test\nmake -j2 test-slow smoke\n")
    where = {name: job.get("if") for name, job in jobs.items()}
    of_changes = dict.fromkeys(["images", "gate"], "github.event_name != 'push'")
    assert where == {"test": None, "audit": None} | of_changes


def test_locked() -> None:
    """The action installs the versions that the gate is tested with, by hash."""
    pins = {}
    for path in ("requirements.txt", "gate/requirements.txt"):
        pin = r"^([\w.-]+)==(\S+).*?((?:\n {4}--hash=\S+(?: \\\\)?)+)"
        blocks = re.findall(pin, read(path), re.MULTILINE)
        pins[path] = {(name, version): hashes.split() for name, version, hashes in blocks}
        assert len(pins[path]) == len(re.findall("==.*\\\\$", read(path), re.MULTILINE))
    python, install, _ = read_workflow(ACTION)["runs"]["steps"]
    assert python["with"]["update-environment"] is False
    assert "--no-deps --require-hashes)" in install["run"]
    assert {"dvc", "setuptools"} <= {name for name, _ in pins["gate/requirements.txt"]}
    assert pins["gate/requirements.txt"].items() <= pins["requirements.txt"].items()


@pytest.mark.parametrize(
    ("event", "base", "moved", "verdict"),
    [
        ("pull_request", "", False, "No worse"),
        ("merge_group", "nowhere", False, "Cannot be compared"),
        ("pull_request", "HEAD^2^", False, "Worse"),  # what `pull_request.base.sha` may be
        ("pull_request", "", True, "Worse"),  # a checkout of the branch instead of the merge
    ],
)
def test_base(event: str, base: str, moved: bool, verdict: str, tmp_path: Path) -> None:
    """The action compares GitHub's merge commit with its first parent.

    The change is of a README; meanwhile a loss was accepted on main.
    """
    project, runner = make_template(tmp_path / "clone"), Project(tmp_path / "runner")
    refuses = "raise SystemExit('the change judges itself')"
    project.change({"README.md": "new", "gate/__init__.py": refuses})
    project.commit("a change")
    project.git("switch", "--quiet", "main")
    project.run(accuracy=0.8)
    project.commit("a loss")
    project.git("switch", "--quiet", "--detach")
    project.git("merge", "--quiet", "--no-edit", "change")
    commit = project.commit_of("HEAD")
    if moved:  # the branch has merged main's parent, and brings the loss itself
        project.git("switch", "--quiet", "change")
        project.run(accuracy=0.8)
        project.commit("a loss")
        project.write("README.md", "newer")
        project.commit("its parent has the loss, too")
    runner.write("gate/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (runner.folder / "gate/bin/python").chmod(0o755)
    step = read_workflow(ACTION)["runs"]["steps"][-1]
    assert step["env"]["BASE"] == "${{ inputs.base || github.event.merge_group.base_sha }}"
    variables = os.environ | {
        "BASE": base, "FILES": "", "GITHUB_EVENT_NAME": event, "GITHUB_SHA": commit,
        "GITHUB_ACTION_PATH": str(ROOT / "gate"), "RUNNER_TEMP": str(runner.folder),
        "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }  # fmt: skip
    command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        command, cwd=project.folder, env=variables, capture_output=True, check=False
    )
    statuses = ["No worse", "Worse", "Cannot be compared"]
    assert done.returncode == statuses.index(verdict), done.stdout + done.stderr
    assert (tmp_path / "summary").read_text().startswith(f"**{verdict}")
    assert (tmp_path / "output").read_text() == f"json={runner.folder}/gate.json\n"
    assert json.loads(runner.read("gate.json"))["status"] == done.returncode
    assert (project.folder / "report/index.html").is_file()


def test_judge() -> None:
    """In this repository the base's gate judges, in a job that executes nothing of the change."""
    job = read_workflow(".github/workflows/ci.yml")["jobs"]["gate"]
    assert job["env"]["BASE"] == "${{ github.event.merge_group.base_sha || 'HEAD^1' }}"
    steps = [step.get("uses", step.get("run")) for step in job["steps"]]
    assert job["steps"][0]["with"] == {
        "path": "candidate", "fetch-depth": 0, "persist-credentials": False,
    }  # fmt: skip
    assert steps[1:3] == ['git -C candidate worktree add --detach ../base "$BASE"', "./base/gate"]
    assert job["steps"][2]["with"] == {"folder": "candidate", "base": "${{ env.BASE }}"}
    uploads = {"report": "candidate/report", "gate": "${{ runner.temp }}/gate.json"}
    found = [(step["if"], step["with"]) for step in job["steps"][3:]]
    always = "${{ !cancelled() }}"
    assert found == [(always, {"name": name, "path": path}) for name, path in uploads.items()]
    assert "--name gate --dir result" in read(".github/workflows/gate-comment.yml")


def test_hook(tmp_path: Path) -> None:
    """The documented hook keeps that of `dvc install`, also if made twice: the gate, the data."""
    lines = re.findall(r"^\$ (hook=.*|\[ -e .*|printf .*|chmod .*)$", read("docs/gate.md"), re.M)
    assert len(lines) == 4
    project, store = Project(tmp_path / "clone"), tmp_path / "store"
    project.init()
    project.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    project.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    project.change({"Makefile": "gate:\n\t@test -z '$(WORSE)'\n", "data.txt": "data"})
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    run = partial(subprocess.run, cwd=project.folder, shell=True, capture_output=True, check=False)

    def status(command: str, **more: str) -> int:
        return run(command, env=os.environ | {"PATH": path} | more).returncode

    for command in ("dvc remote add -d store ../store", "dvc add data.txt", "dvc install",
                    "\n".join(lines), "\n".join(lines)):  # fmt: skip
        assert status(command) == 0
    project.git("add", "--all")
    project.git("commit", "--quiet", "--no-verify", "--message=data")
    assert (status("git push origin main", WORSE="1"), store.exists()) == (1, False)
    assert status("git push origin main") == 0
    assert len([path for path in store.rglob("*") if path.is_file()]) == 1
    assert status("dvc install") != 0  # it keeps the hook, too


def test_address(tmp_path: Path) -> None:
    """`make address` fills in the placeholders of all pages, or says what it needs."""
    project = Project(tmp_path / "clone")
    project.init()
    pages = {path: read(path) for path in ("gate/README.md", "notebooks/explore.ipynb")}
    project.change(pages | {"Makefile": read("Makefile")})
    project.commit()
    for remote in (
        "git@github.com:me/my.work.git", "https://github.com/me/my.work/",
        "ssh://git@ssh.github.com:443/me/my.work.git", "https://example.org/me/x",
    ):  # fmt: skip
        project.git("config", "remote.origin.url", remote)
        command = ["make", "address"]
        done = subprocess.run(command, cwd=project.folder, capture_output=True, check=False)
        known = "github" in remote
        assert known or b"expected a remote origin on github.com" in done.stderr
        for path, text in pages.items():
            expected = text.replace("OWNER/NAME", "me/my.work") if known else text
            assert (project.read(path), "OWNER/NAME" in text) == (expected, True)
        assert not list(project.folder.rglob("*.new"))
        project.git("restore", ".")


def test_commands_of_make_exist() -> None:
    pages = map(read, ("docs/gate.md", ".github/workflows/ci.yml", ".pre-commit-config.yaml"))
    named = set(re.findall(r"(?:`|\$ |- |: |exec )make ([a-z-]+)", "\n".join(pages)))
    targets = set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))
    assert {"gate", "setup", "lint"} <= named <= targets
