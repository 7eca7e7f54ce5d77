"""Files as they are in the workspace, and as they were in a revision of Git."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from gate.errors import CannotCompareError


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
    answer = _run(folder, "cat-file", "--batch", content=f"{commit}:./{path}\n".encode())
    if answer.returncode != 0:
        raise CannotCompareError(f"{path} of {commit}: {_reason(answer)}")
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
    git(folder, "rev-parse", "--git-dir")
    return try_git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )


def git(folder: Path, *arguments: str) -> str:
    """What a command of Git prints, without blanks around it.

    Raises:
        CannotCompareError: the command fails; Git's own reason is passed on.
    """
    answer = _run(folder, *arguments)
    if answer.returncode != 0:
        raise CannotCompareError(f"git {arguments[0]}: {_reason(answer)}")
    return answer.stdout.decode(errors="replace").strip()


def try_git(folder: Path, *arguments: str) -> str | None:
    """As `git`, but None where the command fails or prints nothing."""
    answer = _run(folder, *arguments)
    text = answer.stdout.decode(errors="replace").strip()
    return text if answer.returncode == 0 and text else None


def _run(
    folder: Path, *arguments: str, content: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    # Git itself rather than a library for it: it starts in a hundredth of a second, and shallow and
    # partial clones, worktrees and packs are read as the user's own Git reads them.
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            input=content,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise CannotCompareError("expected Git; found no command `git`; install it") from None


def _reason(answer: "subprocess.CompletedProcess[bytes]") -> str:
    lines = answer.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"failed with status {answer.returncode}"
