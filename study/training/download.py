"""Gets a known dataset for the study, verified, into a file of its own."""

import sys
from pathlib import Path

from experiment.common.files import write_arrays
from experiment.data.known import KNOWN_DATASETS
from experiment.data.sources import fetch

FOLDER = Path("data/study")
# What the pipeline has downloaded already: another dataset in it is noticed.
OF_THE_PIPELINE = Path("data/raw/images.npz")


def download(name: str) -> None:
    """Writes the file of a known dataset."""

    def report(line: str) -> None:
        print(f"download: {line}", file=sys.stderr)

    write_arrays(file_of(name), vars(fetch(name, by_hand=OF_THE_PIPELINE, report=report)))


def file_of(dataset: str) -> Path:
    """Where a dataset of the grid is: a known one by its name, an own one by its path."""
    return FOLDER / f"{dataset}.npz" if dataset in KNOWN_DATASETS else Path(dataset)
