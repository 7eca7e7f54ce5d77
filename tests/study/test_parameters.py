from dataclasses import replace
from pathlib import Path

import pytest

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from study.grid import runs_of
from study.parameters import load_study_parameters
from tests.conftest import ROOT
from tests.study.conftest import make_study, set_study
from tests.study.made_up import ALL, entries

BLOCK = {
    "dataset": "mnist", "dropout_rates": [0.5], "placements": ["dense"], "train_samples": None,
    "epochs": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"seeds": []}, "seeds: expected "),
        ({"seeds": ["0"]}, "seeds.0: expected a valid integer; found '0'"),
        ({"grid": [BLOCK | {"dense_units": [0]}]}, "grid.0.dense_units.0: expected greater than"),
        ({"device": "tpu"}, "device: expected 'cpu' or 'gpu'; found 'tpu'"),
        ({"devices": "cpu"}, "devices: there is no such parameter; did you mean device?"),
        ({"grid": [BLOCK | {"dropout_rates": [1.0]}]}, "grid.0.dropout_rates.0: expected less than 1"),
        ({"grid": [BLOCK | {"placements": ["none"]}]}, "grid.0.placements.0: expected 'dense', "),
        ({"grid": [BLOCK | {"dataset": "mnits"}]}, "grid.0.dataset: expected mnist, fashion_mnist or"),
        ({"grid": [BLOCK | {"epochs": 0}]}, "grid.0.epochs: expected greater than or equal to 1"),
    ],
)  # fmt: skip
def test_wrong_value_is_one_clear_line(
    values: dict[str, object], expected: str, tmp_path: Path
) -> None:
    path = make_study(tmp_path / "study", seeds=[0], rates=[0.5]) / "study/params.yaml"
    set_study(path.parent.parent, **values)
    with pytest.raises(InputError) as caught:
        load_study_parameters(path)
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(caught.value)


def test_committed_grid_has_the_runs_of_every_contrast() -> None:
    study = load_study_parameters(ROOT / "study/params.yaml")
    images = dict.fromkeys(["mnist", "fashion_mnist"], ALL)
    runs = runs_of(study, load_parameters(ROOT / "params.yaml"), images)
    planned = {replace(run, epochs=0) for run in runs}
    assert planned >= {replace(entry.run, epochs=0) for entry in entries()}
