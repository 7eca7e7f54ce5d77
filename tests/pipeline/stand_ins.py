"""For the stages of the study: without a network, other processes and trainings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client

from experiment.data import sources
from experiment.data.dataset import Dataset
from study import cluster, parameters, worker
from tests.conftest import synthetic_arrays
from tests.study.conftest import set_study


def write_grid(folder: Path) -> None:
    """Parameters of a study that uses a dataset of each kind."""
    (folder / "study").mkdir()
    committed = Path(parameters.__file__).with_name("params.yaml")
    (folder / "study/params.yaml").write_bytes(committed.read_bytes())
    block = {
        "dropout_rates": [0.0, 0.5], "placements": ["dense"], "train_samples": None,
        "epochs": None,
    }  # fmt: skip
    names = ("mnist", "fashion_mnist", "data/own/tiny.npz")
    set_study(folder, seeds=[0, 1], grid=[{"dataset": name, **block} for name in names])


def put_in(record: Callable[[Any], Any]) -> None:
    """Puts the stand-ins in, and `record` around the study's parameters."""
    right = parameters.load_study_parameters
    stand_ins: list[tuple[Any, str, Callable[..., Any]]] = [
        (parameters, "load_study_parameters", lambda: record(right())),
        (sources, "fetch", lambda name, **_: Dataset(**synthetic_arrays())),
        (cluster, "connected", _in_this_process),
        (worker, "_start", lambda threads, device: None),
    ]
    for module, name, stand_in in stand_ins:
        setattr(module, name, stand_in)


@contextmanager
def _in_this_process(**_: object) -> Iterator[Client]:
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as c:
        yield c
