"""Runs the committed pipeline from nothing, in a temporary clone."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.git import environment_without_repository, git


@contextmanager
def temporary_clone(repository: Path) -> Iterator[Path]:
    """A clone of what is committed, with a DVC cache of its own: nothing in it was computed yet.

    Args:
        repository: the folder of `dvc.yaml`, which may be below the top of the repository.

    Yields:
        The same folder of the clone.

    Raises:
        CannotCompareError: the folder is in no repository, or Git cannot clone it.
    """
    top = git(repository, "rev-parse", "--show-toplevel")
    below = git(repository, "rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone" / below
        git(Path(folder), "clone", "--quiet", top, "clone")
        # Else a cache that machines share would give the results without a training.
        cache = str(Path(folder) / "cache")
        _run(clone, "dvc", "config", "--local", "cache.dir", cache).check_returncode()
        yield clone


def run_pipeline(clone: Path) -> bool:
    """Runs every stage, as `make repro` does; whether it ended well."""
    return _run(clone, "stages").returncode == 0


def _run(clone: Path, *module: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", *module]
    return subprocess.run(command, cwd=clone, env=environment_without_repository(), check=False)
