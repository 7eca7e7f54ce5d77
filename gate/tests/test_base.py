"""Which revision is compared with, on repositories of Git."""

import re
import shlex
from pathlib import Path

import pytest

from gate.base import choose_base
from gate.errors import CannotCompareError
from gate.tests.conftest import Project

METRICS = ["metrics.json"]


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
    """`main` with metrics that changed twice and then not, and `change` two commits after."""
    project.git("switch", "--quiet", "main")
    project.metrics(accuracy=0.91)
    project.commit("better")
    project.write("note", "no other metrics")
    project.commit("note")
    project.git("tag", "fork")
    project.git("switch", "--quiet", "--force-create", "change")
    for accuracy in (0.92, 0.93):
        project.metrics(accuracy=accuracy)
        project.commit(f"{accuracy}")
    return project


def test_named_base(history: Project) -> None:
    for name in ("main", "fork", "HEAD~1", "HEAD^1", "refs/heads/main"):
        assert base_of(history, name) == (history.commit_of(name), "named by --base")
    for name in ("nowhere", "workspace", "", "--all", "HEAD:metrics", "a b", "\n"):
        assert "expected a branch, tag or commit; there is no" in error_of(history.folder, name)


def test_branch_is_compared_with_its_fork(history: Project) -> None:
    """Or with what it merged last; also without a branch."""
    fork = history.commit_of("fork")
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
    """Where they are whole, not deleted by an accident; a merge is one step."""
    for how in ([], ["--detach"]):
        history.git("checkout", "--quiet", *how, "main")
        assert base_of(history) == (history.commit_of("main~2"), "last commit with other metrics")
    history.git("switch", "--quiet", "main")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    assert base_of(history)[0] == history.commit_of("fork")
    before, text = history.commit_of("main"), history.read("metrics.json")
    history.git("rm", "--quiet", "metrics.json")
    history.commit("an accident")
    history.write("metrics.json", text.replace("0.93", "0.94"))
    history.commit("restored, better")
    assert base_of(history)[0] == before
    history.metrics(accuracy=0.99)
    assert base_of(history) == (history.commit_of("HEAD"), "last commit; the workspace differs")


def test_metrics_in_the_cache_change_with_the_lock(history: Project) -> None:
    history.git("switch", "--quiet", "main")
    history.write("dvc.lock", "other")
    history.commit("another run")
    base = choose_base(history.folder, None, ["cached.json"])
    assert base.commit == history.commit_of("main~1")


def test_where_there_is_no_base(history: Project) -> None:
    """On a main branch that always had these metrics, and on an orphan."""
    history.git("branch", "--force", "first", "main~2")
    history.git("checkout", "--quiet", "--orphan", "fresh")
    assert base_of(history, "main")[0] == history.commit_of("main")
    assert "Git finds none for HEAD; commit" in error_of(history.folder)
    history.commit("fresh")  # of the same second, it would be the first commit else
    assert "common ancestor of HEAD and main" in error_of(history.folder)
    history.git("branch", "--move", "main", "other")
    assert re.match("expected a main branch .* found none; or name a", error_of(history.folder))
    history.git("branch", "--move", "first", "main")
    history.git("switch", "--quiet", "--force", "main")
    assert "with other metrics; found none; or name a base" in error_of(history.folder)


@pytest.mark.parametrize("branch", ["main", "trunk", "master"])
def test_main_branch_of_the_remote(branch: str, history: Project) -> None:
    """Under its usual names, else as the remote's HEAD."""
    fork = history.commit_of("fork")
    copy = clone(history)
    copy.git("checkout", "--quiet", "origin/change")
    copy.git("branch", "--delete", "--force", "change")
    copy.git("update-ref", f"refs/remotes/origin/{branch}", fork)
    copy.git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}")
    assert base_of(copy) == (fork, f"where this branch left origin/{branch} (merge base)")
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


@pytest.mark.parametrize("named", ["main", "origin/main", None])
def test_command_in_the_hint_gets_the_main_branch(named: str | None, project: Project) -> None:
    project.metrics(accuracy=0.91)
    project.commit("better")
    copy = clone(project, "--depth=1", "--branch=change")
    (command,) = re.findall(r"\(git ([^)]+)\)", error_of(copy.folder, named))
    assert "--unshallow" in command
    copy.git(*shlex.split(command))
    assert base_of(copy, named)[0] == project.commit_of("main")


def test_shallow_clone_of_main(history: Project) -> None:
    earlier = history.commit_of("main~1")
    copy = clone(history, "--depth=1", "--branch=main")
    for named in (None, earlier):
        assert "git fetch --tags --unshallow origin" in error_of(copy.folder, named)
