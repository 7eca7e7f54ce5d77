"""Real trainings on a local Dask cluster; and what a cluster or a user gets wrong."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from distributed import KilledWorker
from distributed.scheduler import WorkerState

from experiment.network import NUMERICS
from experiment.support.errors import InputError
from study.paths import STORE
from study.store import WITHOUT_INFLUENCE, Store, read_entry
from study.table import PARAMETERS
from study.training.replicate import conditions_of, run
from tests.conftest import ROOT, set_parameters
from tests.faults.processes import good
from tests.repository import EPOCHS
from tests.study.conftest import RUNS, make_study, replicate, set_study

FROM_THE_PIPELINE = {
    "accuracy_gap", "best_epoch", "test_accuracy", "test_loss", "training_accuracy",
    "training_loss", "validation_accuracy", "validation_loss", "validation_loss_rise",
}  # fmt: skip
ADDED = {
    "best_epoch_test_accuracy", "best_epoch_test_loss", "best_validation_accuracy",
    "best_validation_loss", "evaluated_training_accuracy", "evaluated_training_loss",
}  # fmt: skip
OF_THE_CURVE = {"last_five_training_accuracy", "last_five_validation_accuracy"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study on the images and with the parameters of `tests.repository`, one worker."""
    folder = make_study(tmp_path_factory.mktemp("study") / "one", seeds=[0], rates=[0.5, 0.0])
    set_parameters(folder, train__epochs=EPOCHS)
    assert "Traceback" not in good(replicate(folder)).output
    return folder


def contents(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((folder / STORE).iterdir())]


def test_runs_with_the_pipelines_seed_have_the_pipelines_numbers(
    study: Path, finished: Path
) -> None:
    """Each of the pipeline's networks was trained in a process of its own, these in one."""
    table = pd.read_csv(study / RUNS, float_precision="round_trip")
    assert list(table) == [*PARAMETERS, *sorted(FROM_THE_PIPELINE | ADDED | OF_THE_CURVE)]
    assert table["placement"].tolist() == ["dense", "none"]  # sorted
    assert {*table["train_samples"]} == {96}
    stored = {content["run"]["dropout_rate"]: content for content in contents(study)}
    for rate, variant in ((0.0, "no_dropout"), (0.5, "dropout")):
        metrics = json.loads((finished / f"metrics/{variant}.json").read_text())
        assert set(metrics) == FROM_THE_PIPELINE
        [row] = table[table["dropout_rate"] == rate].to_dict("records")
        assert {name: row[name] for name in metrics} == metrics
        curve = pd.read_csv(finished / f"plots/{variant}.csv", float_precision="round_trip")
        assert curve.pop("epoch").tolist() == [*range(1, EPOCHS + 1)]
        assert curve.to_dict("list") == stored[rate]["curve"]
        assert stored[rate]["conditions"]["device"] == "cpu"
        assert stored[rate]["settings"] == {
            "batch_size": 32, "filters": 2, "learning_rate": 0.001,
            "validation_from": "last", "validation_split": 0.2,
        }  # fmt: skip


def test_committed_runs_have_the_names_that_this_code_gives_them(study: Path) -> None:
    """Otherwise `make study` would train all of them again."""
    [here, *_] = [content["conditions"] for content in contents(study)]
    committed = sorted((ROOT / STORE).iterdir())
    assert committed
    for path in committed:
        content = json.loads(path.read_text())
        run = read_entry(path).run
        store = Store(
            path.parent, content["settings"], content["conditions"], {run.dataset: content["data"]}
        )
        assert store.path(run) == path
        assert {*content["conditions"]} - {*WITHOUT_INFLUENCE} == {*here} - {*WITHOUT_INFLUENCE}
        assert content["conditions"]["numerics"] == NUMERICS


def test_wrong_parameter_or_missing_images_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_study(tmp_path / "wrong", seeds=[0, -1], rates=[0.0])
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        run(workers=1)
    assert caught.value.code == (
        "study: study/params.yaml: seeds.1: expected greater than or equal to 0; found -1"
    )
    set_study(folder, seeds=[0])
    (folder / "data/own/tiny.npz").unlink()
    with pytest.raises(SystemExit) as caught:
        run(workers=1)
    assert caught.value.code == "study: data/own/tiny.npz: no such file; check the path"


class Unable:
    """Stands for a client of a cluster that cannot run this code."""

    def __init__(self, error: Exception, cause: Exception | None) -> None:
        self.error, self.cause = error, cause

    def submit(self, *_: object, **__: object) -> "Unable":
        return self

    def result(self) -> None:
        raise self.error from self.cause


NO_MODULE = ModuleNotFoundError("No module named 'study'")
WITHOUT_CODE = (
    "expected a scheduler and workers with this code and its packages; found: ModuleNotFoundError:"
    " No module named 'study'; start them in this folder, or with it in PYTHONPATH"
)
DIES = "each worker that trained it died; is there enough memory? 3 GB for each worker is enough"


@pytest.mark.parametrize(
    ("error", "cause", "raised", "expected"),
    [
        (NO_MODULE, None, InputError, WITHOUT_CODE),  # of a worker
        (RuntimeError("Error during deserialization of\nthe task graph."), NO_MODULE, InputError,
         WITHOUT_CODE),  # of the scheduler
        (KilledWorker("conditions", WorkerState.__new__(WorkerState), 3), None, InputError, DIES),
        # A fault of the program keeps its traceback.
        (RuntimeError("a fault"), None, RuntimeError, "a fault"),
    ],
)  # fmt: skip
def test_cluster_that_cannot_run_this_code_is_one_line(
    error: Exception, cause: Exception | None, raised: type[Exception], expected: str
) -> None:
    with pytest.raises(raised) as caught:
        conditions_of(Unable(error, cause))  # type: ignore[arg-type]
    assert str(caught.value) == expected
