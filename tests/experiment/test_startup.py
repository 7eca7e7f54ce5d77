"""What the user's files and variables say to Keras and TensorFlow changes no result."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.network.environment import describe_environment, set_variables, variables_of
from tests.conftest import ROOT
from tests.experiment.networks import keras, train, trained, training

BITS = """
import json
from tests.experiment.networks import train
print(json.dumps(train(epochs=2)[1][-1].curve))
"""

# What changes the result or the order of the axes; the last five end a process, or TensorFlow's
# second version.
VARIABLES = {
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "1",
    "OMP_NUM_THREADS": "7",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "TF_DETERMINISTIC_OPS": "0",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "2",
    "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
    "KERAS_MAX_STEPS_PER_EPOCH": "all",
    "KERAS_NNX_ENABLED": "true",
    "TF2_BEHAVIOR": "0",
    "TF_XLA_FLAGS": "--no_such_flag",
    "XLA_FLAGS": "--no_such_flag",
}
KERAS_JSON = {
    "HOME/.keras": {"epsilon": 0.1, "floatx": "float16", "image_data_format": "channels_first"},
    "KERAS_HOME": {"backend": "torch", "epsilon": "tiny", "floatx": "float99"},
}


def test_users_variables_and_files(tmp_path: Path) -> None:
    for folder, content in KERAS_JSON.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "keras.json").write_text(json.dumps(content))
    folders = {name: str(tmp_path / name) for name in ("HOME", "KERAS_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", BITS], cwd=ROOT, env=os.environ | VARIABLES | folders,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == trained()[1][1].curve
    for folder, content in KERAS_JSON.items():
        assert json.loads((tmp_path / folder / "keras.json").read_text()) == content


def test_settings_that_another_part_of_the_process_gave_keras() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_epsilon(0.1)
    keras.config.set_floatx("float64")
    keras.config.set_image_data_format("channels_first")
    training.configure(1)
    assert train(epochs=2)[1][-1].curve == trained()[1][1].curve


@pytest.mark.parametrize(("instructions", "widest"), [("avx2", "AVX2"), ("native", "DEFAULT")])
def test_variables(instructions: Any, widest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that steer TensorFlow are the experiment's, all others are left."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (VARIABLES | {"PATH": "/bin", "DVC_ROOT": "/r", "MY_TF_X": "1"}).items():
        monkeypatch.setenv(name, value)
    set_variables(instructions)
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == widest
    assert dict(os.environ) == variables_of(instructions) | {
        "DVC_ROOT": "/r", "KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull,
        "MY_TF_X": "1", "PATH": "/bin",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("instructions", "baseline", "found", "expected"),
    [
        ("avx2", ["X86_V2"], ["X86_V3", "X86_V4", "AVX512_ICL"], "X86_V2 X86_V3"),
        ("native", ["X86_V2"], ["X86_V4", "AVX512_ICL"], "X86_V2 X86_V4 AVX512_ICL"),
        ("avx2", ["SSE"], ["AVX2", "AVX512F"], "SSE AVX2"),  # NumPy 2.3's names
        ("avx2", ["NEON"], None, "NEON"),
    ],
)
def test_environment(
    instructions: Any, baseline: list[str], found: list[str] | None, expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It has the sets that a training uses, and otherwise what the committed results have."""
    sets = {"baseline": baseline} | ({"found": found} if found else {})
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": sets})
    described = describe_environment(threads=3, instructions=instructions)
    assert described["instruction_sets"] == expected
    assert described["threads"] == "3"
    assert described["libc"] == " ".join(platform.libc_ver())
    committed = json.loads((ROOT / "metrics/dropout.environment.json").read_text())
    assert {*described} == {name for name in committed if "tensorflow" not in name}
    if instructions == "avx2":
        steering = {name: described[name] for name in described if name.startswith("variable.")}
        assert steering.items() <= committed.items()
