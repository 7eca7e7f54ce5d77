"""How TensorFlow is started: as the experiment wants it, whatever the user's variables say."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

ENVIRONMENT = {
    # TensorFlow turns oneDNN's kernels on or off by the processor; their bits differ.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # oneDNN picks its kernels by the widest vectors there are. Held to what x86-64 processors
    # have had since about 2015, so that a machine with AVX-512 does not choose others.
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # The result is the CPU's: a GPU sums in another order.
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}

KERAS = {
    "KERAS_BACKEND": "tensorflow",
    # No folder: the user's `keras.json` is not read, and none is written.
    "KERAS_HOME": os.devnull,
}

# What TensorFlow, Keras, XLA and oneDNN read. A variable of the user's could change the bits of a
# result (mixed precision, XLA, another backend), or end the process.
PREFIXES = (
    "AUTOGRAPH_", "DNNL_", "ITEX_", "KERAS_", "KMP_", "MKL_", "OMP_", "ONEDNN_", "TENSORFLOW_",
    "TF2_", "TF_", "XLA_",
)  # fmt: skip


@contextmanager
def starting_tensorflow() -> Iterator[None]:
    """Sets the experiment's variables; TensorFlow is to be imported and configured in the block.

    TensorFlow prints notes about GPUs and oneDNN while it is imported, whatever the log level
    (https://github.com/tensorflow/tensorflow/issues/100442). What is written to stderr in the block
    is shown only if the block fails.
    """
    set_variables()
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


def set_variables() -> None:
    """Replaces the user's variables by the experiment's."""
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT | KERAS)
