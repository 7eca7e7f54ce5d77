"""Stage `preprocess`: training, validation and test images, still `uint8`."""

import sys
from dataclasses import asdict
from pathlib import Path

from experiment.data.own import list_doubts, read_dataset
from experiment.data.split import divide
from experiment.files import write_arrays
from experiment.parameters import load_parameters
from experiment.support.errors import one_line_errors

RAW = Path("data/raw/images.npz")
PROCESSED = Path("data/processed")


def main() -> None:
    """Divide the data set and write one file for each purpose."""
    with one_line_errors("preprocess"):
        params = load_parameters()
        dataset = read_dataset(RAW)
        parts = divide(
            dataset,
            validation_split=params.preprocess.validation_split,
            validation_from=params.preprocess.validation_from,
            train_samples=params.preprocess.train_samples,
            seed=params.train.seed,
        )
        for line in list_doubts(parts, dataset.names):
            print(f"preprocess: warning: {line}", file=sys.stderr)
        for name, split in parts.items():
            write_arrays(PROCESSED / f"{name}.npz", asdict(split))


if __name__ == "__main__":
    main()
