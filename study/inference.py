"""What a Dropout layer does and costs when a trained network predicts."""

import hashlib
import json
import sys
import time
from contextlib import suppress
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
# In full precision: another training has another curve.
CURVE = Path("plots/dropout.csv")

BATCH_SIZE = 250
PASSES = 40

# Largest difference of a prediction; per pass, time with the layer over that without.
Inference = tuple[float, pd.Series]


def main() -> None:
    """Compares the pipeline's network with the same one less its Dropout layer, once for each."""
    with one_line_errors("inference"):
        if is_up_to_date():
            print("inference: measured already for this network", file=sys.stderr)
            return
        images = read_split(TEST).images.astype(np.float32) / 255
        with starting_tensorflow():
            import keras

            from experiment.network.training import configure

            configure(load_parameters().train.threads)
        with_layer = keras.saving.load_model(MODEL, safe_mode=True)
        kept = [layer for layer in with_layer.layers if not isinstance(layer, keras.layers.Dropout)]
        without_layer = keras.Sequential([keras.Input(images.shape[1:]), *kept])
        predictions = [predict(network, images)[0] for network in (with_layer, without_layer)]
        difference = float(np.abs(predictions[0] - predictions[1]).max())
        write_table(TIMES, measure(with_layer, without_layer, images))
        result: dict[str, Any] = {"images": len(images), "largest_difference": difference}
        write_json(PREDICTIONS, {"curve_sha256": _curve_hash(), **result})


def is_up_to_date() -> bool:
    """Whether the network of the pipeline was measured: told by its curve, so none is loaded.

    Raises:
        InputError: it was not, and a file is missing without which it cannot be.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(PREDICTIONS.read_text(encoding="utf-8"))
        if TIMES.exists() and known["curve_sha256"] == _curve_hash():
            return True
    for path in (CURVE, MODEL, TEST):
        if not path.is_file():
            raise InputError(f"{path}: no such file; run `make repro`")
    return False


def _curve_hash() -> str:
    return hashlib.sha256(CURVE.read_bytes()).hexdigest()


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
        raise InputError(
            f"{PREDICTIONS}: not as `study.inference` writes it ({error}); delete it and run"
            " `make study`"
        ) from None


if __name__ == "__main__":
    main()
