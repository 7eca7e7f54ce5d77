"""Runs the committed pipeline from nothing, in a temporary clone."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML


@contextmanager
def temporary_clone(repository: Path) -> Iterator[Path]:
    """A clone of what is committed, with a DVC cache of its own: nothing in it was computed yet."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        run = ["git", "clone", "--quiet", str(repository.absolute()), str(clone)]
        subprocess.run(run, check=True)
        # Else a cache that machines share would give the results without a training.
        dvc = [sys.executable, "-m", "dvc", "config", "--local"]
        subprocess.run([*dvc, "cache.dir", str(Path(folder) / "cache")], cwd=clone, check=True)
        yield clone


def set_seed(clone: Path, seed: int) -> None:
    """Changes `train.seed` in a clone's params.yaml."""
    yaml, path = YAML(), clone / "params.yaml"
    content = yaml.load(path.read_text(encoding="utf-8"))
    content["train"]["seed"] = seed
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


def run_pipeline(clone: Path) -> bool:
    """Runs every stage, as `make repro` does; whether it ended well."""
    return subprocess.run([sys.executable, "-m", "stages"], cwd=clone, check=False).returncode == 0
