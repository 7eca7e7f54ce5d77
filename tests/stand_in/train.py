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


def main() -> None:
    variant = sys.argv[1]
    with one_line_errors(f"train {variant}"):
        params = load_parameters()
        rate = params.train.dropout_rate if variant == "dropout" else 0.0
        images = [
            int(read_split(Path(f"data/processed/{name}.npz")).images.sum())
            for name in ("train", "validation", "test")
        ]
        numbers = [params.train.seed, params.train.epochs, params.model.filters, int(1000 * rate)]
        random = np.random.default_rng([*numbers, *images])
        curve = [
            {column: float(random.uniform()) for column in CURVE_COLUMNS} | {"epoch": epoch}
            for epoch in range(1, params.train.epochs + 1)
        ]
        trained, test = (
            dict(zip(("accuracy", "loss"), random.uniform(size=2).tolist(), strict=True))
            for _ in range(2)
        )
        write_arrays(Path(f"models/{variant}.keras"), {"weights": random.uniform(size=2000)})
        write_curve(Path(f"plots/{variant}.csv"), curve)
        write_json(Path(f"metrics/{variant}.environment.json"), {"stand_in": "yes"})
        metrics = summarise(curve, trained=trained, test=test)
        write_json(Path(f"metrics/{variant}.json"), metrics)
        labels = read_split(Path("data/processed/test.npz")).labels
        probabilities = random.uniform(size=(len(labels), 10))
        write_predictions(Path(f"metrics/{variant}.predictions.csv"), labels, probabilities)


if __name__ == "__main__":
    main()
