"""Everything that a report shows, gathered."""

from dataclasses import dataclass
from pathlib import Path

from gate.check import Check
from gate.git import git, try_git
from gate.likeness import LOCK
from gate.report.changes import (
    ChangedFile,
    Pair,
    changed_files,
    environments,
    output_hashes,
    pictures,
)
from gate.report.curves import Chart, read_charts
from gate.revisions import Workspace


@dataclass(frozen=True)
class Content:
    """What a report shows.

    Attributes:
        check: what the gate found.
        base, candidate: names of the two sides, which differ.
        head: full hash of the candidate's commit.
        changed: whether the workspace has other files than that commit.
        files: that differ and are no results.
        charts: the curves of both sides.
        pictures: bytes of the committed pictures.
        hashes: of what the stages wrote.
        environment: machine and software that the results were made on.
    """

    check: Check
    base: str
    candidate: str
    head: str
    changed: bool
    files: list[ChangedFile]
    charts: list[Chart]
    pictures: list[Pair]
    hashes: list[Pair]
    environment: list[Pair]


def gather(folder: Path, check: Check) -> Content:
    """Reads what the report shows beside the gate's own findings.

    Args:
        folder: of `dvc.yaml`, in a clone.
        check: the gate's findings about it.

    Raises:
        CannotCompareError: something is there and cannot be read.
    """
    base, workspace = check.base.revision, Workspace(folder)
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    head = git(folder, "rev-parse", "HEAD")
    candidate = next(n for n in (branch, head[:10], workspace.name) if n and n != base.name)
    hashes = output_hashes(base, workspace)
    paths = [pair.name for pair in hashes]
    return Content(
        check=check,
        base=base.name,
        candidate=candidate,
        head=head,
        changed=git(folder, "status", "--porcelain", "--", ".") != "",
        files=changed_files(folder, base, {LOCK, *paths}),
        charts=read_charts(folder, {base.name: base, candidate: workspace}, workspace),
        pictures=pictures(base, workspace, paths),
        hashes=hashes,
        environment=environments(base, workspace, paths),
    )
