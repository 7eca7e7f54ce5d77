from pathlib import Path

import pytest

from experiment.common.errors import InputError
from study.grid import runs_of
from study.parameters import load_study_parameters
from tests.conftest import ROOT
from tests.study.conftest import make_study, set_study
from tests.study.textbook import ALL
from tests.study.textbook import runs as made_runs

BLOCK = {
    "dataset": "mnist", "dropout_rates": [0.5], "placements": ["dense"], "train_samples": None,
    "epochs": None,
}  # fmt: skip
STATISTICS = {
    "primary_metric": "test_accuracy", "confidence_level": 0.95, "resamples": 999, "seed": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"seeds": []}, "seeds: expected "),
        ({"seeds": ["0"]}, "seeds.0: expected a valid integer; found '0'"),
        ({"device": "tpu"}, "device: expected 'cpu' or 'gpu'; found 'tpu'"),
        ({"devices": "cpu"}, "devices: there is no such parameter; did you mean device?"),
        ({"grid": [BLOCK | {"dropout_rates": [1.0]}]}, "grid.0.dropout_rates.0: expected less than 1"),
        ({"grid": [BLOCK | {"placements": ["none"]}]}, "grid.0.placements.0: expected 'dense', "),
        ({"grid": [BLOCK | {"dataset": "mnits"}]}, "grid.0.dataset: expected mnist, fashion_mnist or"),
        ({"grid": [BLOCK | {"epochs": 0}]}, "grid.0.epochs: expected greater than or equal to 1"),
        ({"statistics": STATISTICS | {"confidence_level": 95}}, "statistics.confidence_level: expected"),
        ({"statistics": STATISTICS | {"primary_metric": "loss"}}, "statistics.primary_metric: expected"),
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


def test_committed_grid_answers_every_claim() -> None:
    """It has the settings with which the tests of the claims are made, five seeds or more."""
    study = load_study_parameters(ROOT / "study/params.yaml")
    images = dict.fromkeys(["mnist", "fashion_mnist"], ALL)

    def settings(runs: list) -> set[tuple[object, ...]]:  # type: ignore[type-arg]
        return {(r.dataset, r.placement, r.dropout_rate, r.train_samples) for r in runs}

    committed = settings(
        runs_of(study.grid, study.seeds, images=images, dense_units=128, epochs=20)
    )
    assert committed >= settings(made_runs())
    assert len(set(study.seeds)) >= 5
