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

from experiment.network import environment
from tests.conftest import ROOT
from tests.experiment.networks import keras, tf, train, trained, training

BITS = """
import json
from tests.experiment.networks import train
print(json.dumps(train(epochs=2)[1][-1].curve))
"""
# They change the result; the last three end a process, or TensorFlow's second version.
VARIABLES = {
    "DNNL_DEFAULT_FPMATH_MODE": "BF16",  # an older name of ONEDNN_
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "1",
    "OMP_NUM_THREADS": "7",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "KERAS_NNX_ENABLED": "true",
    "TF2_BEHAVIOR": "0",
    "XLA_FLAGS": "--no_such_flag",
}
KERAS_JSON = '{"epsilon": 0.1, "floatx": "float16", "image_data_format": "channels_first"}'


def test_users_variables_and_files(tmp_path: Path) -> None:
    folders = {"HOME": tmp_path / "home", "KERAS_HOME": tmp_path / "home/.keras"}
    folders["KERAS_HOME"].mkdir(parents=True)
    (folders["KERAS_HOME"] / "keras.json").write_text(KERAS_JSON)
    variables = os.environ | VARIABLES | {name: str(path) for name, path in folders.items()}
    command = [sys.executable, "-c", BITS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == trained()[1][1].curve
    assert (folders["KERAS_HOME"] / "keras.json").read_text() == KERAS_JSON


def test_settings_that_another_part_of_the_process_gave_keras() -> None:
    from tensorflow.python.framework.config import is_op_determinism_enabled  # started already

    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_epsilon(0.1)
    keras.config.set_floatx("float64")
    keras.config.set_image_data_format("channels_first")
    training.configure(1)
    threads = tf.config.threading
    assert threads.get_intra_op_parallelism_threads() == 1
    assert threads.get_inter_op_parallelism_threads() == 1
    assert is_op_determinism_enabled()
    assert train(epochs=2)[1][-1].curve == trained()[1][1].curve


@pytest.mark.parametrize(
    ("instructions", "widest", "found", "expected"),
    [
        ("avx2", "AVX2", ["X86_V3", "X86_V4", "AVX512_ICL"], "SSE X86_V3"),
        ("native", "DEFAULT", ["X86_V4", "AVX512_ICL"], "SSE X86_V4 AVX512_ICL"),
        ("avx2", "AVX2", None, "SSE"),
    ],
)
def test_environment(
    instructions: Any, widest: str, found: list[str] | None, expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Variables that steer TensorFlow are the experiment's, all others are left.

    What is described are the sets that a training uses, and else what the committed results have.
    """
    others = {"PATH": "/bin", "DVC_ROOT": "/r", "MY_TF_X": "1"}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    more = {f"{prefix}_X": "1" for prefix in ("AUTOGRAPH", "ITEX", "KMP", "MKL", "TENSORFLOW")}
    for name, value in (VARIABLES | more | others).items():
        monkeypatch.setenv(name, value)
    environment.set_variables(instructions)
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == widest
    ours = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}
    assert dict(os.environ) == environment.variables_of(instructions) | ours | others

    sets = {"baseline": ["SSE"]} | ({"found": found} if found else {})
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": sets})
    described = environment.describe_environment(threads=3, instructions=instructions)
    python, machine = platform.python_version(), platform.uname()
    right = {"instruction_sets": expected, "threads": "3", "libc": " ".join(platform.libc_ver())}
    right |= {"processor": machine.machine, "python": python, "system": machine.system}
    right |= {"version.keras": keras.__version__, "version.numpy": np.__version__}
    assert right.items() <= described.items()
    committed = json.loads((ROOT / "metrics/dropout.environment.json").read_text())
    assert {*described} == {name for name in committed if "tensorflow" not in name}
    steering = {name: described[name] for name in described if name.startswith("variable.")}
    assert steering.items() <= committed.items() or instructions == "native"


def test_notes_are_shown_only_where_it_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with environment.starting_tensorflow():
        os.write(2, b"a note")
    with pytest.raises(subprocess.CalledProcessError), environment.starting_tensorflow():
        subprocess.run(["sh", "-c", "echo a reason >&2; false"], check=True)
    assert capfd.readouterr().err == "a reason\n"
