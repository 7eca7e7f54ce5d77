"""A temporary clone of the last commit, in which everything is measured."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.measure import Costs, measure
from experiment.common.errors import InputError
from gate.errors import CannotCompareError
from gate.git import git
from verify.rerun import temporary_clone

PYTHON = sys.executable

# What bench/plain.py has as numbers in its text.
PLAIN: dict[str, dict[str, Any]] = {
    "data": {"dataset": "mnist"},
    "preprocess": {"validation_split": 0.2, "validation_from": "last", "train_samples": None},
    "model": {"filters": 32, "dense_units": 128},
    "train": {"dropout_rate": 0.5, "batch_size": 32, "learning_rate": 0.001},
}


@dataclass(frozen=True)
class Sitting:
    """Where and how much is measured.

    Attributes:
        clone: with a DVC cache of its own in the folder `cache` beside it.
        images: the raw images, relative to the clone.
        epochs: of each training.
    """

    clone: Path
    images: Path
    epochs: int

    def measure(self, *command: str) -> tuple[Costs, str]:
        """Runs a command in the clone."""
        return measure(command, self.clone)

    def repro(self, **train: float) -> tuple[Costs, str]:
        """Does what `make repro` does, after a change of parameters of training."""
        self.change({"train": train})
        return self.measure(PYTHON, "-m", "stages")

    def change(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        """Changes values in the clone's params.yaml."""
        yaml, path = YAML(), self.clone / "params.yaml"
        content = yaml.load(path.read_text(encoding="utf-8"))
        for section, values in sections.items():
            content[section].update(values)
        with path.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)


@contextmanager
def open_sitting(repository: Path, epochs: int) -> Iterator[Sitting]:
    """Clones the last commit, sets the parameters of the plain script and divides the images.

    Images that the repository has are copied, not downloaded.
    """
    with temporary_clone(repository) as clone:
        sitting = Sitting(clone, raw_images(clone), epochs)
        if (repository / sitting.images).is_file():
            (clone / sitting.images).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / sitting.images, clone / sitting.images)
        sitting.change(PLAIN)
        sitting.change({"train": {"epochs": epochs}})
        sitting.measure(PYTHON, "-m", "dvc", "repro", "preprocess")
        yield sitting


def raw_images(repository: Path) -> Path:
    """The output of the stage `download`, relative to the repository."""
    stages = YAML(typ="safe").load((repository / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    output = stages["download"]["outs"][0]
    return Path(output if isinstance(output, str) else next(iter(output)))


def head_of(repository: Path) -> str:
    """The last commit; a line on stderr says when the code has changes that are not in it.

    Raises:
        InputError: there is no commit.
    """
    try:
        if git(repository, "status", "--porcelain", "--", "*.py", "*.yaml"):
            print("bench: changes that are not committed are not measured", file=sys.stderr)
        return git(repository, "rev-parse", "HEAD")
    except CannotCompareError:
        raise InputError("expected a clone of this repository with a commit; found none") from None
