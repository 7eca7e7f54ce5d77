"""What else differs between two sides: files of the repository, pictures, hashes, environments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate import likeness
from gate.git import git
from gate.likeness import ENVIRONMENT
from gate.reading import read_metrics
from gate.revisions import Revision, Source

PICTURES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg"}
# A file's diff is cut off behind so many lines; Git has the rest.
MOST_LINES = 400


@dataclass(frozen=True)
class ChangedFile:
    """A file that is no result and differs from the base's.

    Attributes:
        path: relative to the folder of `dvc.yaml`.
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


def changed_files(folder: Path, base: Revision, results: set[str]) -> list[ChangedFile]:
    """All files of the folder that differ from the base's, without the results."""
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative")
    numbers = git(folder, "diff", *options, "--numstat", "-z", base.commit, "--", ".")
    changed = []
    for entry in filter(None, numbers.split("\0")):
        added, removed, path = entry.split("\t", 2)
        if path in results:
            continue
        if added == "-":
            changed.append(ChangedFile(path, note="not text"))
            continue
        text = git(folder, "diff", *options, base.commit, "--", f":(literal){path}")
        # The first lines name the file, which the report does itself.
        lines = text[text.find("\n@@") + 1 :].splitlines() if "\n@@" in text else []
        shown, left_out = tuple(lines[:MOST_LINES]), max(0, len(lines) - MOST_LINES)
        changed.append(ChangedFile(path, int(added), int(removed), shown, left_out))
    new = git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    unknown = (ChangedFile(path, note="not known to Git") for path in new.split("\0") if path)
    return sorted((*changed, *unknown), key=lambda file: file.path)


def output_hashes(base: Source, candidate: Source) -> list[Pair]:
    """What the stages wrote, by path: the hashes in dvc.lock, None where there is none."""
    return _pairs(likeness.output_hashes(base), likeness.output_hashes(candidate))


def pictures(base: Source, candidate: Source, paths: list[str]) -> list[Pair]:
    """The content of those of the files that are pictures."""
    return [
        Pair(path, base.read(path), candidate.read(path))
        for path in paths
        if Path(path).suffix in PICTURES
    ]


def environments(base: Source, candidate: Source, paths: list[str]) -> list[Pair]:
    """What the environment files among these say, by `file: name`."""
    files = [path for path in paths if path.endswith(ENVIRONMENT)]
    sides = (
        {
            f"{path.removesuffix(ENVIRONMENT)}: {name}": value
            for path in files
            for name, value in read_metrics(source, path).values.items()
        }
        for source in (base, candidate)
    )
    return _pairs(*sides)


def _pairs(base: Mapping[str, Any], candidate: Mapping[str, Any]) -> list[Pair]:
    return [Pair(n, base.get(n), candidate.get(n)) for n in sorted({*base, *candidate})]
