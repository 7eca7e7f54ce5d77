"""Stage `preprocess`: training, validation and test images, still `uint8`."""

import sys
from dataclasses import asdict
from pathlib import Path

from experiment.data.dataset import divide
from experiment.data.doubts import doubts
from experiment.data.reading import read_dataset
from experiment.files import write_arrays
from experiment.parameters import load_parameters
from experiment.support.errors import one_line_errors

RAW = Path("data/raw/images.npz")
PROCESSED = Path("data/processed")


def main() -> None:
    """Divides the dataset and writes one file for each purpose."""
    with one_line_errors("preprocess"):
        params = load_parameters()
        parts = divide(
            read_dataset(RAW),
            validation_split=params.preprocess.validation_split,
            validation_from=params.preprocess.validation_from,
            train_samples=params.preprocess.train_samples,
            seed=params.train.seed,
        )
        for line in doubts(parts):
            print(f"preprocess: warning: {line}", file=sys.stderr)
        for name, split in parts.items():
            write_arrays(PROCESSED / f"{name}.npz", asdict(split))


if __name__ == "__main__":
    main()
