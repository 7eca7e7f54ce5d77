"""Gets a known dataset for the study, verified, into a file of its own."""

import argparse
import sys
from pathlib import Path

from experiment.common.errors import one_line_errors
from experiment.common.files import write_arrays
from experiment.data.known import KNOWN_DATASETS
from experiment.data.sources import fetch

FOLDER = Path("data/study")
# What the pipeline has downloaded already: another dataset in it is noticed.
OF_THE_PIPELINE = Path("data/raw/images.npz")


def main() -> None:
    """Gets the dataset named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m study.training.download", description=main.__doc__
    )
    parser.add_argument("dataset", choices=KNOWN_DATASETS)
    name = parser.parse_args().dataset
    with one_line_errors(f"download {name}"):
        download(name)


def download(name: str) -> None:
    """Writes the file of a known dataset."""
    dataset = fetch(name, by_hand=OF_THE_PIPELINE, report=_report)
    write_arrays(file_of(name), vars(dataset))


def file_of(dataset: str) -> Path:
    """Where a dataset of the grid is: a known one by its name, an own one by its path."""
    return FOLDER / f"{dataset}.npz" if dataset in KNOWN_DATASETS else Path(dataset)


def _report(line: str) -> None:
    print(f"download: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
