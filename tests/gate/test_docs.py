"""What docs/gate.md and the workflows say is so."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from gate.revisions import Workspace
from gate.settings import load_settings
from tests.conftest import ROOT

PAGE = (ROOT / "docs/gate.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
RUNS = 20_000


def simulated(seeds: int, metrics: int) -> list[float]:
    """Share of pairs of runs that are refused with margins of 3, 4, 5 and 6 deviations."""
    runs = np.random.default_rng(0).normal(size=(RUNS, seeds + 1, metrics))
    deviations = runs[:, :seeds].std(axis=1, ddof=1)
    worse_by = (runs[:, 0] - runs[:, seeds]) / deviations
    return [float((worse_by > k).any(axis=1).mean()) for k in (3, 4, 5, 6)]


def test_simulated_false_alarms_are_those_of_the_page() -> None:
    rules = load_settings(Workspace(ROOT)).metrics
    blocking = sum(rule.blocks for by_key in rules.values() for rule in by_key.values())
    table = PAGE.partition("<!-- simulated")[2].split("\n\n")[0]
    rows = [list(map(int, re.findall(r"\d+", line))) for line in table.splitlines()[3:]]
    assert [row[0] for row in rows] == [5, 8, 10]
    for seeds, *percents in rows:
        expected = [100 * share for share in simulated(seeds, blocking)]
        assert percents == pytest.approx(expected, abs=1)


def test_committed_margins_refuse_one_pair_of_runs_in_twenty_at_most() -> None:
    rules = [
        r for by_key in load_settings(Workspace(ROOT)).metrics.values() for r in by_key.values()
    ]
    assert {rule.margin.deviations for rule in rules} == {5}
    assert simulated(5, sum(rule.blocks for rule in rules))[2] < 0.055


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
    "page", ["docs/gate.md", ".github/workflows/ci.yml", ".pre-commit-config.yaml"]
)
def test_commands_of_make_exist(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ |- |: |exec )make ([a-z-]+)", text))
    assert named
    for target in named - {"report"}:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target
