"""Which revision a change is compared with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotCompareError
from gate.git import git, try_git

MAIN_BRANCHES = ("main", "master")


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


def find_commit(folder: Path, name: str) -> str | None:
    """Full hash of the commit that a branch, tag or hash names, None if there is none.

    Raises:
        CannotCompareError: the folder is in no clone.
    """
    return try_git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )


def find_anchor(folder: Path, name: str) -> Base:
    """The anchor that gate.yaml names.

    Raises:
        CannotCompareError: Git does not have it.
    """
    commit = find_commit(folder, name)
    if commit is None:
        raise CannotCompareError(
            f"gate.yaml: anchor: expected a tag or commit; there is no {name!r} here;"
            f" {_history_hint(folder)}get it (git fetch --tags), or name another"
        )
    return Base(commit, name, "the anchor of gate.yaml")


def choose_base(folder: Path, named: str | None, metrics_files: Sequence[str]) -> Base:
    """The named revision, else the fork from the main branch, else the last other metrics.

    Args:
        folder: of `dvc.yaml`, in a clone.
        named: a branch, tag or hash; None to choose.
        metrics_files: those of the workspace, relative to `folder`.

    Raises:
        CannotCompareError: there is no such revision, or none to choose.
    """
    if named is not None:
        return _named(folder, named)
    head = find_commit(folder, "HEAD")
    if head is None:
        if broken := try_git(folder, "rev-parse", "--verify", "--quiet", "HEAD"):
            raise CannotCompareError(
                f"expected the commit {broken}, which is checked out; Git does not have it;"
                " `git fsck` tells what else is missing"
            )
        raise CannotCompareError(
            "expected a commit to compare with; this branch has none yet; commit, or name a base:"
            " --base REVISION"
        )
    main = _main_branch(folder)
    if main is None:
        raise CannotCompareError(
            "expected a main branch (main, master, or those of a remote); found none;"
            f" {_fetch_hint(folder, 'main')}name a base: --base REVISION"
        )
    fork = try_git(folder, "merge-base", "HEAD", main)
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    # CI checks out a push to the main branch as a commit without a branch.
    if branch == main.rpartition("/")[2] or (branch is None and fork == head):
        return _last_other_metrics(folder, main, metrics_files)
    if fork is None:
        raise CannotCompareError(
            f"expected a common ancestor of HEAD and {main}; found none;"
            f" {_history_hint(folder)}name a base: --base REVISION"
        )
    return _of(folder, fork, f"where this branch left {main} (merge base)")


def _named(folder: Path, named: str) -> Base:
    if commit := find_commit(folder, named):
        return Base(commit, named, "named by --base")
    names = [f"{remote}/{named}" for remote in _remotes(folder) if named != "HEAD"]
    remote = {name: commit for name in names if (commit := find_commit(folder, name))}
    if len(remote) == 1:
        ((name, commit),) = remote.items()
        why = f"named by --base; there is no {named} here but that of the remote"
        return Base(commit, name, why)
    if remote:
        hint = f"the remotes have {' and '.join(remote)}; "
    elif named == "workspace":
        hint = "it is what is compared; "
    else:
        hint = _fetch_hint(folder, named)
    raise CannotCompareError(
        f"expected a branch, tag or commit; there is no {named!r} here; {hint}name another:"
        " --base REVISION"
    )


def _last_other_metrics(folder: Path, main: str, metrics_files: Sequence[str]) -> Base:
    """On the main branch: HEAD where the workspace has other metrics, else what was before them."""
    if not metrics_files:
        raise CannotCompareError("dvc.yaml: expected metrics files; found none; declare them")
    # What only DVC's cache has is in Git as a hash in dvc.lock.
    tracked = set(git(folder, "ls-files", "-z", "--", *metrics_files).split("\0"))
    hidden = [":(glob)**/dvc.lock"] if {*metrics_files} - tracked else []
    paths = [*({*metrics_files} & tracked), *hidden]
    if try_git(folder, "status", "--porcelain", "--", *paths):
        head = git(folder, "rev-parse", "HEAD")
        return _of(folder, head, f"last commit of {main}; the workspace differs")
    # Each merge counts as one step: what it brought into the main branch.
    changes = git(folder, "rev-list", "--first-parent", "HEAD", "--", *paths).split()
    earlier = find_commit(folder, f"{changes[0]}^") if changes else None
    if earlier is None or not git(folder, "rev-list", "-1", earlier, "--", *paths):
        raise CannotCompareError(
            f"expected an earlier commit of {main} with other metrics; found none;"
            f" {_history_hint(folder)}name a base: --base REVISION"
        )
    return _of(folder, earlier, f"last commit of {main} with other metrics")


def _main_branch(folder: Path) -> str | None:
    """The remote's default branch, else `main`, else `master`: the first that HEAD comes from.

    Each of them here, on `origin`, then on another remote. One without a common ancestor, such as
    an orphan branch for a web page, is taken only if there is no other.
    """
    refs = ["refs/heads", "refs/remotes"]
    form = "--format=%(refname) %(symref)"
    listed = [line.split() for line in git(folder, "for-each-ref", form, *refs).splitlines()]
    defaults = [target[0] for _, *target in listed if target and target[0].count("/") > 2]
    names = dict.fromkeys([*(ref.split("/", 3)[3] for ref in defaults), *MAIN_BRANCHES])
    known = [ref.split("/", 2)[2] for ref, *target in listed if not target]
    places = ["", *(f"{remote}/" for remote in _remotes(folder))]
    found = [f"{place}{name}" for name in names for place in places if f"{place}{name}" in known]
    related = (name for name in found if try_git(folder, "merge-base", "HEAD", name))
    return next(related, found[0] if found else None)


def _remotes(folder: Path) -> list[str]:
    """The names of the remotes, `origin` first."""
    return sorted((try_git(folder, "remote") or "").split(), key=lambda name: name != "origin")


def _of(folder: Path, commit: str, why: str) -> Base:
    return Base(commit, git(folder, "rev-parse", "--short", commit), why)


def _history_hint(folder: Path) -> str:
    return "this clone is shallow, get the rest (git fetch --unshallow); " * _shallow(folder)


def _fetch_hint(folder: Path, name: str) -> str:
    """How to get a branch that the remote may have and this clone does not, as often in CI."""
    remotes = _remotes(folder)
    if not remotes or not re.fullmatch(r"\w[\w./-]*", name) or re.fullmatch("[0-9a-f]+", name):
        return _history_hint(folder)
    name = name.removeprefix(f"{remotes[0]}/")
    fetch = "git fetch --unshallow" if _shallow(folder) else "git fetch"
    shallow = "this clone is shallow; " * _shallow(folder)
    branch = f"{name}:refs/remotes/{remotes[0]}/{name}"
    return f"{shallow}if it is a branch of the remote, get it ({fetch} {remotes[0]} {branch}); "


def _shallow(folder: Path) -> bool:
    return try_git(folder, "rev-parse", "--is-shallow-repository") == "true"
