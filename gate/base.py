"""Which revision a change is compared with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotCompareError
from gate.git import find_commit, git, try_git

NAME_A_BASE = "name a base: --base REVISION"


@dataclass(frozen=True)
class Base:
    """A revision to compare with.

    Attributes:
        commit: full hash.
        name: what people call it.
        why: how it was chosen, in words.
    """

    commit: str
    name: str
    why: str


def choose_base(folder: Path, named: str | None, metrics_files: Sequence[str]) -> Base:
    """Return the named revision, else where the branch left the main branch, else, on the main
    branch, the last commit with other metrics.
    """  # noqa: D205
    if named is not None:
        for name in (named, f"origin/{named}"):
            if commit := find_commit(folder, name):
                return Base(commit, name, "named by --base")
        raise CannotCompareError(
            f"expected a branch, tag or commit; there is no {named!r} here;"
            f" {_fetch_hint(folder, named)}or name another: --base REVISION"
        )
    head = find_commit(folder, "HEAD")
    if head is None:
        raise CannotCompareError(
            "expected a commit to compare with; Git finds none for HEAD; commit, repair it"
            f" (git fsck), or {NAME_A_BASE}"
        )
    main = _find_main_branch(folder)
    if main is None:
        raise CannotCompareError(
            "expected a main branch (origin/HEAD, main or master); found none;"
            f" {_fetch_hint(folder, 'main')}or {NAME_A_BASE}"
        )
    fork = try_git(folder, "merge-base", "HEAD", main)
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    # CI checks out a push to the main branch as a commit without a branch.
    if branch == main.removeprefix("origin/") or (branch is None and fork == head):
        return _find_other_metrics(folder, main, metrics_files)
    if fork is None:
        raise CannotCompareError(
            f"expected a common ancestor of HEAD and {main}; found none;"
            f" {_fetch_hint(folder, main)}or {NAME_A_BASE}"
        )
    return _describe_base(folder, fork, f"where this branch left {main} (merge base)")


def find_anchor(folder: Path, name: str) -> Base:
    """Return the anchor that gate.yaml names."""
    commit = find_commit(folder, name)
    expected = "gate.yaml: anchor: expected a tag or commit;"
    if commit is None:
        raise CannotCompareError(
            f"{expected} there is no {name!r} here; {_fetch_hint(folder, name)}or name another"
        )
    full = try_git(folder, "rev-parse", "--symbolic-full-name", name) or ""
    if not (full.startswith("refs/tags/") or re.fullmatch("[0-9a-f]{7,64}", name)):
        raise CannotCompareError(f"{expected} {name!r} moves by itself; write {commit}")
    return Base(commit, name, "the anchor of gate.yaml")


def _find_main_branch(folder: Path) -> str | None:
    """Return the first of the remote's default branch, `main` and `master`, here or at `origin`."""
    default = try_git(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    names = [default.removeprefix("origin/")] if default else []
    places = (p for name in (*names, "main", "master") for p in (name, f"origin/{name}"))
    return next((place for place in places if find_commit(folder, place)), None)


def _find_other_metrics(folder: Path, main: str, metrics_files: Sequence[str]) -> Base:
    """Return HEAD if the workspace's metrics differ from it, otherwise the last commit before they
    changed that has all of them.
    """  # noqa: D205
    # What only DVC's cache has is in Git as a hash in dvc.lock.
    tracked = set(git(folder, "ls-files", "-z", "--", *metrics_files).split("\0")) - {""}
    hidden = [":(glob)**/dvc.lock"] if {*metrics_files} - tracked else []
    paths = [*sorted(tracked), *hidden]
    if try_git(folder, "status", "--porcelain", "--", *paths):
        head = git(folder, "rev-parse", "HEAD")
        return _describe_base(folder, head, f"last commit of {main}; the workspace differs")
    # Each merge counts as one step: what it brought into the main branch.
    for change in git(folder, "rev-list", "--first-parent", "HEAD", "--", *paths).split():
        earlier = find_commit(folder, f"{change}^")
        if earlier and git(folder, "rev-list", "-1", earlier, "--", *paths):
            there = git(folder, "ls-tree", "-r", "-z", "--name-only", earlier, "--", *tracked)
            if tracked <= set(there.split("\0")):
                return _describe_base(folder, earlier, f"last commit of {main} with other metrics")
    raise CannotCompareError(
        f"expected an earlier commit of {main} with other metrics; found none;"
        f" {_fetch_hint(folder, main)}or {NAME_A_BASE}"
    )


def _describe_base(folder: Path, commit: str, why: str) -> Base:
    return Base(commit, git(folder, "rev-parse", "--short", commit), why)


def _fetch_hint(folder: Path, name: str) -> str:
    """Return how to get a revision that the remote may have and this clone does not."""
    if not try_git(folder, "remote"):
        return ""
    shallow = try_git(folder, "rev-parse", "--is-shallow-repository") == "true"
    command = "git fetch --tags --unshallow origin" if shallow else "git fetch --tags origin"
    name = name.removeprefix("origin/")
    if not re.fullmatch(r"[A-Za-z][\w./-]*", name) or name == "HEAD":
        return f"get the history ({command}), "
    return f"get it ({command} {name}:refs/remotes/origin/{name}), "
