"""Files as they are in the workspace, and as they were in a revision of Git."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from gate.errors import CannotCompareError
from gate.git import git, reason, run_git, try_git


class Source(Protocol):
    """Where files are read from: the workspace or a revision."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def read(self, path: str) -> bytes | None:
        """Content of a file, None where there is none.

        Args:
            path: relative to the folder of `dvc.yaml`, with slashes.

        Raises:
            CannotCompareError: something is there and cannot be read.
        """
        ...


@dataclass(frozen=True)
class Workspace:
    """The files of a folder as they are, committed or not."""

    folder: Path
    name: str = "workspace"

    def read(self, path: str) -> bytes | None:
        """See `Source`."""
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CannotCompareError(
                f"{path}: expected a file that can be read; found: {error.strerror}; mend that"
            ) from None

    def files_of(self, path: str) -> list[str]:
        """The files in a folder that DVC sees, relative to it, sorted: all but .dvcignore's."""
        options = ("--cached", "--others", "--exclude-per-directory=.dvcignore", "-z")
        found = git(self.folder / path, "ls-files", *options).split("\0")
        return sorted({name for name in found if name and (self.folder / path / name).is_file()})


@dataclass(frozen=True)
class Revision:
    """The files of a commit.

    Attributes:
        folder: of `dvc.yaml` in the clone; it may lie below the top of the clone.
        commit: full hash.
        name: what people call it.
    """

    folder: Path
    commit: str
    name: str

    def read(self, path: str) -> bytes | None:
        """See `Source`."""
        return _read_of_commit(self.folder, self.commit, path)


@cache  # what a commit holds does not change
def _read_of_commit(folder: Path, commit: str, path: str) -> bytes | None:
    answer = run_git(folder, "cat-file", "--batch", content=f"{commit}:./{path}\n".encode())
    if answer.returncode != 0:
        raise CannotCompareError(f"{path} of {commit}: {reason(answer)}")
    header, _, content = answer.stdout.partition(b"\n")
    if header.endswith(b" missing"):
        return None
    _, kind, size = header.split()
    if kind != b"blob":
        raise CannotCompareError(f"{path} of {commit}: expected a file; found a folder")
    return content[: int(size)]


def find_commit(folder: Path, name: str) -> str | None:
    """Full hash of the commit that a branch, tag or hash names, None where there is none.

    Raises:
        CannotCompareError: the folder is in no clone.
    """
    return try_git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
