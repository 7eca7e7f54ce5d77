"""The version of the numerics is part of the names of stored runs: it must move with the bits.

`python -m tests.experiment.test_golden` records the bits of a tiny training again: after they were
moved on purpose and `NUMERICS` in `experiment/network/__init__.py` was raised, or after an update
of TensorFlow, Keras or NumPy.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.files import write_text
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
    labels = (index.ravel() % 4).astype(np.uint8)
    return training.as_tensors(Split(pixels.astype(np.uint8), labels, 4))


def measure() -> dict[str, Any]:
    """What the golden file holds: of each case the curve and a hash of the final state."""
    split = {"train": images(330, 0), "validation": images(260, 330)}
    environment = describe_environment(threads=1, instructions="avx2")
    found: dict[str, Any] = {
        "numerics": NUMERICS, "machine": {name: environment[name] for name in MACHINE},
    }  # fmt: skip
    for name, settings in CASES.items():
        _, states = train(split=split, epochs=2, **settings)
        digest = hashlib.sha256(b"".join(array.tobytes() for array in states[-1].variables))
        found[name] = {"curve": states[-1].curve, "state": digest.hexdigest()}
    return found


def test_bits_of_a_tiny_training_are_those_of_this_version_of_the_numerics() -> None:
    golden, found = json.loads(GOLDEN.read_text(encoding="utf-8")), measure()
    assert golden["numerics"] == NUMERICS, "record the bits, see above"
    what_to_do = "if they were moved on purpose, raise NUMERICS and record them, see above"
    for case in CASES:
        for row, expected in zip(found[case]["curve"], golden[case]["curve"], strict=True):
            for name in ("loss", "val_loss"):  # alike on every machine
                assert row[name] == pytest.approx(expected[name], rel=1e-3), what_to_do
    if any(found[case] != golden[case] for case in CASES):
        machine = found["machine"]
        assert machine != golden["machine"], f"the bits moved: {what_to_do}"
        pytest.skip(f"the same to 3 digits; the bits are of another machine than {machine}")


if __name__ == "__main__":
    write_text(GOLDEN, json.dumps(measure(), indent=1, sort_keys=True) + "\n")
