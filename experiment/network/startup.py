"""How TensorFlow is started: so that the same run gives the same bits, and without its noise."""

import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

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

# Keras imports them where they are installed, to draw models and to take DataFrames, which nothing
# here asks of it: a second of each start, and 60 MB.
UNUSED = ("IPython", "matplotlib", "pandas")


@contextmanager
def starting_tensorflow() -> Iterator[None]:
    """Sets `ENVIRONMENT`; TensorFlow is to be imported and configured within the block.

    What is `UNUSED` by it can be imported after the block, not within. From the end of the block
    on, iterators of `tf.data` are not tuned: see `_end_iterators_at_once`.

    TensorFlow prints notes about GPUs while it is imported, whatever the log level
    (https://github.com/tensorflow/tensorflow/issues/100442). What is written to stderr within the
    block is shown only if the block fails.
    """
    os.environ.update(ENVIRONMENT)
    kept_out = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]  # None: not importable
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
            if tensorflow := sys.modules.get("tensorflow"):
                _end_iterators_at_once(tensorflow)
        except BaseException:
            held.seek(0)
            os.write(shown, held.read())
            raise
        finally:
            for name in kept_out:
                del sys.modules[name]
            os.dup2(shown, 2)
            os.close(shown)


@functools.cache
def _end_iterators_at_once(tf: ModuleType) -> None:
    """Turns off what can make the end of a `tf.data` iterator take up to a minute.

    Beside each iterator a thread tunes its buffers, and sleeps in between, 10 ms at first, twice as
    long each time, up to 60 s. The end of the iterator wakes the thread and waits for it; but where
    the thread looks around before the iterator is marked as ended, it sleeps on, and the core that
    trained does nothing (seen with TensorFlow 2.21, in one of five ends and more, by how busy the
    cores are). Nothing here is tuned, so the bits are the same without.

    As an option of the datasets in `training.py`, which is the place for it, this would
    rename every stored run of the study, for the same numbers: let the next change there take it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    iterate = tf.data.Dataset.__iter__

    def iterate_untuned(dataset: Any) -> Any:
        return iterate(dataset.with_options(options))

    tf.data.Dataset.__iter__ = iterate_untuned
