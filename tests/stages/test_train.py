import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from experiment.files import write_arrays
from experiment.network.checkpoint import State
from experiment.npz import read_arrays
from experiment.splits import Split
from experiment.support.errors import InputError
from stages import train as stage
from tests.conftest import ROOT, set_parameters
from tests.experiment.networks import keras, parts, training
from tests.stages.programs import message_of

CHECKPOINT = Path(".checkpoints/dropout.npz")
CURVE = "plots/dropout.csv"
RESULTS = (
    "metrics/dropout.environment.json", "metrics/dropout.json",
    "metrics/dropout.predictions.csv", "models/dropout.keras", CURVE,
)  # fmt: skip


def results() -> dict[str, bytes]:
    """Of the current folder, by path."""
    return {name: Path(name).read_bytes() for name in RESULTS if Path(name).exists()}


def diverging_at(evaluation: int, value: float, patch: pytest.MonkeyPatch) -> None:
    """Makes the loss of one evaluation, from 1, another: of validation, or, after it, of test."""
    evaluate, done = training.Evaluation.__call__, []

    def diverging(self: training.Evaluation, split: Split) -> dict[str, float]:
        done.append(split)
        found: dict[str, float] = evaluate(self, split)
        return found | ({"loss": value} if len(done) == evaluation else {})

    patch.setattr(training.Evaluation, "__call__", diverging)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder with a training that stopped after two of three epochs; results of a whole one."""
    folder = tmp_path_factory.mktemp("train")
    shutil.copy(ROOT / "params.yaml", folder)
    set_parameters(
        folder, train__epochs=3, train__dropout_rate=0.5, model__filters=2, model__dense_units=8
    )
    for name, split in parts().items():
        arrays = {key: np.asarray(value) for key, value in asdict(split).items()}
        write_arrays(folder / f"data/processed/{name}.npz", arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage.run("dropout")
        right = results()
        assert not CHECKPOINT.exists()
        for name in right:
            Path(name).unlink()
        diverging_at(3, np.nan, patch)
        with pytest.raises(InputError, match=r"^epoch 3: expected a finite val_loss; found nan"):
            stage.run("dropout")
        # The epochs that it did, for who looks at what went wrong.
        assert results() == {CURVE: b"".join(right[CURVE].splitlines(keepends=True)[:3])}
    return folder, right


@pytest.fixture
def right(
    prepared: tuple[Path, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """The results of a whole training; the current folder is one where a training stopped."""
    shutil.copytree(prepared[0], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return prepared[1]


def test_metrics(prepared: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    """They are of the network in the file, on the images that they name, and of its predictions."""
    _, right = prepared
    (tmp_path / "model.keras").write_bytes(right["models/dropout.keras"])
    evaluate = training.Evaluation(keras.saving.load_model(tmp_path / "model.keras"))
    metrics = json.loads(right["metrics/dropout.json"])
    names = {"evaluated_training": "train", "validation": "validation", "test": "test"}
    for name, part in names.items():
        found = {"accuracy": metrics[f"{name}_accuracy"], "loss": metrics[f"{name}_loss"]}
        assert found == pytest.approx(evaluate(parts()[part]), rel=1e-6)
    _, *rows = right["metrics/dropout.predictions.csv"].decode().splitlines()
    assert [int(row[0]) for row in rows] == np.asarray(parts()["test"].labels).tolist()
    hits = sum(row[0] == row[2] for row in rows)
    assert hits == round(metrics["test_accuracy"] * len(rows)) < len(rows)
    assert json.loads(right["metrics/dropout.environment.json"])["threads"] == "1"


def invert(part: str) -> None:
    path = Path(f"data/processed/{part}.npz")
    arrays = read_arrays(path, ("images", "labels", "classes"))
    write_arrays(path, arrays | {"images": 255 - arrays["images"]})


OTHERS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "train": lambda patch: invert("train"),
    "validation": lambda patch: invert("validation"),
    "epochs": lambda patch: set_parameters(Path.cwd(), train__epochs=4),
    "rate": lambda patch: set_parameters(Path.cwd(), train__dropout_rate=0.25),
    "numerics": lambda patch: patch.setattr(stage, "NUMERICS", "another"),
    "environment": lambda patch: patch.setattr(stage, "describe_environment", lambda **_: {"a": 1}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_checkpoint_of_another_training(
    other: str,
    right: dict[str, bytes], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def train_epochs(*args: object, state: State, **settings: object) -> None:
        raise InputError(f"{len(state.curve)} epochs are done")

    OTHERS[other](monkeypatch)
    monkeypatch.setattr(training, "train_epochs", train_epochs)
    with pytest.raises(InputError, match="0 epochs are done"):
        stage.run("dropout")
    said = capsys.readouterr().err
    assert said.startswith(f"dropout  not resumed: {CHECKPOINT} is of other parameters, data or")


def test_test_loss_that_is_not_finite(
    right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, and the next try, which is right, does no epoch again."""
    with monkeypatch.context() as patch:
        diverging_at(3, np.inf, patch)
        with pytest.raises(
            InputError, match=r"^after the last epoch: expected a finite test_loss; found inf"
        ):
            stage.run("dropout")
    assert results() == {CURVE: right[CURVE]}
    stage.run("dropout")
    assert results() == right
    # Another training, which diverges: the results stay as they were.
    set_parameters(Path.cwd(), train__learning_rate=1e20)
    with pytest.raises(InputError, match=r"^epoch 1: .* lower train.learning_rate \(now 1e\+20\)$"):
        stage.run("dropout")
    assert results() == right
    assert list(Path("models").iterdir()) == [Path("models/dropout.keras")]


def test_bad_input(in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, before TensorFlow is imported."""
    monkeypatch.delattr(stage, "starting_tensorflow")
    assert message_of(stage.main, "dropout").startswith(
        "train dropout: data/processed/train.npz: expected an .npz file; found no such file"
    )
