"""Stage `download`: the data set, verified, as the same bytes wherever it comes from."""

import sys
from pathlib import Path

from experiment.data.fetch import fetch
from experiment.data.known import FOLDER, list_known
from experiment.data.own import read_dataset
from experiment.files import write_arrays
from experiment.parameters import load_parameters
from experiment.support.errors import one_line_errors

RAW = Path("data/raw/images.npz")


def main() -> None:
    """Get the data set that `data.dataset` names and write it to `data/raw/`."""
    with one_line_errors("download"):
        name = load_parameters().data.dataset
        if name in list_known():
            dataset = fetch(name, by_hand=RAW, report=report)
        else:
            dataset = read_dataset(FOLDER / name)
        write_arrays(RAW, dataset.arrays())


def report(line: str) -> None:
    """Print a line about a source."""
    print(f"download: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
