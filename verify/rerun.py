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
        config = f'[cache]\n    dir = "{Path(folder) / "cache"}"\n'
        (clone / ".dvc/config.local").write_text(config, encoding="utf-8")
        yield clone


def run_pipeline(clone: Path) -> bool:
    """Runs every stage, as `make repro` does; whether it ended well."""
    command = [sys.executable, "-m", "stages"]
    environment = environment_without_repository()
    return subprocess.run(command, cwd=clone, env=environment, check=False).returncode == 0
