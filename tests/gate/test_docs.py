"""What the pages and the workflows say is so."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read_workflow(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit(path: Path) -> None:
    for used in re.findall(r"uses: *(\S+)", path.read_text(encoding="utf-8")):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_can_write_runs_no_code_of_a_pull_request(path: Path) -> None:
    workflow = read_workflow(path)
    granted = [workflow["permissions"]]
    granted += [job.get("permissions", {}) for job in workflow["jobs"].values()]
    writes = {scope for grant in granted for scope, right in grant.items() if right == "write"}
    assert "pull_request_target" not in workflow["on"]
    if "pull_request" in workflow["on"]:
        assert writes == set()
    if writes and not set(workflow["on"]) <= {"push", "workflow_dispatch"}:  # code of members alone
        assert writes == {"pull-requests"}
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        assert not [step for step in steps if "uses" in step]
        for step in steps:
            assert "${{" not in step["run"]  # names of branches are the author's to choose


@pytest.mark.parametrize(
    "page",
    ["docs/gate.md", "gate/README.md", ".github/workflows/ci.yml", ".pre-commit-config.yaml"],
)
def test_commands_of_make_exist(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ |- |: |exec )make ([a-z-]+)", text))
    assert named
    for target in named - {"report"}:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target
