"""How TensorFlow is started: so that the same run gives the same bits, and without its noise."""

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


@contextmanager
def starting_tensorflow() -> Iterator[None]:
    """Sets `ENVIRONMENT`; TensorFlow is to be imported and configured within the block.

    TensorFlow prints notes about GPUs while it is imported, whatever the log level
    (https://github.com/tensorflow/tensorflow/issues/100442). What is written to stderr within the
    block is shown only if the block fails.
    """
    os.environ.update(ENVIRONMENT)
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
