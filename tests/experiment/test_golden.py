"""The version of the numerics is part of the names of stored runs: it must move with the bits."""

import json

import pytest

from experiment.network import NUMERICS
from tests.experiment.golden import CASES, GOLDEN, measure

WHAT_TO_DO = (
    "if they were moved on purpose, raise NUMERICS in experiment/network/__init__.py, then run"
    " `python -m tests.experiment.golden`"
)


def test_bits_of_a_tiny_training_are_those_of_this_version_of_the_numerics() -> None:
    golden, found = json.loads(GOLDEN.read_text(encoding="utf-8")), measure()
    assert golden["numerics"] == NUMERICS, "record it: `python -m tests.experiment.golden`"
    for case in CASES:
        for row, expected in zip(found[case]["curve"], golden[case]["curve"], strict=True):
            for name in ("loss", "val_loss"):  # alike on every machine
                assert row[name] == pytest.approx(expected[name], rel=1e-3), WHAT_TO_DO
    if any(found[case] != golden[case] for case in CASES):
        differing = {
            name: f"{found['machine'][name]} instead of {value}"
            for name, value in golden["machine"].items()
            if found["machine"][name] != value
        }
        assert differing, f"the bits moved: {WHAT_TO_DO}"
        pytest.skip(f"the same to 3 digits; the bits are of another machine: {differing}")
