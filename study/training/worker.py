"""What a worker does: one run at a time, on images that it got once."""

import functools
import logging
import signal
import threading
from dataclasses import replace
from typing import cast

from distributed import Worker, WorkerPlugin, get_worker

from experiment.data.split import Dataset
from experiment.network import NUMERICS
from experiment.network.environment import describe_environment, starting_tensorflow
from experiment.parameters import Instructions
from experiment.support.errors import InputError
from study.runs import Entry
from study.training.one_run import train_one

# Keras' state is the process': a worker with several threads trains one after the other.
_ONE_AT_A_TIME = threading.Lock()


class DatasetsPlugin(WorkerPlugin):
    """The datasets, by name: sent to each worker once, also to one that is started again.

    What `Client.scatter` sends is lost for good with the last worker that holds it.
    """

    name = "images"  # by which `train` finds it

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        self.datasets = datasets


def dask_setup(worker: Worker) -> None:
    """Prepare a worker of this machine; Dask calls it by `preload` in `cluster.py`."""
    # Ctrl-C reaches all processes of a terminal, but the driver is to stop the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@functools.cache
def describe_conditions(threads: int, instructions: Instructions) -> dict[str, str]:
    """Start TensorFlow; return what a run here depends on besides its parameters and its data.

    That is the environment, see `describe_environment`, and the version of the numerics.
    """
    # It warns of each new network in a process; a study has many.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with starting_tensorflow(instructions):
        from experiment.network.training import build_information, configure

        configure(threads)
    return {
        **describe_environment(threads=threads, instructions=instructions),
        **build_information(),
        "device": "cpu",
        "numerics": NUMERICS,
    }


def train(planned: Entry) -> Entry:
    """Train a run, and return it with its results.

    Raises:
        InputError: this worker has other software, code or hardware than its `conditions`.
    """
    setting, expected = planned.setting, planned.conditions
    with _ONE_AT_A_TIME:
        found = describe_conditions(setting.threads, setting.instructions)
        for name in sorted({*found, *expected}):
            if found.get(name) != expected.get(name):
                raise InputError(
                    f"a worker differs in {name}: expected {expected.get(name)}, found"
                    f" {found.get(name)}; make all workers alike, or results would mix"
                )
        plugin = cast(DatasetsPlugin, get_worker().plugins[DatasetsPlugin.name])
        results = train_one(setting, planned.seed, plugin.datasets[setting.dataset])
        return replace(planned, **results)
