"""Tables for programs, on made-up runs."""

import json

import pytest

from experiment.parameters import load_parameters
from study.contrasts import judge_all
from study.store import Entry
from study.summarise import bands, differences, noise, verdicts
from study.table import table_of
from tests.conftest import ROOT
from tests.study.made_up import entries

PARAMS = load_parameters(ROOT / "params.yaml")
RUNS = entries(seeds=range(5, 13))
TABLE = table_of(RUNS)


@pytest.mark.parametrize(
    ("dataset", "rate", "expected"),
    [
        ("fashion_mnist", 0.5, ["seeds", "metrics/dropout.json", "metrics/no_dropout.json"]),
        ("mnist", 0.45, ["seeds", "metrics/no_dropout.json"]),
        ("data/own.npz", 0.5, ["seeds"]),
    ],
)
def test_noise_is_of_what_params_yaml_names(dataset: str, rate: float, expected: list[str]) -> None:
    params = PARAMS.model_copy(
        update={
            "data": PARAMS.data.model_copy(update={"dataset": dataset}),
            "train": PARAMS.train.model_copy(update={"dropout_rate": rate}),
        }
    )
    assert list(noise(TABLE, params)) == expected


def test_noise_is_over_all_seeds_of_the_metrics_that_all_runs_have() -> None:
    """Not of `best_epoch_test_accuracy`, which is there of the fresh seeds alone."""
    found = noise(TABLE, PARAMS)
    assert found["seeds"] == 8
    metrics = {*RUNS[0].metrics, "last_five_training_accuracy", "last_five_validation_accuracy"}
    assert found["metrics/dropout.json"].keys() == metrics


def test_bands_need_two_seeds() -> None:
    assert bands(e for e in RUNS if e.run.seed == 5).empty


def test_verdicts_are_numbers_and_words_that_json_has() -> None:
    content = json.loads(json.dumps(verdicts(judge_all(TABLE)), allow_nan=False))
    assert content["claims"]["C5"] == {
        "claim": "Dropout improves accuracy on unseen data.", "contrasts": ["P1", "P2"],
        "verdict": "not yet",
    }  # fmt: skip
    first = content["contrasts"]["P1"]
    assert (first["runs"], first["runs_planned"], first["fresh_seeds"]) == (6, 16, None)
    assert first["all_seeds"]["seeds"] == 8


def test_run_that_one_side_lacks_is_no_difference() -> None:
    def only(entry: Entry) -> bool:
        return entry.run.seed == (6 if entry.run.dropout_rate else 5)

    assert differences(table_of([*filter(only, RUNS)])) == {}
