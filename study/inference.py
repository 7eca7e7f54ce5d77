"""Stage `inference`: what a Dropout layer does and costs when a trained network predicts."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import write_json
from experiment.common.parameters import load_parameters
from experiment.common.splits import read_split
from experiment.network.startup import starting_tensorflow
from study.paths import PREDICTIONS, TIMES
from study.tables import write_table

MODEL = Path("models/dropout.keras")
TEST = Path("data/processed/test.npz")

BATCH_SIZE = 250
PASSES = 40

# Largest difference of a prediction; per pass, time with the layer over that without.
Inference = tuple[float, pd.Series]


def main() -> None:
    """Compares the pipeline's network with the same one less its Dropout layer."""
    with one_line_errors("inference"):
        images = read_split(TEST).images.astype(np.float32) / 255
        if not MODEL.is_file():
            raise InputError(f"{MODEL}: no such file; run `make repro`")
        with starting_tensorflow():
            import keras

            from experiment.network import training

            training.configure(load_parameters().train.threads)
        # As compiled it would predict several batches in a call, which the other one does not.
        with_layer = keras.saving.load_model(MODEL, safe_mode=True, compile=False)
        kept = [layer for layer in with_layer.layers if not isinstance(layer, keras.layers.Dropout)]
        without_layer = keras.Sequential([keras.Input(images.shape[1:]), *kept])
        predictions = [predict(network, images)[0] for network in (with_layer, without_layer)]
        difference = float(np.abs(predictions[0] - predictions[1]).max())
        write_json(PREDICTIONS, {"images": len(images), "largest_difference": difference})
        write_table(TIMES, measure(with_layer, without_layer, images))


def predict(network: Any, images: np.ndarray) -> tuple[np.ndarray, float]:
    """Predictions for images, and the processor's seconds that they took."""
    started = time.process_time()
    predictions = network.predict(images, batch_size=BATCH_SIZE, verbose=0)
    return predictions, time.process_time() - started


def measure(with_layer: Any, without_layer: Any, images: np.ndarray) -> list[dict[str, float]]:
    """Seconds of each pass over the images, in turn: it is not equally fast all the time."""
    rows = []
    for number in range(1, PASSES + 1):
        networks = {"with_layer": with_layer, "without_layer": without_layer}
        order = sorted(networks, reverse=number % 2 == 0)
        seconds = {name: predict(networks[name], images)[1] for name in order}
        rows.append({"pass": number, **{name: seconds[name] for name in networks}})
    return rows


def read_inference() -> Inference | None:
    """What this stage wrote, or None where it has not run.

    Raises:
        InputError: the files are damaged.
    """
    if not PREDICTIONS.exists():
        return None
    try:
        difference = json.loads(PREDICTIONS.read_text(encoding="utf-8"))["largest_difference"]
        times = pd.read_csv(TIMES)
        return float(difference), times["with_layer"] / times["without_layer"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{PREDICTIONS}: not as `inference` writes it ({error})") from None


if __name__ == "__main__":
    main()
