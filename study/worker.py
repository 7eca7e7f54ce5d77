"""What a worker does: one run at a time, on images that it got once."""

import functools
import logging
import os
import signal
import threading
from typing import Any, cast

from distributed import Worker, WorkerPlugin, get_worker

from experiment.common.errors import InputError
from experiment.data.dataset import Dataset
from experiment.network import NUMERICS
from experiment.network.environment import describe_environment
from experiment.network.startup import ENVIRONMENT, starting_tensorflow
from study import one_run
from study.grid import Run

# Keras' state is the process': a worker with several threads trains one after the other.
_ONE_AT_A_TIME = threading.Lock()

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_VISIBLE_AT_START = os.environ.get(_VISIBLE)


class DatasetsPlugin(WorkerPlugin):
    """The datasets, by name: sent to each worker once, also to one that is started anew.

    What `Client.scatter` sends is lost for good with the last worker that holds it.
    """

    name = "images"
    idempotent = False

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        self.datasets = datasets

    def setup(self, worker: Worker) -> None:
        """Nothing to do: Dask keeps the plugin at the worker, where `train` finds it."""


def dask_setup(worker: Worker) -> None:
    """Called in a worker of this machine when it starts, by `preload` in `study/cluster.py`."""
    # Ctrl-C reaches all processes of a terminal; the driver it is that stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def conditions(threads: int, device: str) -> dict[str, str]:
    """What else than its parameters and its data a run here depends on.

    Returns:
        The environment, as `describe_environment`, `device`, and the version of the `numerics`.
    """
    with _ONE_AT_A_TIME:
        _start(threads, device)
        from experiment.network.training import build_information

        return {
            **describe_environment(threads=threads, settings=_variables(device)),
            **build_information(),
            "device": _name_of(device),
            "numerics": NUMERICS,
        }


def train(
    run: Run, *, settings: dict[str, Any], threads: int, device: str, expected: dict[str, str]
) -> one_run.Result:
    """One run.

    Args:
        run: what to train.
        settings: what all runs share; see `study.one_run.train_one`.
        threads: of TensorFlow.
        device: `cpu` or `gpu`.
        expected: the conditions under which the other runs are trained.

    Returns:
        As `study.one_run.train_one`.

    Raises:
        InputError: this worker has other software, code or hardware than expected.
    """
    found = conditions(threads, device)
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise InputError(
                f"a worker differs in {name}: expected {expected.get(name)}, found"
                f" {found.get(name)}; make all workers alike, or results would mix"
            )
    images = cast(DatasetsPlugin, get_worker().plugins[DatasetsPlugin.name])
    with _ONE_AT_A_TIME:
        _start(threads, device)
        return one_run.train_one(run, images.datasets[run.dataset], **settings)


@functools.cache
def _start(threads: int, device: str) -> None:
    """TensorFlow, once for each process, before anything else in it uses it."""
    # It warns of each new network in a process; a study has many.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with starting_tensorflow():
        if device == "gpu":  # is not hidden: which one, Dask said when it started the worker
            del os.environ[_VISIBLE]
            if _VISIBLE_AT_START is not None:
                os.environ[_VISIBLE] = _VISIBLE_AT_START
        from experiment.network.training import configure

        try:
            configure(threads)
        except RuntimeError:
            raise InputError(
                "a worker has used TensorFlow with other threads; start the workers anew"
            ) from None


def _variables(device: str) -> dict[str, str]:
    return {n: value for n, value in ENVIRONMENT.items() if device == "cpu" or n != _VISIBLE}


def _name_of(device: str) -> str:
    """`cpu`, or the GPU's model."""
    if device == "cpu":
        return device
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        raise InputError("device: expected a GPU at each worker; found none; set it to cpu")
    return str(tf.config.experimental.get_device_details(found[0])["device_name"])
