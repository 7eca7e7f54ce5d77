"""Stands for `stages/train.py` in a copy of the pipeline: nothing is learned, without TensorFlow.

As deterministic as a training: what it writes follows from the variant, the parameters and the
images alone.
"""

import sys
from pathlib import Path

import numpy as np

from experiment.files import (
    CURVE_COLUMNS,
    write_arrays,
    write_curve,
    write_json,
    write_predictions,
)
from experiment.metrics import summarise
from experiment.parameters import load_parameters
from experiment.splits import read_split
from experiment.support.errors import one_line_errors
from experiment.variants import VARIANTS


def main() -> None:
    variant = sys.argv[1]
    with one_line_errors(f"train {variant}"):
        params = load_parameters()
        splits = [
            read_split(Path(f"data/processed/{name}.npz"))
            for name in ("train", "validation", "test")
        ]
        network = sorted(VARIANTS[variant].network(params).items())
        numbers = [params.train.seed, params.train.epochs, params.model.filters]
        images = [int(split.images.sum()) for split in splits]
        random = np.random.default_rng([*numbers, *images, *str(network).encode()])
        curve = [
            {column: float(random.uniform()) for column in CURVE_COLUMNS} | {"epoch": epoch}
            for epoch in range(1, params.train.epochs + 1)
        ]
        trained, test = (
            {"accuracy": float(random.uniform()), "loss": float(random.uniform())} for _ in range(2)
        )
        write_arrays(Path(f"models/{variant}.keras"), {"weights": random.uniform(size=2000)})
        write_curve(Path(f"plots/{variant}.csv"), curve)
        write_json(Path(f"metrics/{variant}.environment.json"), {"stand_in": "yes"})
        write_json(Path(f"metrics/{variant}.json"), summarise(curve, trained=trained, test=test))
        labels = splits[-1].labels
        probabilities = random.uniform(size=(len(labels), 10))
        write_predictions(Path(f"metrics/{variant}.predictions.csv"), labels, probabilities)


if __name__ == "__main__":
    main()
