"""Everything that a report shows, gathered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.check import Check
from gate.git import git, try_git
from gate.predictions import Flips, read_flips, with_pictures
from gate.report.plots import Chart, read_plots
from gate.repository import Repository
from gate.settings import SETTINGS, load_settings

PICTURES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg",
            ".jpeg": "image/jpeg", ".gif": "image/gif"}  # fmt: skip
# A file's diff is cut off behind so many lines; Git has the rest.
MOST_LINES = 400


@dataclass(frozen=True)
class ChangedFile:
    """A file that is no result and differs from the base's.

    Attributes:
        path: relative to the DVC root.
        added, removed: lines.
        diff: lines of the unified diff, the first `MOST_LINES`.
        left_out: how many more there are.
        note: why there are no lines; empty where there are.
    """

    path: str
    added: int = 0
    removed: int = 0
    diff: tuple[str, ...] = ()
    left_out: int = 0
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Something that both sides have, or one of them."""

    name: str
    base: Any
    candidate: Any

    @property
    def same(self) -> bool:
        """Whether both have the same."""
        return bool(self.base == self.candidate)


@dataclass(frozen=True)
class Content:
    """What a report shows.

    Attributes:
        check: what the gate found.
        base, candidate: names of the two sides, which differ.
        head: full hash of the candidate's commit.
        changed: whether the workspace has other files than that commit.
        files: that differ and are no results.
        charts: the plots of both sides.
        not_drawn: the plots that cannot be drawn and why, in words.
        pictures: bytes of the pictures.
        hashes: of what the stages wrote.
        environment: machine and software that the results were made on.
        flips: which images the two sides classify differently, by metrics file.
    """

    check: Check
    base: str
    candidate: str
    head: str
    changed: bool
    files: list[ChangedFile]
    charts: list[Chart]
    not_drawn: list[str]
    pictures: list[Pair]
    hashes: list[Pair]
    environment: list[Pair]
    flips: list[Flips]


def gather(folder: Path, check: Check) -> Content:
    """Reads what the report shows beside the gate's own findings.

    Args:
        folder: the DVC root.
        check: the gate's findings about it.

    Raises:
        CannotCompareError: something is there and cannot be read.
    """
    repository, before, after = Repository(folder), check.before, check.after
    branch = try_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    head = git(folder, "rev-parse", "HEAD")
    candidate = next(n for n in (branch, head[:10], "workspace") if n and n != before.name)
    plots = read_plots(repository, check.base.commit, before.name, candidate)
    drawn = [
        Pair(path, sides.get(before.name), sides.get(candidate))
        for path, sides in plots.images.items()
    ]
    written = [
        Pair(path, repository.picture(path, check.base.commit), repository.picture(path, None))
        for path in sorted({*before.outputs, *after.outputs} - {*plots.images})
        if Path(path).suffix.lower() in PICTURES
    ]
    results = {*before.outputs, *after.outputs}
    settings = load_settings(repository.text(SETTINGS))
    flips = read_flips(settings.predictions, before, after)
    if settings.images:
        images = repository.picture(settings.images.file, None)
        flips = with_pictures(flips, settings.images, images)
    return Content(
        check=check,
        base=before.name,
        candidate=candidate,
        head=head,
        changed=git(folder, "status", "--porcelain", "--", ".") != "",
        files=sorted(_changed_files(folder, check.base.commit, results), key=lambda f: f.path),
        charts=plots.charts,
        not_drawn=plots.problems,
        pictures=[pair for pair in (*drawn, *written) if pair.base or pair.candidate],
        hashes=_pairs(before.outputs, after.outputs),
        environment=_pairs(before.environment, after.environment),
        flips=flips,
    )


def _changed_files(folder: Path, commit: str, results: set[str]) -> Iterator[ChangedFile]:
    """All files of the folder that differ from the base's, without the results."""
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative")
    numbers = git(folder, "diff", *options, "--numstat", "-z", commit, "--", ".")
    for entry in filter(None, numbers.split("\0")):
        added, removed, path = entry.split("\t", 2)
        if path in results or Path(path).name == "dvc.lock":
            continue
        if added == "-":
            yield ChangedFile(path, note="not text")
            continue
        text = git(folder, "diff", *options, commit, "--", f":(literal){path}")
        # The first lines name the file, which the report does itself.
        lines = text[text.find("\n@@") + 1 :].splitlines() if "\n@@" in text else []
        shown, left_out = tuple(lines[:MOST_LINES]), max(0, len(lines) - MOST_LINES)
        yield ChangedFile(path, int(added), int(removed), shown, left_out)
    new = git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    yield from (ChangedFile(path, note="not known to Git") for path in new.split("\0") if path)


def _pairs(base: Mapping[str, Any], candidate: Mapping[str, Any]) -> list[Pair]:
    return [Pair(n, base.get(n), candidate.get(n)) for n in sorted({*base, *candidate})]
