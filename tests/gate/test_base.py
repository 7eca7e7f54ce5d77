"""Which revision is compared with, on repositories of Git."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gate.base import Base, choose_base
from gate.errors import CannotCompareError
from tests.gate.conftest import Repository

METRICS = ["metrics/a.json"]


def base_of(repository: Repository, named: str | None = None) -> tuple[str, str]:
    base: Base = choose_base(repository.folder, named, METRICS)
    return base.revision.commit, base.why


def clone(repository: Repository, *options: str) -> Repository:
    copy = repository.folder.with_name("copy")
    url = repository.folder.as_uri()  # a path would be copied whole, whatever the depth
    repository.git("clone", "--quiet", *options, url, str(copy))
    return Repository(copy)


@pytest.fixture
def history(repository: Repository) -> Repository:
    """`main` with metrics that changed twice and then not, and `change` two commits after."""
    repository.git("switch", "--quiet", "main")
    repository.results(accuracy=0.91)
    repository.commit("better")
    repository.write("note", "no other metrics")
    repository.commit("note")
    repository.git("tag", "fork")
    repository.git("branch", "--force", "change")
    repository.git("switch", "--quiet", "change")
    for accuracy in (0.92, 0.93):
        repository.results(accuracy=accuracy)
        repository.commit(f"{accuracy}")
    return repository


def commit_of(repository: Repository, name: str) -> str:
    return repository.git("rev-parse", name)


@pytest.mark.parametrize("name", ["main", "fork", "HEAD~1", "refs/heads/main"])
def test_named_base(name: str, history: Repository) -> None:
    assert base_of(history, name) == (commit_of(history, name), "named by --base")


@pytest.mark.parametrize("name", ["nowhere", "workspace", "", "--all", "HEAD:metrics", "a b", "\n"])
def test_base_that_is_no_commit_is_refused(name: str, history: Repository) -> None:
    with pytest.raises(CannotCompareError, match="expected a branch, tag or commit; there is no"):
        base_of(history, name)


def test_branch_is_compared_with_its_fork(history: Repository) -> None:
    fork = commit_of(history, "fork")
    history.git("switch", "--quiet", "main")
    history.results(accuracy=0.5)
    history.commit("main went on")
    history.git("switch", "--quiet", "change")
    assert base_of(history) == (fork, "where this branch left main (merge base)")


def test_branch_that_merged_main_is_compared_with_what_it_merged(history: Repository) -> None:
    history.git("switch", "--quiet", "main")
    history.write("note", "main went on")
    merged = history.commit("main went on")
    history.git("switch", "--quiet", "change")
    history.git("merge", "--quiet", "--no-edit", "main")
    assert base_of(history)[0] == merged


def test_detached_head_is_compared_with_its_fork(history: Repository) -> None:
    history.git("checkout", "--quiet", "--detach", "change")
    assert base_of(history)[0] == commit_of(history, "fork")


@pytest.mark.parametrize("detached", [False, True])
def test_main_is_compared_with_the_last_other_metrics(detached: bool, history: Repository) -> None:
    history.git("checkout", "--quiet", *(["--detach"] if detached else []), "main")
    assert base_of(history) == (
        commit_of(history, "main~2"),
        "last commit of main with other metrics",
    )


def test_main_with_changes_in_the_workspace_is_compared_with_head(history: Repository) -> None:
    history.git("switch", "--quiet", "main")
    history.results(accuracy=0.99)
    commit, why = base_of(history)
    assert (commit, why) == (
        commit_of(history, "HEAD"),
        "last commit of main; the workspace differs",
    )


def test_merge_on_main_is_one_step(history: Repository) -> None:
    history.git("switch", "--quiet", "main")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    assert base_of(history)[0] == commit_of(history, "fork")


def test_main_that_always_had_these_metrics_has_no_base(repository: Repository) -> None:
    repository.git("switch", "--quiet", "main")
    with pytest.raises(CannotCompareError, match="with other metrics; found none; name a base"):
        base_of(repository)


def test_unborn_branch_has_no_base(new_repository: Callable[[], Repository]) -> None:
    repository = new_repository()
    with pytest.raises(CannotCompareError, match="this branch has none yet; commit, or name"):
        base_of(repository)


def test_unborn_branch_can_be_compared_with_a_named_one(history: Repository) -> None:
    history.git("checkout", "--quiet", "--orphan", "fresh")
    assert base_of(history, "main")[0] == commit_of(history, "main")
    assert history.check("main").status == 0


@pytest.mark.parametrize("branch", ["main", "trunk", "master"])
def test_main_branch_of_the_remote_is_found(branch: str, history: Repository) -> None:
    """Under its usual names, else as the remote's HEAD."""
    fork = commit_of(history, "fork")
    history.git("branch", "--move", "main", branch)
    history.git("switch", "--quiet", branch)  # what a clone takes for its HEAD
    copy = clone(history)
    copy.git("checkout", "--quiet", "origin/change")
    copy.git("branch", "--delete", "--force", branch)
    assert base_of(copy)[0] == fork


def test_no_main_branch_is_refused(history: Repository) -> None:
    history.git("branch", "--delete", "--force", "main")
    with pytest.raises(CannotCompareError, match=r"expected a main branch .* found none; name a"):
        base_of(history)


def test_unrelated_histories_have_no_base(history: Repository) -> None:
    history.git("checkout", "--quiet", "--orphan", "fresh")
    history.commit()
    with pytest.raises(CannotCompareError, match="common ancestor of HEAD and main; found none"):
        base_of(history)


def test_shallow_clone_is_told_to_get_the_rest(history: Repository) -> None:
    fork, earlier = commit_of(history, "fork"), commit_of(history, "main~1")
    copy = clone(history, "--depth", "1", "--no-single-branch", "--branch", "change")
    with pytest.raises(CannotCompareError, match=r"shallow, get the rest .git fetch --unshallow"):
        base_of(copy)
    with pytest.raises(CannotCompareError, match="shallow"):
        base_of(copy, earlier)
    assert copy.check("origin/main").status == 0
    copy.git("fetch", "--quiet", "--unshallow")
    assert base_of(copy)[0] == fork


def test_shallow_clone_of_main_is_told_to_get_the_rest(history: Repository) -> None:
    history.git("switch", "--quiet", "main")
    copy = clone(history, "--depth", "1")
    with pytest.raises(CannotCompareError, match="shallow"):
        base_of(copy)


def test_folder_without_a_clone_is_refused(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(CannotCompareError, match="not a git repository"):
        choose_base(tmp_path, "main", METRICS)


def test_pipeline_below_the_top_of_the_clone(history: Repository) -> None:
    top = Repository(history.folder)
    below = Repository(top.folder / "below")
    for path in ("dvc.yaml", "gate.yaml"):
        below.write(path, (top.folder / path).read_bytes())
    below.results()
    top.git("switch", "--quiet", "main")
    top.commit("a pipeline below")
    top.git("switch", "--quiet", "--create", "lower")
    below.results(accuracy=0.5)
    assert below.check().status == 1
    assert top.check().status == 0
