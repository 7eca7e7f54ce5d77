"""What the pages and the workflows say is so."""

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


def test_pins_and_credentials() -> None:
    """Each action is pinned to a commit, but the base's own gate; no checkout leaves a token."""
    texts = [read(path) for path in (*WORKFLOWS, ACTION, ROOT / "gate/README.md")]
    used = {*re.findall(r"uses: *(\S+)", "\n".join(texts))}
    loose = {each for each in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", each)}
    assert loose == {"./base/gate", "OWNER/NAME/gate@COMMIT"}
    for text in texts:
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")


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


def test_ci() -> None:
    """It runs every check and hides no status; the base's gate judges, and runs nothing new."""
    workflow = read_workflow(".github/workflows/ci.yml")
    jobs = workflow["jobs"]
    assert list(workflow["on"]) == ["push", "pull_request", "merge_group"]
    assert jobs["test"]["strategy"]["matrix"] == {"python": ["3.11", "3.12", "3.13"]}
    of_changes = dict.fromkeys(["images", "gate"], "github.event_name != 'push'")
    where = {name: job.get("if") for name, job in jobs.items()}
    assert where == {"test": None, "audit": None} | of_changes
    assert {name: [s["run"] for s in job["steps"] if "run" in s] for name, job in jobs.items()} == {
        "test": ["make lint", "make test", "make test-slow", "make smoke"],
        "images": ["make setup", "make data && git diff --exit-code dvc.lock"],
        "gate": ['git -C candidate worktree add --detach ../base "$BASE"'],
        "audit": ["make audit"],
    }
    assert read(".ci/run").endswith("\n\nmake lint\nmake test\nmake -j2 test-slow smoke\n")
    checkout, _, judge, *uploads = jobs["gate"]["steps"]
    assert jobs["gate"]["env"]["BASE"] == "${{ github.event.merge_group.base_sha || 'HEAD^1' }}"
    assert checkout["with"] == {"path": "candidate", "fetch-depth": 0, "persist-credentials": False}
    assert judge["uses"] == "./base/gate"
    assert judge["with"] == {"folder": "candidate", "base": "${{ env.BASE }}"}
    paths = {"report": "candidate/report", "gate": "${{ runner.temp }}/gate.json"}
    assert {each["with"]["name"]: each["with"]["path"] for each in uploads} == paths
    assert {each["if"] for each in uploads} == {"${{ !cancelled() }}"}
    assert "--name gate --dir result" in read(".github/workflows/gate-comment.yml")


def test_locked() -> None:
    """The action installs the versions that the gate is tested with, by hash."""
    tested, installed = (
        {block.split()[0]: re.findall(r"--hash=(\S+)", block)
         for block in re.split(r"\n(?=\S)", read(path)) if "==" in block}
        for path in ("requirements.txt", "gate/requirements.txt")
    )  # fmt: skip
    assert {"dvc", "setuptools"} <= {name.partition("==")[0] for name in installed}
    assert (installed.items() <= tested.items(), all(installed.values())) == (True, True)
    python, install, _ = read_workflow(ACTION)["runs"]["steps"]
    assert python["with"]["update-environment"] is False
    assert "--no-deps --require-hashes)" in install["run"]


def run_action(folder: Path, python: str, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the action's last step in a folder, with a shell script for its Python."""
    step, temp = read_workflow(ACTION)["runs"]["steps"][-1], Project(folder.parent / "runner")
    assert step["env"]["BASE"] == "${{ inputs.base || github.event.merge_group.base_sha }}"
    temp.write("gate/bin/python", f"#!/bin/sh\n{python}\n")
    (temp.folder / "gate/bin/python").chmod(0o755)
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder,
        env=os.environ | {"RUNNER_TEMP": str(temp.folder), "GITHUB_OUTPUT": "output"} | variables,
        check=False,
        capture_output=True,
    )


def test_action(tmp_path: Path) -> None:
    """It compares GitHub's merge commit with its first parent, and ends as its last check does."""
    clone = Project(tmp_path / "clone")
    clone.write("a", "")
    clone.git("init", "--quiet")
    head = clone.commit()
    for event, base, commit, said in (
        ("pull_request", "", head, " --base HEAD^1"),
        ("pull_request", "", "the merge", ""),  # of which the branch is checked out instead
        ("push", "", head, ""),
        ("pull_request", "v1", head, " --base v1"),
    ):
        done = run_action(
            clone.folder, 'echo "$PYTHONPATH $*" >> calls; echo {}; exit 2', BASE=base, FILES="URL",
            GITHUB_EVENT_NAME=event, GITHUB_SHA=commit, GITHUB_ACTION_PATH="/action/gate",
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, b"{}\n{}\n")
        assert clone.read("output") == f"json={tmp_path}/runner/gate.json\n"
        assert (tmp_path / "runner/gate.json").read_text() == "{}\n"
        commands = ("report --files-of-commits URL", "check --json", "check --github")
        expected = [f"/action -P -m gate {each}{said}" for each in commands]
        assert clone.read("calls").splitlines() == expected
        clone.change({"calls": None, "output": None})


def test_action_judges_a_merge(tmp_path: Path) -> None:
    """By its own package, whatever the change has in `gate`, and not by a loss that came before."""
    project = make_template(tmp_path / "clone")
    project.change({"README.md": "new", "gate/__init__.py": "raise SystemExit('judges itself')"})
    project.commit("a change")
    project.git("switch", "--quiet", "main")
    project.run(accuracy=0.8)
    project.commit("a loss")
    project.git("switch", "--quiet", "--detach")
    project.git("merge", "--quiet", "--no-edit", "change")
    for base, status, verdict in (("", 0, "No worse"), ("HEAD^2^", 1, "Worse")):
        summary = tmp_path / f"summary{status}"
        done = run_action(
            project.folder, f'exec "{sys.executable}" "$@"', BASE=base, FILES="",
            GITHUB_EVENT_NAME="pull_request", GITHUB_SHA=project.commit_of("HEAD"),
            GITHUB_ACTION_PATH=str(ROOT / "gate"), GITHUB_STEP_SUMMARY=str(summary),
        )  # fmt: skip
        assert done.returncode == status, done
        assert summary.read_text().startswith(f"**{verdict}")
        assert (project.folder / "report/index.html").is_file()


def test_hook(tmp_path: Path) -> None:
    """The documented hook runs the gate, then the hook that was there, also if made twice."""
    lines = re.findall(r"^\$ (hook=.*|\[ -e .*|printf .*|chmod .*)$", read("docs/gate.md"), re.M)
    assert len(lines) == 4
    project, hook = Project(tmp_path / "clone"), ".git/hooks/pre-push"
    project.init()
    project.git("init", "--quiet", "--bare", "../remote")
    project.git("remote", "add", "origin", "../remote")
    project.change({"Makefile": "gate:\n\t@test -z '$(WORSE)'\n", hook: '#!/bin/sh\ncat > "$1"\n'})
    (project.folder / hook).chmod(0o755)
    project.commit()
    run = partial(subprocess.run, cwd=project.folder, shell=True, check=False)
    assert [run("\n".join(lines)).returncode for _ in range(2)] == [0, 0]
    assert run("WORSE=1 git push --quiet origin main").returncode == 1
    assert not (project.folder / "origin").exists()
    assert run("git push --quiet origin main").returncode == 0
    assert project.read("origin").startswith("refs/heads/main ")


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
