"""Stands for `stages/train.py` in a copy of the pipeline: nothing is learned, without TensorFlow.

What it writes follows from variant, parameters and images alone, as a training's results do.
"""

import sys
from pathlib import Path

import numpy as np

from experiment import files
from experiment.metrics import summarise
from experiment.parameters import load_parameters
from experiment.splits import read_split
from experiment.variants import VARIANTS


def main() -> None:
    variant, params = sys.argv[1], load_parameters()
    network = sorted(VARIANTS[variant].network(params).items())
    splits = [read_split(path) for path in sorted(Path("data/processed").glob("*.npz"))]
    images = [int(split.images.sum()) for split in splits]
    said = repr((network, images, params.train.seed, params.train.epochs, params.model.filters))
    random = np.random.default_rng([*said.encode()])

    curve = [
        {name: float(random.uniform()) for name in files.CURVE_COLUMNS} | {"epoch": epoch}
        for epoch in range(1, params.train.epochs + 1)
    ]
    numbers = random.random(4).tolist()
    trained, test = ({"accuracy": a, "loss": b} for a, b in (numbers[:2], numbers[2:]))
    labels = splits[0].labels  # test comes first
    files.write_arrays(Path(f"models/{variant}.keras"), {"weights": random.uniform(size=2000)})
    files.write_curve(Path(f"plots/{variant}.csv"), curve)
    metrics = Path(f"metrics/{variant}")
    files.write_json(metrics.with_suffix(".environment.json"), {"stand_in": "yes"})
    files.write_json(metrics.with_suffix(".json"), summarise(curve, trained=trained, test=test))
    probabilities = random.uniform(size=(len(labels), 10))
    files.write_predictions(metrics.with_suffix(".predictions.csv"), labels, probabilities)


if __name__ == "__main__":
    main()
