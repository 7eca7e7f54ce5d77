"""Which revision is compared with, on repositories of Git."""

import re
import shlex
from pathlib import Path

import pytest

from gate.base import choose_base
from gate.errors import CannotCompareError
from gate.tests.conftest import Project

METRICS = ["metrics.json"]
FORK = "where this branch left main (merge base)"
OTHER = "last commit with other metrics"


def base_of(project: Project, named: str | None = None) -> tuple[str, str]:
    base = choose_base(project.folder, named, METRICS)
    return base.commit, base.why


def error_of(folder: Path, named: str | None = None) -> str:
    with pytest.raises(CannotCompareError) as error:
        choose_base(folder, named, METRICS)
    assert "\n" not in str(error.value)
    return str(error.value)


def clone(project: Project, *options: str) -> Project:
    copy = Project(project.folder.with_name("copy"))
    url = project.folder.as_uri()  # a path would be copied whole, whatever the depth
    project.git("clone", "--quiet", *options, url, str(copy.folder))
    return copy


@pytest.fixture
def history(project: Project) -> Project:
    """`main` with metrics that changed at `first` and `fork~1`, and `change` two commits after."""
    project.git("switch", "--quiet", "main")
    project.git("tag", "first")
    for accuracy, tag in (("0.91", ""), ("0.91", "fork"), ("0.92", ""), ("0.93", "end")):
        project.write("metrics.json", accuracy)
        project.commit(f"{accuracy} {tag}")
        if tag:
            project.git("tag", tag)
        if tag == "fork":
            project.git("switch", "--quiet", "--force-create", "change")
    return project


def test_named_base(history: Project) -> None:
    for name in ("main", "fork", "HEAD~1", "HEAD^1", "refs/heads/main"):
        assert base_of(history, name) == (history.commit_of(name), "named by --base")
    for name in ("nowhere", "workspace", "", "--all", "HEAD:metrics", "a b", "\n"):
        assert "expected a branch, tag or commit; there is no" in error_of(history.folder, name)


# A file to write and commit, or a command of Git.
GOES_ON = ["switch main", "metrics.json 0.5", "tag on"]
ACCIDENT = ["switch main", "rm -q metrics.json", "commit -q -m accident", "metrics.json 0.94"]


@pytest.mark.parametrize(
    ("steps", "base", "why"),
    [
        ([*GOES_ON, "switch change"], "fork", FORK),
        ([*GOES_ON, "checkout --detach change"], "fork", FORK),
        ([*GOES_ON, "switch change", "merge --no-edit --strategy=ours main"], "on", FORK),
        (["switch main"], "first", OTHER),
        (["checkout --detach main"], "first", OTHER),
        (["switch main", "merge --no-ff --no-edit change"], "fork", OTHER),  # one step
        (ACCIDENT, "fork", OTHER),
        (["switch main", "dvc.lock other"], "first", OTHER),  # no matter where metrics are in Git
    ],
)
def test_base(steps: list[str], base: str, why: str, history: Project) -> None:
    """Where the branch left main; on main, the last commit with other metrics, all of them."""
    for step in steps:
        path, _, content = step.partition(" ")
        if path in ("metrics.json", "dvc.lock"):
            history.write(path, content)
            history.commit()
        else:
            history.git(*shlex.split(step))
    assert base_of(history) == (history.commit_of(base), why)
    if step == "dvc.lock other":
        assert choose_base(history.folder, None, ["cached.json"]).commit == history.commit_of(
            "fork"
        )
    if why == OTHER:
        history.write("metrics.json", "0.99")
        assert base_of(history) == (history.commit_of("HEAD"), "last commit; the workspace differs")


def test_where_there_is_no_base(history: Project) -> None:
    """On a main branch that always had these metrics, and on an orphan."""
    history.git("checkout", "--quiet", "--orphan", "fresh")
    assert base_of(history, "main")[0] == history.commit_of("main")
    assert "Git finds none for HEAD; commit" in error_of(history.folder)
    history.commit("fresh")  # of the same second, it would be the first commit else
    assert "common ancestor of HEAD and main" in error_of(history.folder)
    history.git("branch", "--move", "main", "other")
    assert re.match("expected a main branch .* found none; name a base", error_of(history.folder))
    history.git("switch", "--quiet", "--create", "main", "first")
    history.git("remote", "add", "origin", "nowhere")  # from which there is nothing to get
    expected = "expected an earlier commit of main with other metrics; found none; name a base"
    assert error_of(history.folder).startswith(expected)


@pytest.mark.parametrize("branch", ["main", "trunk", "master"])
def test_main_branch_of_the_remote(branch: str, history: Project) -> None:
    """Under its usual names, else as the remote's HEAD."""
    fork = history.commit_of("fork")
    copy = clone(history)
    copy.git("checkout", "--quiet", "origin/change")
    copy.git("branch", "--delete", "--force", "change")
    copy.git("update-ref", f"refs/remotes/origin/{branch}", fork)
    copy.git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}")
    assert base_of(copy) == (fork, FORK.replace("main", f"origin/{branch}"))
    assert choose_base(copy.folder, branch, METRICS).name == f"origin/{branch}"


def test_corrupt_commit_is_not_taken_for_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = project.commit_of("HEAD")
    path = project.folder / f".git/objects/{commit[:2]}/{commit[2:]}"
    path.chmod(0o644)
    path.write_text("no object of Git's")
    assert f"loose object {commit}" in error_of(project.folder)
    path.unlink()
    assert "Git finds none for HEAD; commit, repair it (git fsck)" in error_of(project.folder)
    monkeypatch.setenv("PATH", str(project.folder))
    assert error_of(project.folder) == "expected Git; found no command `git`; install it"


@pytest.mark.parametrize(
    ("branch", "named", "base"),
    [("change", "main", "main"), ("change", "origin/main", "main"), ("change", None, "fork"),
     ("main", None, "first")],
)  # fmt: skip
def test_command_in_the_hint_gets_the_base(
    branch: str, named: str | None, base: str, history: Project
) -> None:
    history.git("switch", "--quiet", "main")  # what a clone takes for the main branch
    copy = clone(history, "--depth=1", f"--branch={branch}")
    unshallow = "git fetch --tags --unshallow origin"
    assert unshallow in error_of(copy.folder, history.commit_of("first"))
    (command,) = re.findall(r"\(git ([^)]+)\)", error_of(copy.folder, named))
    assert f"git {command}".startswith(unshallow)
    copy.git(*shlex.split(command))
    assert base_of(copy, named)[0] == history.commit_of(base)
