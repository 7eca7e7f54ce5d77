"""What of the machine a result is said to depend on."""

import json
import platform

import numpy as np
import pytest

from experiment.network.environment import describe_environment
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("baseline", "found", "expected"),
    [
        (["X86_V2"], ["X86_V3"], "X86_V2 X86_V3"),
        (["X86_V2"], ["X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR"], "X86_V2 X86_V3"),
        (["SSE", "SSE2"], ["AVX2", "AVX512F", "AVX512_SKX"], "SSE SSE2 AVX2"),  # NumPy 2.3's names
        (["NEON"], None, "NEON"),
    ],
)
def test_instruction_sets_are_those_a_training_uses(
    baseline: list[str], found: list[str] | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {"baseline": baseline} | ({"found": found} if found else {})
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": sets})
    assert describe_environment(threads=1, instructions="avx2")["instruction_sets"] == expected


def test_properties() -> None:
    """Names and variables are those of the committed results, but for what TensorFlow reports."""
    text = (ROOT / "metrics/dropout.environment.json").read_text(encoding="utf-8")
    committed = json.loads(text)
    found = describe_environment(threads=3, instructions="avx2")
    assert {*found} == {name for name in committed if "tensorflow" not in name}
    steering = {name: found[name] for name in found if name.startswith("variable.")}
    assert steering.items() <= committed.items()
    assert found["libc"] == " ".join(platform.libc_ver())
    assert found["threads"] == "3"
