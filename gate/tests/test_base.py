"""Which revision is compared with, on repositories of Git."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.base import choose_base
from gate.errors import CannotCompareError
from gate.tests.conftest import Project

METRICS = ["metrics.json"]


def base_of(project: Project, named: str | None = None) -> tuple[str, str]:
    base = choose_base(project.folder, named, METRICS)
    return base.commit, base.why


def said_by(folder: Path, named: str | None = None) -> str:
    with pytest.raises(CannotCompareError) as error:
        choose_base(folder, named, METRICS)
    assert "\n" not in str(error.value)
    return str(error.value)


def clone(project: Project, *options: str) -> Project:
    """Of a server, whose HEAD is the main branch."""
    main = "main" if project.git("branch", "--list", "main") else "trunk"
    project.git("switch", "--quiet", main)
    copy = project.folder.with_name("copy")
    url = project.folder.as_uri()  # a path would be copied whole, whatever the depth
    project.git("clone", "--quiet", *options, url, str(copy))
    return Project(copy)


@pytest.fixture
def history(project: Project) -> Project:
    """`main` with metrics that changed twice and then not, and `change` two commits after."""
    project.git("switch", "--quiet", "main")
    project.metrics(accuracy=0.91)
    project.commit("better")
    project.write("note", "no other metrics")
    project.commit("note")
    project.git("tag", "fork")
    project.git("branch", "--force", "change")
    project.git("switch", "--quiet", "change")
    for accuracy in (0.92, 0.93):
        project.metrics(accuracy=accuracy)
        project.commit(f"{accuracy}")
    return project


def commit_of(project: Project, name: str) -> str:
    return project.git("rev-parse", name)


def test_named_base(history: Project) -> None:
    for name in ("main", "fork", "HEAD~1", "refs/heads/main"):
        assert base_of(history, name) == (commit_of(history, name), "named by --base")
    for name in ("nowhere", "workspace", "", "--all", "HEAD:metrics", "a b", "\n"):
        assert "expected a branch, tag or commit; there is no" in said_by(history.folder, name)


def test_branch_is_compared_with_its_fork(history: Project) -> None:
    """Or with what it merged last; also without a branch."""
    fork = commit_of(history, "fork")
    history.git("switch", "--quiet", "main")
    history.metrics(accuracy=0.5)
    on = history.commit("main went on")
    history.git("switch", "--quiet", "change")
    assert base_of(history) == (fork, "where this branch left main (merge base)")
    history.git("checkout", "--quiet", "--detach", "change")
    assert base_of(history)[0] == fork
    history.git("merge", "--quiet", "--no-edit", "--strategy=ours", "main")
    assert base_of(history)[0] == on


def test_main_is_compared_with_the_last_other_metrics(history: Project) -> None:
    expected = commit_of(history, "main~2"), "last commit of main with other metrics"
    for how in ([], ["--detach"]):
        history.git("checkout", "--quiet", *how, "main")
        assert base_of(history) == expected
    history.git("switch", "--quiet", "main")
    history.metrics(accuracy=0.99)
    head = commit_of(history, "HEAD")
    assert base_of(history) == (head, "last commit of main; the workspace differs")


def test_merge_on_main_is_one_step(history: Project) -> None:
    history.git("switch", "--quiet", "main")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    assert base_of(history)[0] == commit_of(history, "fork")


def test_metrics_that_only_the_cache_has_change_with_the_lock(history: Project) -> None:
    history.git("switch", "--quiet", "main")
    history.write("dvc.lock", "other")
    history.commit("another run")
    base = choose_base(history.folder, None, ["cached.json"])
    assert base.commit == commit_of(history, "main~1")


def test_where_there_is_no_base(history: Project, tmp_path: Path) -> None:
    """On a main branch that always had these metrics, on orphans, and in no repository."""
    assert "not a git repository" in said_by(tmp_path)
    history.git("checkout", "--quiet", "--detach", "main~2")
    history.git("branch", "--force", "first", "main~2")
    history.git("checkout", "--quiet", "--orphan", "fresh")
    assert base_of(history, "main")[0] == commit_of(history, "main")
    assert "this branch has none yet; commit, or name" in said_by(history.folder)
    history.commit("fresh")  # of the same second, it would be the first commit else
    assert "common ancestor of HEAD and main; found none" in said_by(history.folder)
    history.git("branch", "--move", "main", "other")
    assert re.match("expected a main branch .* found none; name a", said_by(history.folder))
    history.git("branch", "--move", "first", "main")
    history.git("switch", "--quiet", "--force", "main")
    assert "with other metrics; found none; name a base" in said_by(history.folder)


@pytest.mark.parametrize("branch", ["main", "trunk", "master"])
def test_main_branch_of_the_remote_is_found(branch: str, history: Project) -> None:
    """Under its usual names, else as the remote's HEAD."""
    fork = commit_of(history, "fork")
    copy = clone(history)
    copy.git("checkout", "--quiet", "origin/change")
    copy.git("branch", "--delete", "--force", "main")
    copy.git("update-ref", f"refs/remotes/origin/{branch}", "origin/main")
    copy.git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}")
    if branch != "main":
        copy.git("update-ref", "-d", "refs/remotes/origin/main")
    assert base_of(copy) == (fork, f"where this branch left origin/{branch} (merge base)")


