"""Which revision a change is compared with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotCompareError
from gate.git import find_commit, git, read_committed, try_git
from gate.settings import SETTINGS, load_settings


@dataclass(frozen=True)
class Base:
    """A revision to compare with: its full hash, what people call it, and how it was chosen."""

    commit: str
    name: str
    why: str


def choose_base(folder: Path, named: str | None, metrics_files: Sequence[str]) -> Base:
    """Return the named revision, or where the branch left the main branch; there, other metrics."""
    if named is not None:
        for name in (named, f"origin/{named}"):
            if commit := find_commit(folder, name):
                return Base(commit, name, "named by --base")
        expected = f"expected a branch, tag or commit; there is no {named!r} here"
        raise _no_commit(folder, expected, named)
    head = find_commit(folder, "HEAD")
    if head is None:
        expected = "a commit to compare with; Git finds none for HEAD; commit, repair it (git fsck)"
        raise _no_commit(folder, f"expected {expected}")
    # The remote's default branch, or one of the usual names, here or at `origin`.
    default = try_git(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    names = [default.removeprefix("origin/")] if default else []
    places = [place for name in (*names, "main", "master") for place in (name, f"origin/{name}")]
    main = next((place for place in places if find_commit(folder, place)), None)
    if main is None:
        expected = "expected a main branch (origin/HEAD, main or master); found none"
        raise _no_commit(folder, expected, "main")
    fork = try_git(folder, "merge-base", "HEAD", main)
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    commit, why = fork, f"where this branch left {main} (merge base)"
    expected, lacking = f"a common ancestor of HEAD and {main}", main
    # CI checks out a push to the main branch as a commit without a branch.
    if branch == main or (branch is None and fork == head):
        commit, why = _find_other_metrics(folder, head, metrics_files)
        accepted = _find_accepted(folder, head)
        if accepted and (
            commit is None or try_git(folder, "merge-base", commit, accepted) == commit
        ):
            commit, why = accepted, "the anchor, since no later commit has other metrics"
        expected = f"an earlier commit of {main} with other metrics"
        lacking = main if _is_shallow(folder) else ""  # else there is nothing to get
    if commit is None:
        raise _no_commit(folder, f"expected {expected}; found none", lacking)
    return Base(commit, git(folder, "rev-parse", "--short", commit), why)


def find_anchor(folder: Path, name: str) -> Base:
    """Return the anchor that gate.yaml names."""
    expected, commit = "gate.yaml: anchor: expected a tag or commit", find_commit(folder, name)
    if commit is None:
        raise _no_commit(folder, f"{expected}; there is no {name!r} here", name, "name another")
    full = try_git(folder, "rev-parse", "--symbolic-full-name", name) or ""
    if not (full.startswith("refs/tags/") or re.fullmatch("[0-9a-f]{7,64}", name)):
        raise CannotCompareError(f"{expected}; {name!r} moves by itself; write {commit}")
    return Base(commit, name, "the anchor of gate.yaml")


def _find_other_metrics(
    folder: Path, head: str, metrics_files: Sequence[str]
) -> tuple[str | None, str]:
    """Return HEAD if the workspace's metrics differ from it, or the last commit with other ones.

    Commits that lack some of the metrics files are passed over.
    """
    # What only DVC's cache has is in Git as a hash in dvc.lock.
    tracked = set(git(folder, "ls-files", "-z", "--", *metrics_files).split("\0")) - {""}
    paths = [*sorted(tracked), *([":(glob)**/dvc.lock"] if {*metrics_files} - tracked else [])]
    if try_git(folder, "status", "--porcelain", "--", *paths):
        return head, "last commit; the workspace differs"
    # Each merge counts as one step: what it brought into the main branch.
    for change in git(folder, "rev-list", "--first-parent", "HEAD", "--", *paths).split():
        earlier = find_commit(folder, f"{change}^")
        if earlier and git(folder, "rev-list", "-1", earlier, "--", *paths):
            there = git(folder, "ls-tree", "-r", "-z", "--name-only", earlier, "--", *tracked)
            if tracked <= set(there.split("\0")):
                return earlier, "last commit with other metrics"
    return None, ""


def _find_accepted(folder: Path, head: str) -> str | None:
    """Return the commit of the anchor in HEAD's gate.yaml, or None where none can be read."""
    try:
        anchor = load_settings(read_committed(folder, head, SETTINGS)).anchor
    except CannotCompareError:
        return None
    return find_commit(folder, anchor) if anchor else None


def _is_shallow(folder: Path) -> bool:
    return try_git(folder, "rev-parse", "--is-shallow-repository") == "true"


def _no_commit(
    folder: Path, expected: str, name: str = "", todo: str = "name a base: --base REVISION"
) -> CannotCompareError:
    """Return the error, with how to get what the remote may have and this clone does not."""
    if name and try_git(folder, "remote"):
        command = f"git fetch --tags {'--unshallow ' if _is_shallow(folder) else ''}origin"
        name = name.removeprefix("origin/")
        if re.fullmatch(r"[A-Za-z][\w./-]*", name) and name != "HEAD":
            command += f" {name}:refs/remotes/origin/{name}"
        todo = f"get it ({command}), or {todo}"
    return CannotCompareError(f"{expected}; {todo}")
