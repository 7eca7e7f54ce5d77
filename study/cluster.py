"""Where the runs are trained: this machine's cores, or the Dask cluster that is named."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.utils import silence_logging_cmgr

from experiment.common.errors import InputError

# What goes wrong with a run, `replicate` says in a line. Dask prints tracebacks of its own: of a
# worker's last sign of life that nobody took, of a scheduler that is gone.
QUIET = logging.CRITICAL

LOCAL = {
    # Dask would also have the C library give freed memory back to the system at once, and
    # TensorFlow asks for it again: a run of one epoch took 34 s of CPU time instead of 31.
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1},
    # TensorFlow keeps about 15 MB of each network that it has trained. A worker which has reached
    # its share of the memory is started anew; it would otherwise first wait for memory to be freed.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # A worker that is slow to start anew on a busy machine would be given up after 15 s, and the
    # study would wait for ever once that has happened to all of them.
    "distributed.deploy.lost-worker-timeout": "365 days",
    # A run that waits at a worker is blamed for its death like the run at work there: none waits.
    "distributed.scheduler.worker-saturation": 1.0,
}


@contextmanager
def connected(*, threads: int, workers: int | None) -> Iterator[Client]:
    """A client of the cluster in `DASK_SCHEDULER_ADDRESS`, else of a local one.

    The local one has a process per core, one run in each, and shares out the machine's memory.

    Args:
        threads: that each run uses.
        workers: processes of the local cluster; None: as many as the cores allow.

    Raises:
        InputError: nothing answers at the address.
    """
    address = dask.config.get("scheduler-address", None)
    if address is None:
        count = workers or max(1, CPU_COUNT // threads)
        with (
            dask.config.set(LOCAL),
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit="auto",
                dashboard_address=":0",  # any free port: 8787, the default, may be another's
                silence_logs=QUIET,
                preload=["study.worker"],
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    with silence_logging_cmgr(QUIET):
        try:
            client = Client(address)
        except OSError as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"expected a Dask scheduler at DASK_SCHEDULER_ADDRESS ({address}); {reason}; start"
                " it, or unset the variable to use this machine"
            ) from None
        with client:
            yield client
