"""What Git says, and what it does not have: passed on whole, with what to do."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.base import choose_base
from gate.errors import CannotCompareError
from tests.gate.conftest import Repository
from tests.gate.test_base import METRICS, base_of, clone
from verify.__main__ import verify


def said_by_gate(folder: Path) -> str:
    with pytest.raises(CannotCompareError) as error:
        choose_base(folder, None, METRICS)
    assert "\n" not in str(error.value)
    return str(error.value)


def said_by_verify(folder: Path) -> str:
    with pytest.raises(CannotCompareError) as error:
        verify(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


BOTH = pytest.mark.parametrize("said", [said_by_gate, said_by_verify])
Said = Callable[[Path], str]


@BOTH
@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="root alone can chown")
def test_clone_of_another_owner_is_told_the_remedy(said: Said, repository: Repository) -> None:
    for path in (repository.folder, *repository.folder.rglob("*")):
        os.chown(path, 12345, 12345)
    message = said(repository.folder)
    assert "dubious ownership" in message
    assert f"git config --global --add safe.directory '{repository.folder}'" in message


@BOTH
def test_commit_that_is_corrupt_is_not_taken_for_none(said: Said, repository: Repository) -> None:
    commit = repository.git("rev-parse", "HEAD")
    path = repository.folder / f".git/objects/{commit[:2]}/{commit[2:]}"
    path.chmod(0o644)
    path.write_text("no object of Git's")
    message = said(repository.folder)
    assert f"fatal: loose object {commit}" in message
    assert "is corrupt" in message


def test_commit_that_is_lost_is_not_taken_for_an_unborn_branch(repository: Repository) -> None:
    commit = repository.git("rev-parse", "HEAD")
    (repository.folder / f".git/objects/{commit[:2]}/{commit[2:]}").unlink()
    assert said_by_gate(repository.folder).startswith(f"expected the commit {commit}, which is")


@BOTH
def test_git_that_is_not_installed_is_said(
    said: Said, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository.folder))
    assert said(repository.folder) == "expected Git; found no command `git`; install it"


@pytest.mark.parametrize("remote", ["origin", "upstream"])
def test_branch_that_only_the_remote_has_is_found(remote: str, repository: Repository) -> None:
    copy = clone(repository, "--origin", remote, "--branch", "change")
    expected = repository.git("rev-parse", "main")
    why = "named by --base; there is no main here but that of the remote"
    assert base_of(copy, "main") == (expected, why)
    assert copy.check("main").base.revision.name == f"{remote}/main"
    assert base_of(copy) == (expected, f"where this branch left {remote}/main (merge base)")


def test_branch_that_several_remotes_have_is_not_guessed(repository: Repository) -> None:
    copy = clone(repository, "--branch", "change")
    copy.git("remote", "add", "upstream", str(repository.folder))
    copy.git("fetch", "--quiet", "upstream")
    with pytest.raises(CannotCompareError, match="have origin/main and upstream/main; name anoth"):
        base_of(copy, "main")
    assert base_of(copy, "upstream/main")[1] == "named by --base"


def as_ci_checks_out(repository: Repository) -> Repository:
    """The merge of a pull request, alone: one commit, no branch."""
    repository.git("update-ref", "refs/pull/1/merge", "change")
    copy = Repository(repository.folder.with_name("copy"))
    copy.folder.mkdir()
    copy.git("init", "--quiet", "--initial-branch", "none")
    copy.git("remote", "add", "origin", repository.folder.as_uri())
    copy.git("fetch", "--quiet", "--depth=1", "origin", "+refs/pull/1/merge:refs/remotes/pull/1")
    copy.git("checkout", "--quiet", "refs/remotes/pull/1")
    return copy


def as_one_branch(repository: Repository) -> Repository:
    repository.git("switch", "--quiet", "main")  # what a server has as its HEAD
    return clone(repository, "--depth=1", "--branch=change")


@pytest.mark.parametrize("named", [None, "main", "origin/main"])
@pytest.mark.parametrize("made", [as_ci_checks_out, as_one_branch])
def test_command_that_is_named_gets_the_main_branch(
    made: Callable[[Repository], Repository], named: str | None, repository: Repository
) -> None:
    repository.results(accuracy=0.91)
    repository.commit("better")
    repository.write("note", "")
    repository.commit("one commit below the last")
    copy = made(repository)
    with pytest.raises(CannotCompareError) as error:
        base_of(copy, named)
    (command,) = re.findall(r"get it \(git ([^)]+)\)", str(error.value))
    assert "--unshallow" in command
    copy.git(*shlex.split(command))
    assert base_of(copy, named)[0] == repository.git("rev-parse", "main")


@pytest.mark.parametrize("path", ["dvc.lock", "params.yaml", "gate.yaml", "metrics/a.json"])
def test_merge_conflict_is_said(path: str, repository: Repository) -> None:
    repository.git("config", "merge.conflictStyle", "diff3")
    for branch, text in (("main", "a: 1\n"), ("change", "a: 2\n")):
        repository.git("switch", "--quiet", branch)
        repository.write(path, text)
        repository.commit(branch)
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("merge", "--quiet", "main")
    found = "found a merge conflict in line 1; resolve it, then run `dvc repro`"
    if path.endswith(".json"):
        check = repository.check("change~1")
        assert check.status == 2
        assert f"{path}: the file is broken: {found}" in check.reasons[0]
    else:
        with pytest.raises(
            CannotCompareError, match=f"{path} of workspace: expected YAML; {found}"
        ):
            repository.check("change~1")