def test_orphan_branch_is_not_taken_for_the_main_branch(history: Project) -> None:
    """As one for a web page; nor is a `main` that is not the remote's default branch."""
    fork = commit_of(history, "fork")
    history.git("branch", "--move", "main", "trunk")
    copy = clone(history)
    copy.git("switch", "--quiet", "--orphan", "main")
    copy.write("index.html", "")
    copy.commit("page")
    copy.git("switch", "--quiet", "change")
    assert base_of(copy) == (fork, "where this branch left trunk (merge base)")
    copy.git("branch", "master", "origin/trunk")
    copy.git("remote", "remove", "origin")  # without one, the first related name counts
    copy.git("branch", "--delete", "--force", "trunk")
    assert base_of(copy) == (fork, "where this branch left master (merge base)")


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="root alone can chown")
def test_clone_of_another_owner_is_told_the_remedy(project: Project) -> None:
    for path in (project.folder, *project.folder.rglob("*")):
        os.chown(path, 12345, 12345)
    message = said_by(project.folder)
    assert "dubious ownership" in message
    assert f"git config --global --add safe.directory '{project.folder}'" in message


def test_commit_that_is_corrupt_or_lost_is_not_taken_for_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = project.git("rev-parse", "HEAD")
    path = project.folder / f".git/objects/{commit[:2]}/{commit[2:]}"
    path.chmod(0o644)
    path.write_text("no object of Git's")
    message = said_by(project.folder)
    assert f"fatal: loose object {commit}" in message
    assert "is corrupt" in message
    path.unlink()
    assert said_by(project.folder).startswith(f"expected the commit {commit}, which is")
    monkeypatch.setenv("PATH", str(project.folder))
    assert said_by(project.folder) == "expected Git; found no command `git`; install it"


@pytest.mark.parametrize("remote", ["origin", "upstream"])
def test_branch_that_only_the_remote_has_is_found(remote: str, project: Project) -> None:
    copy = clone(project, "--origin", remote, "--branch", "change")
    expected = project.git("rev-parse", "main")
    why = "named by --base; there is no main here but that of the remote"
    assert base_of(copy, "main") == (expected, why)
    assert choose_base(copy.folder, "main", METRICS).name == f"{remote}/main"
    assert base_of(copy) == (expected, f"where this branch left {remote}/main (merge base)")
    copy.git("remote", "add", "another", str(project.folder))
    copy.git("fetch", "--quiet", "another")
    assert "; name another: --base" in said_by(copy.folder, "main")  # two have it: no guess
    assert base_of(copy, "another/main")[1] == "named by --base"


def as_ci_checks_out(project: Project) -> Project:
    """The merge of a pull request, alone: one commit, no branch."""
    project.git("update-ref", "refs/pull/1/merge", "change")
    copy = Project(project.folder.with_name("copy"))
    copy.folder.mkdir()
    copy.git("init", "--quiet", "--initial-branch", "none")
    copy.git("remote", "add", "origin", project.folder.as_uri())
    copy.git("fetch", "--quiet", "--depth=1", "origin", "+refs/pull/1/merge:refs/remotes/pull/1")
    copy.git("checkout", "--quiet", "refs/remotes/pull/1")
    return copy


def as_one_branch(project: Project) -> Project:
    return clone(project, "--depth=1", "--branch=change")


def as_shallow(project: Project) -> Project:
    return clone(project, "--depth=1", "--no-single-branch", "--branch=change")


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (as_ci_checks_out, None),
        (as_ci_checks_out, "main"),
        (as_one_branch, "origin/main"),
        (as_shallow, None),
    ],
)
def test_command_that_is_named_gets_the_main_branch(
    made: Callable[[Project], Project], named: str | None, project: Project
) -> None:
    project.metrics(accuracy=0.91)
    project.commit("better")
    project.write("note", "")
    project.commit("one commit below the last")
    copy = made(project)
    (command,) = re.findall(r"\(git ([^)]+)\)", said_by(copy.folder, named))
    assert "--unshallow" in command
    copy.git(*shlex.split(command))
    assert base_of(copy, named)[0] == project.git("rev-parse", "main")


def test_shallow_clone_of_main_is_told_to_get_the_rest(history: Project) -> None:
    earlier = commit_of(history, "main~1")
    copy = clone(history, "--depth", "1")
    for named in (None, earlier):
        assert "shallow" in said_by(copy.folder, named)
