"""Stage `download`: the dataset, verified, as the same bytes wherever it comes from."""

import sys
from dataclasses import asdict
from pathlib import Path

from experiment.data.dataset import Dataset
from experiment.data.known import KNOWN_DATASETS
from experiment.data.reading import read_dataset
from experiment.data.sources import fetch
from experiment.files import write_arrays
from experiment.parameters import load_parameters
from experiment.support.errors import InputError, one_line_errors

RAW = Path("data/raw/images.npz")


def main() -> None:
    """Gets the dataset that `data.dataset` names and writes it to `data/raw/`."""
    with one_line_errors("download"):
        name = load_parameters().data.dataset
        write_arrays(RAW, asdict(get_dataset(name)))


def get_dataset(name: str) -> Dataset:
    """A known dataset by its name, or an own one by its path.

    Raises:
        InputError: no source has the known one, or the own one is missing or wrong.
    """
    if name in KNOWN_DATASETS:
        return fetch(name, by_hand=RAW, report=_report)
    path = Path(name)
    if not path.exists() and not path.is_absolute():
        # DVC runs these in a copy of the repository that has only what Git tracks. It copies a
        # file to a folder that is there, and a folder to where none is.
        copied = next(p for p in (path, *path.parents) if p.parent.exists())
        raise InputError(
            f"{path}: no such file; check the path (with `dvc exp run --temp` or `--queue`, add"
            f" `--copy-paths {copied}`, or `git add --force {path}` first)"
        )
    return read_dataset(path)


def _report(line: str) -> None:
    print(f"download: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
