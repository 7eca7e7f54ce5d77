"""Which revision a change is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotCompareError
from gate.revisions import Revision, find_commit, git, try_git

MAIN_BRANCHES = ("main", "origin/main", "master", "origin/master", "origin/HEAD")


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
        raise CannotCompareError(
            "expected a commit to compare with; this branch has none yet; commit, or name a base:"
            " --base REVISION"
        )
    main = next((name for name in MAIN_BRANCHES if find_commit(folder, name)), None)
    if main is None:
        raise CannotCompareError(
            f"expected a main branch ({', '.join(MAIN_BRANCHES)}); found none; name a base:"
            " --base REVISION"
        )
    fork = try_git(folder, "merge-base", "HEAD", main)
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    # CI checks out a push to the main branch as a commit without a branch.
    if branch == main.removeprefix("origin/") or (branch is None and fork == head):
        return _last_other_metrics(folder, main, metrics_files)
    if fork is None:
        raise CannotCompareError(
            f"expected a common ancestor of HEAD and {main}; found none;"
            f" {_history_hint(folder)}name a base: --base REVISION"
        )
    return Base(_revision(folder, fork), f"where this branch left {main} (merge base)")


def _named(folder: Path, named: str) -> Base:
    commit = find_commit(folder, named)
    if commit is None:
        hint = "it is what is compared; " if named == "workspace" else _history_hint(folder)
        raise CannotCompareError(
            f"expected a branch, tag or commit; there is no {named!r} here; {hint}name another:"
            " --base REVISION"
        )
    return Base(Revision(folder, commit, named), "named by --base")


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


def _revision(folder: Path, commit: str) -> Revision:
    return Revision(folder, commit, git(folder, "rev-parse", "--short", commit))


def _history_hint(folder: Path) -> str:
    shallow = try_git(folder, "rev-parse", "--is-shallow-repository") == "true"
    return "this clone is shallow, get the rest (git fetch --unshallow); " if shallow else ""
