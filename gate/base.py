"""Which revision a change is compared with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotCompareError
from gate.git import git, try_git
from gate.revisions import Revision, find_commit

# The last is what a remote calls its default branch.
MAIN_BRANCHES = ("main", "master", "HEAD")


@dataclass(frozen=True)
class Base:
    """The revision to compare with.

    Attributes:
        revision: where its files are read.
        why: how it was chosen, in words.
    """

    revision: Revision
    why: str


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
    return Base(_revision(folder, fork), f"where this branch left {main} (merge base)")


def _named(folder: Path, named: str) -> Base:
    if commit := find_commit(folder, named):
        return Base(Revision(folder, commit, named), "named by --base")
    names = [f"{remote}/{named}" for remote in _remotes(folder) if named != "HEAD"]
    remote = {name: commit for name in names if (commit := find_commit(folder, name))}
    if len(remote) == 1:
        ((name, commit),) = remote.items()
        why = f"named by --base; there is no {named} here but that of the remote"
        return Base(Revision(folder, commit, name), why)
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
    if try_git(folder, "status", "--porcelain", "--", *metrics_files):
        head = git(folder, "rev-parse", "HEAD")
        return Base(_revision(folder, head), f"last commit of {main}; the workspace differs")
    # Each merge counts as one step: what it brought into the main branch.
    changes = git(folder, "rev-list", "--first-parent", "HEAD", "--", *metrics_files).split()
    earlier = find_commit(folder, f"{changes[0]}^") if changes else None
    if earlier is None or not git(folder, "ls-tree", earlier, "--", *metrics_files):
        raise CannotCompareError(
            f"expected an earlier commit of {main} with other metrics; found none;"
            f" {_history_hint(folder)}name a base: --base REVISION"
        )
    return Base(_revision(folder, earlier), f"last commit of {main} with other metrics")


def _main_branch(folder: Path) -> str | None:
    """The first of `MAIN_BRANCHES` that there is: here, on `origin`, on another remote."""

    def rank(name: str) -> tuple[int, bool, bool, str]:
        remote, _, branch = name.rpartition("/")
        return MAIN_BRANCHES.index(branch), remote != "", remote != "origin", remote

    refs = [f"refs/{where}/{n}" for where in ("heads", "remotes/*") for n in MAIN_BRANCHES]
    found = git(folder, "for-each-ref", "--format=%(refname)", *refs).split()
    return min((ref.split("/", 2)[2] for ref in found), key=rank, default=None)


def _remotes(folder: Path) -> list[str]:
    """The names of the remotes, `origin` first."""
    return sorted((try_git(folder, "remote") or "").split(), key=lambda name: name != "origin")


def _revision(folder: Path, commit: str) -> Revision:
    return Revision(folder, commit, git(folder, "rev-parse", "--short", commit))


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
