"""The stage `replicate` as a user starts it: real trainings on a local Dask cluster."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from distributed import KilledWorker
from distributed.scheduler import WorkerState

from experiment.common.errors import InputError
from experiment.network import NUMERICS
from study.paths import STORE
from study.replicate import conditions_of
from study.store import WITHOUT_INFLUENCE, Entry, Store, read_entry
from study.table import PARAMETERS
from tests.conftest import ROOT, set_parameters
from tests.repository import EPOCHS
from tests.study.conftest import (
    make_study,
    replicate,
    results,
    table,
)

RATES = [0.0, 0.3, 0.5]

FROM_THE_PIPELINE = {
    "accuracy_gap", "best_epoch", "test_accuracy", "test_loss", "training_accuracy",
    "training_loss", "validation_accuracy", "validation_loss", "validation_loss_rise",
}  # fmt: skip
ADDED = {
    "best_validation_accuracy", "best_validation_loss", "evaluated_training_accuracy",
    "evaluated_training_loss",
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study on the images and with the parameters of `tests.repository`, one worker."""
    folder = make_study(tmp_path_factory.mktemp("study") / "one", seeds=[0], rates=RATES)
    set_parameters(folder, train__epochs=EPOCHS)
    done = replicate(folder, "--workers", "1")
    assert (done.status, "Traceback" in done.output) == (0, False), done.output
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table(folder).decode())))


def entries(folder: Path) -> list[Entry]:
    return [read_entry(path) for path in (folder / STORE).iterdir()]


def test_three_workers_give_the_same_bytes_as_one(study: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(study, tmp_path / "three", ignore=shutil.ignore_patterns("runs"))
    assert replicate(folder, "--workers", "3").status == 0
    assert results(folder) == results(study)


def test_tables_are_tidy_and_sorted(study: Path) -> None:
    runs = rows(study)
    assert list(runs[0]) == [*PARAMETERS, *sorted(FROM_THE_PIPELINE | ADDED)]
    assert [(row["placement"], row["dropout_rate"], row["seed"]) for row in runs] == [
        ("dense", "0.3", "0"), ("dense", "0.5", "0"), ("none", "0.0", "0"),
    ]  # fmt: skip
    assert {(row["dataset"], row["train_samples"], row["epochs"]) for row in runs} == {
        ("data/own/tiny.npz", "96", str(EPOCHS))
    }
    for entry in entries(study):
        assert [row["epoch"] for row in entry.curve] == [*range(1, EPOCHS + 1)]


def test_run_with_the_pipelines_seed_has_the_pipelines_numbers(study: Path, finished: Path) -> None:
    for rate, variant in (("0.0", "no_dropout"), ("0.5", "dropout")):
        metrics = json.loads((finished / f"metrics/{variant}.json").read_text())
        assert set(metrics) == FROM_THE_PIPELINE
        [run] = [row for row in rows(study) if row["dropout_rate"] == rate]
        assert {name: float(run[name]) for name in metrics} == metrics
        [curve] = [e.curve for e in entries(study) if e.run.dropout_rate == float(rate)]
        with (finished / f"plots/{variant}.csv").open() as file:
            expected = list(csv.DictReader(file))
        assert [{k: float(v) for k, v in row.items()} for row in expected] == curve


def test_metrics_that_the_study_adds_follow_from_the_curve(study: Path) -> None:
    for entry in entries(study):
        metrics, curve = entry.metrics, entry.curve
        assert metrics["best_validation_accuracy"] == max(row["val_accuracy"] for row in curve)
        assert metrics["best_validation_loss"] == min(row["val_loss"] for row in curve)
        assert 0 <= metrics["evaluated_training_accuracy"] <= 1


def test_stored_run_says_what_it_is(study: Path) -> None:
    [entry] = [
        content
        for path in (study / STORE).iterdir()
        for content in [json.loads(path.read_text())]
        if content["run"]["dropout_rate"] == 0.5
    ]
    assert sorted(entry) == [
        "checksum", "conditions", "curve", "data", "metrics", "run", "settings",
    ]  # fmt: skip
    assert entry["conditions"]["device"] == "cpu"
    assert entry["settings"] == {
        "batch_size": 32, "filters": 2, "learning_rate": 0.001,
        "validation_from": "last", "validation_split": 0.2,
    }  # fmt: skip


def test_committed_runs_have_the_names_that_this_code_gives_them(study: Path) -> None:
    """Otherwise `make study` would train all of them again."""
    [here, *_] = [json.loads(path.read_text())["conditions"] for path in (study / STORE).iterdir()]
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


def test_run_that_diverges_is_reported_with_what_to_do_and_not_stored(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "diverging", seeds=[3], rates=[0.5])
    set_parameters(folder, train__learning_rate=1e20)
    done = replicate(folder, "--workers", "1")
    assert done.status == 1
    assert "Traceback" not in done.output, done.output
    [line] = [line for line in done.output.splitlines() if line.startswith("study: failed: ")]
    assert "dropout_rate=0.5, train_samples=96, epochs=2, seed=3): InputError: epoch 1: " in line
    assert line.endswith("; lower train.learning_rate (now 1e+20)")
    assert not (folder / STORE).exists()


def test_wrong_parameter_is_one_line(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "wrong", seeds=[0, -1], rates=[0.0])
    done = replicate(folder)
    assert (done.status, done.output) == (
        1,
        "study: study/params.yaml: seeds.1: expected greater than or equal to 0; found -1\n",
    )


def test_missing_images_are_one_line(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "missing", seeds=[0], rates=[0.0])
    (folder / "data/own/tiny.npz").unlink()
    done = replicate(folder)
    assert (done.status, done.output) == (
        1, "study: data/own/tiny.npz: no such file; check the path\n",
    )  # fmt: skip


class Unable:
    """Stands for a client of a cluster that cannot run this code."""

    def __init__(self, error: Exception, cause: Exception | None) -> None:
        self.error, self.cause = error, cause

    def submit(self, *_: object, **__: object) -> "Unable":
        return self

    def result(self) -> None:
        raise self.error from self.cause


NO_MODULE = ModuleNotFoundError("No module named 'study'")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NO_MODULE, None),  # of a worker
        (RuntimeError("Error during deserialization of\nthe task graph."), NO_MODULE),
    ],
)
def test_cluster_without_this_code_is_one_line(error: Exception, cause: Exception | None) -> None:
    with pytest.raises(InputError) as caught:
        conditions_of(Unable(error, cause))  # type: ignore[arg-type]
    assert str(caught.value) == (
        "expected a scheduler and workers with this code and its packages; found:"
        " ModuleNotFoundError: No module named 'study'; start them in this folder, or with it in"
        " PYTHONPATH"
    )


def test_worker_that_dies_before_it_has_started_is_one_line() -> None:
    error = KilledWorker("conditions", WorkerState.__new__(WorkerState), 3)
    with pytest.raises(InputError) as caught:
        conditions_of(Unable(error, None))  # type: ignore[arg-type]
    assert str(caught.value) == (
        "each worker that trained it died; is there enough memory? 3 GB for each worker is enough"
    )


def test_other_error_of_a_worker_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="a fault of the program"):
        conditions_of(Unable(RuntimeError("a fault of the program"), None))  # type: ignore[arg-type]
