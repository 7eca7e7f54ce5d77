"""Which revision is compared with, on repositories of Git."""

import re
import shlex

import pytest

from gate.base import choose_base
from gate.errors import CannotCompareError
from gate.git import git
from gate.tests.conftest import Project

FORK = "where this branch left main (merge base)"
OTHER = "last commit with other metrics"
ANCHOR = "the anchor, since no later commit has other metrics"
DIFFERS = "last commit; the workspace differs"
NO_NAME = "expected a branch, tag or commit; there is no"


def find(project: Project, named: str | None = None, file: str = "metrics.json") -> tuple[str, str]:
    """Return the base and why it is one; or no base, and the error."""
    try:
        base = choose_base(project.folder, named, [file])
    except CannotCompareError as error:
        return "", str(error)
    return base.commit, base.why


def do(project: Project, steps: str) -> None:
    """Do commands of Git; or write a file, and commit it."""
    for step in filter(None, steps.split("; ")):
        path, _, content = step.partition(" ")
        if path in ("metrics.json", "dvc.lock", "gate.yaml"):
            project.write(path, content)
            project.commit()
        else:
            project.git(*shlex.split(step))


@pytest.fixture
def history(project: Project) -> Project:
    """`main` with metrics that changed at `first` and `fork~1`, and `change` two commits after."""
    do(project, "switch main; tag first; metrics.json 0.91; commit --allow-empty -m 0; tag fork")
    do(project, "metrics.json 0.92; metrics.json 0.93; tag end; switch -C change fork")
    do(project, "metrics.json 0.94; metrics.json 0.95; tag tip")
    return project


GOES_ON = "switch main; metrics.json 0.5; tag on; switch change"
REMOTE = "branch -m main x; update-ref {0} fork; symbolic-ref refs/remotes/origin/HEAD {0}"
ACCIDENT = "switch main; rm -q metrics.json; commit -m accident; metrics.json 0.96"


@pytest.mark.parametrize(
    ("steps", "base", "why"),
    [
        (GOES_ON, "fork", FORK),
        (f"{GOES_ON}; checkout --detach", "fork", FORK),
        (f"{GOES_ON}; merge --no-edit --strategy=ours main", "on", FORK),
        # On main, the last commit with other metrics, all of them; a merge is one step.
        ("switch main", "end~1", OTHER),
        ("checkout --detach main", "end~1", OTHER),
        ("switch main; reset --hard fork; merge --no-ff --no-edit change", "fork", OTHER),
        (ACCIDENT, "end", OTHER),
        # No matter where metrics are in Git, the lock is not looked at.
        ("switch main; dvc.lock other", "end~1", OTHER),
        # What was before the anchor is accepted.
        ("switch main; gate.yaml {anchor: end, metrics: {}}", "end", ANCHOR),
        ("switch main; gate.yaml {anchor: fork, metrics: {}}", "end~1", OTHER),
        ("switch main; gate.yaml {anchor: nowhere, metrics: {}}", "end~1", OTHER),
        ("switch -C main first; gate.yaml {anchor: first, metrics: {}}", "first", ANCHOR),
        # The main branch of the remote, under its usual names, else as the remote's HEAD.
        *((REMOTE.format(f"refs/remotes/origin/{n}"), "fork", FORK.replace("main", f"origin/{n}"))
          for n in ("main", "trunk", "master")),
        # Where there is none.
        ("checkout --orphan fresh", "", "Git finds none for HEAD; commit, repair it (git fsck)"),
        ("checkout --orphan fresh; commit -m fresh", "", "a common ancestor of HEAD and main;"),
        ("branch -m main other", "", "main branch (origin/HEAD, main or master); found none; name"),
        # Neither is there any to get.
        ("remote add origin nowhere; switch -C main first", "",
         "expected an earlier commit of main with other metrics; found none; name a base"),
    ],
)  # fmt: skip
def test_base(steps: str, base: str, why: str, history: Project) -> None:
    do(history, steps)
    commit, said = find(history)
    assert (commit, why in said) == (base and history.commit_of(base), True), said
    assert "\n" not in said
    if "dvc.lock" in steps:
        assert find(history, file="cached.json")[0] == history.commit_of("end")
    if why == OTHER:
        history.write("metrics.json", "0.99")
        assert find(history) == (history.commit_of("HEAD"), DIFFERS)


def test_named_base(history: Project) -> None:
    # What is here comes first.
    do(history, "update-ref refs/remotes/origin/main first")
    do(history, "update-ref refs/remotes/origin/trunk first")
    assert choose_base(history.folder, "trunk", []).name == "origin/trunk"
    for name in ("main", "fork", "HEAD~1", "HEAD^1", "refs/heads/main"):
        assert find(history, name) == (history.commit_of(name), "named by --base")
    for name in ("nowhere", "workspace", "", "--all", "HEAD:metrics", "a b", "\n"):
        assert NO_NAME in find(history, name)[1]


def test_corrupt_commit_is_not_taken_for_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = project.commit_of("HEAD")
    path = project.folder / f".git/objects/{commit[:2]}/{commit[2:]}"
    path.chmod(0o644)
    path.write_text("no object of Git's")
    assert f"loose object {commit}" in find(project)[1]
    path.unlink()
    assert "Git finds none for HEAD" in find(project)[1]
    monkeypatch.setenv("PATH", str(project.folder))
    assert find(project) == ("", "expected Git; found no command `git`; install it")


@pytest.mark.parametrize(
    ("branch", "named", "base"),
    [("change", "main", "main"), ("change", "origin/main", "main"), ("change", None, "fork"),
     ("main", None, "end~1")],
)  # fmt: skip
def test_command_in_the_hint_gets_the_base(
    branch: str, named: str | None, base: str, history: Project
) -> None:
    do(history, "switch main")  # what a clone takes for the main branch
    copy = Project(history.folder.with_name("copy"))
    url = history.folder.as_uri()  # a path would be copied whole, whatever the depth
    history.git("clone", "--quiet", "--depth=1", f"--branch={branch}", url, str(copy.folder))
    unshallow = "git fetch --tags --unshallow origin"
    assert unshallow in find(copy, history.commit_of("first"))[1]
    (command,) = re.findall(r"\((git [^)]+)\)", find(copy, named)[1])
    assert command.startswith(unshallow)
    do(copy, command.removeprefix("git "))
    assert find(copy, named)[0] == history.commit_of(base)


def test_configuration_in_variables(history: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user configures by variables, such as safe.directory, is Git's for the gate, too."""
    for name, value in {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": "/srv"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert git(history.folder, "config", "--get", "safe.directory") == "/srv"
