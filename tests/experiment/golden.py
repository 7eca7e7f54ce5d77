"""`python -m tests.experiment.golden`: records the bits of a tiny training anew.

To be run after the bits were moved on purpose and `NUMERICS` in `experiment/network/__init__.py`
was raised, or after an update of TensorFlow, Keras or NumPy.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from experiment.files import replacing
from experiment.network import NUMERICS
from experiment.network.environment import describe_environment
from experiment.splits import Split
from tests.experiment.networks import train, training

GOLDEN = Path(__file__).with_name("golden.json")
CASES: dict[str, dict[str, Any]] = {
    "without Dropout": {"dropout_rate": 0.0, "dropout_placement": "none"},
    "with Dropout": {"dropout_rate": 0.5, "dropout_placement": "dense"},
    "after both layers": {"dropout_rate": 0.3, "dropout_placement": "both"},
}
# Bits are promised for machines that agree in these.
MACHINE = ("instruction_sets", "libc", "processor", "system")


def images(number: int, first: int) -> Split:
    """Stripes whose slope is the class, from no random generator."""
    index = np.arange(first, first + number)[:, None, None, None]
    row, column = np.arange(12)[:, None, None], np.arange(12)[:, None]
    pixels = (37 * index + 21 * row + (1 + index % 4) * 19 * column) % 256
    return training.as_tensors(
        Split(pixels.astype(np.uint8), (index.ravel() % 4).astype(np.uint8), 4)
    )


def measure() -> dict[str, Any]:
    """What the golden file holds: of each case the curve and a hash of the final state."""
    split = {"train": images(330, 0), "validation": images(260, 330)}
    found: dict[str, Any] = {"numerics": NUMERICS}
    found["machine"] = {
        name: describe_environment(threads=1, instructions="avx2")[name] for name in MACHINE
    }
    for name, settings in CASES.items():
        _, states = train(split=split, epochs=2, **settings)
        state = states[-1]
        digest = hashlib.sha256(b"".join(array.tobytes() for array in state.variables))
        found[name] = {"curve": state.curve, "state": digest.hexdigest()}
    return found


if __name__ == "__main__":
    with replacing(GOLDEN) as temporary:
        temporary.write_text(json.dumps(measure(), indent=1, sort_keys=True) + "\n")
