"""What a worker does: one run at a time, on images that it got once."""

import functools
import logging
import signal
import threading
from typing import Any, cast

from distributed import Worker, WorkerPlugin, get_worker

from experiment.data.split import Dataset
from experiment.network import NUMERICS
from experiment.network.environment import describe_environment, starting_tensorflow
from experiment.parameters import Instructions
from experiment.support.errors import InputError
from study.runs import Run
from study.training import one_run

# Keras' state is the process': a worker with several threads trains one after the other.
_ONE_AT_A_TIME = threading.Lock()


class DatasetsPlugin(WorkerPlugin):
    """The datasets, by name: sent to each worker once, also to one that is started anew.

    What `Client.scatter` sends is lost for good with the last worker that holds it.
    """

    name = "images"
    idempotent = False

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        self.datasets = datasets

    def setup(self, worker: Worker) -> None:
        """Do nothing: Dask keeps the plugin at the worker, where `train` finds it."""


def dask_setup(worker: Worker) -> None:
    """Prepare a worker of this machine; Dask calls it by `preload` in `cluster.py`."""
    # Ctrl-C reaches all processes of a terminal, but the driver is to stop the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def describe_conditions(threads: int, instructions: Instructions) -> dict[str, str]:
    """Return what a run here depends on besides its parameters and its data.

    That is the environment, as `describe_environment` has it, and the version of the numerics.
    """
    with _ONE_AT_A_TIME:
        _start(threads, instructions)
        from experiment.network.training import build_information

        return {
            **describe_environment(threads=threads, instructions=instructions),
            **build_information(),
            "device": "cpu",
            "numerics": NUMERICS,
        }


def train(
    run: Run,
    *,
    settings: dict[str, Any],
    threads: int,
    instructions: Instructions,
    expected: dict[str, str],
) -> one_run.Result:
    """Train one run; see `study.training.one_run.train_one`.

    Args:
        run: what to train.
        settings: what all runs share.
        threads: of TensorFlow.
        instructions: see params.yaml.
        expected: the conditions under which the other runs are trained.

    Raises:
        InputError: this worker has other software, code or hardware than expected.
    """
    found = describe_conditions(threads, instructions)
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise InputError(
                f"a worker differs in {name}: expected {expected.get(name)}, found"
                f" {found.get(name)}; make all workers alike, or results would mix"
            )
    images = cast(DatasetsPlugin, get_worker().plugins[DatasetsPlugin.name])
    with _ONE_AT_A_TIME:
        return one_run.train_one(run, images.datasets[run.dataset], **settings)


@functools.cache
def _start(threads: int, instructions: Instructions) -> None:
    """Start TensorFlow, once for each process, before anything else in it uses it."""
    # It warns of each new network in a process; a study has many.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with starting_tensorflow(instructions):
        from experiment.network.training import configure

        try:
            configure(threads)
        except RuntimeError:
            raise InputError(
                "a worker has used TensorFlow with other threads; start the workers again"
            ) from None
