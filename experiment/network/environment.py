"""Start TensorFlow whatever the user's variables say; describe what can change a bit."""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np

from experiment.parameters import Instructions

# Packages that compute or write results (TensorFlow's version is read from `tf.version`).
PACKAGES = ("h5py", "keras", "matplotlib", "numpy", "pandas")

# oneDNN picks its kernels by the widest vectors there are, and their bits differ. AVX2 is what
# x86-64 processors have had since about 2015, so a machine with AVX-512 does not choose others.
LARGEST_INSTRUCTIONS: dict[Instructions, str] = {"avx2": "AVX2", "native": "DEFAULT"}

# No folder: the user's `keras.json` is not read, and none is written.
KERAS = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}

# What TensorFlow, Keras, XLA and oneDNN read. A variable of the user's could change the bits of a
# result (mixed precision, XLA, another backend), or end the process.
PREFIXES = (
    "AUTOGRAPH_", "DNNL_", "ITEX_", "KERAS_", "KMP_", "MKL_", "OMP_", "ONEDNN_", "TENSORFLOW_",
    "TF2_", "TF_", "XLA_",
)  # fmt: skip


def variables_of(instructions: Instructions) -> dict[str, str]:
    """Return the variables that steer TensorFlow."""
    return {
        # TensorFlow turns oneDNN's kernels on or off by the processor; their bits differ.
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "ONEDNN_MAX_CPU_ISA": LARGEST_INSTRUCTIONS[instructions],
        # The result is the CPU's: a GPU sums in another order.
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def describe_environment(*, threads: int, instructions: Instructions) -> dict[str, str]:
    """Describe what of the machine and its software can change the bits of a result.

    The same on machines of one kind: of the instruction sets that NumPy found (names as in
    https://numpy.org/doc/stable/reference/simd/build-options.html), AVX-512 is named only where a
    training uses it.
    """
    sets = np.show_config(mode="dicts")["SIMD Extensions"]
    used = [*sets["baseline"], *sets.get("found", [])]
    if instructions == "avx2":
        used = [name for name in used if not name.startswith(("X86_V4", "AVX512"))]
    return {
        "instruction_sets": " ".join(used),
        "libc": " ".join(platform.libc_ver()),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
        "threads": str(threads),
        **{f"version.{package}": version(package) for package in PACKAGES},
        **{f"variable.{name}": value for name, value in variables_of(instructions).items()},
    }


@contextmanager
def starting_tensorflow(instructions: Instructions = "avx2") -> Iterator[None]:
    """Set the experiment's variables; import and configure TensorFlow in the block.

    TensorFlow prints notes about GPUs and oneDNN while it is imported, whatever the log level
    (https://github.com/tensorflow/tensorflow/issues/100442). What is written to stderr in the block
    is shown only if the block fails.
    """
    set_variables(instructions)
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(shown, held.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)


def set_variables(instructions: Instructions) -> None:
    """Replace the user's variables by the experiment's."""
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        del os.environ[name]
    os.environ.update(variables_of(instructions) | KERAS)
