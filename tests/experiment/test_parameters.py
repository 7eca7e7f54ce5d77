import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from tests.conftest import ROOT

RIGHT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def message_for(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as error:
        load_parameters(path)
    message = str(error.value).replace(str(path), "params.yaml")
    assert "\n" not in message
    return message


def test_committed_parameters_are_those_of_the_experiment() -> None:
    assert load_parameters(ROOT / "params.yaml").model_dump() == {
        "data": {"dataset": "mnist"},
        "preprocess": {"validation_split": 0.2, "validation_from": "last", "train_samples": None},
        "model": {"filters": 32, "dense_units": 128},
        "train": {
            "epochs": 20,
            "dropout_rate": 0.5,
            "batch_size": 32,
            "learning_rate": 0.001,
            "seed": 0,
            "threads": 1,
        },
    }


def test_every_parameter_has_a_line_with_a_comment() -> None:
    lines = [line.partition("# ") for line in RIGHT.splitlines() if line.startswith("  ")]
    sections = load_parameters(ROOT / "params.yaml").model_dump().values()
    assert [line[0].split(":")[0].strip() for line in lines] == [key for s in sections for key in s]
    assert all(comment for _, _, comment in lines)


# What is wrong -> (text to replace in the right file, by what, message)
WRONG = {
    "rate 1": ("dropout_rate: 0.5", "dropout_rate: 1", "train.dropout_rate: expected less than 1; found 1"),
    "rate with a comma": ("dropout_rate: 0.5", "dropout_rate: 0,5", "train.dropout_rate: expected a valid number; found '0,5'"),
    "rate NaN": ("dropout_rate: 0.5", "dropout_rate: .nan", "train.dropout_rate: expected a finite number; found nan"),
    "rate missing": ("dropout_rate: 0.5", "", "train.dropout_rate: expected a value, found none; add the line back"),
    "rate misspelt": ("dropout_rate", "droput_rate", "train.droput_rate: there is no such parameter; did you mean train.dropout_rate?"),
    "epochs 0": ("epochs: 20", "epochs: 0", "train.epochs: expected greater than or equal to 1; found 0"),
    "epochs quoted": ("epochs: 20", "epochs: '20'", "train.epochs: expected a valid integer; found '20'"),
    "batch size 0": ("batch_size: 32", "batch_size: 0", "train.batch_size: expected greater than or equal to 1; found 0"),
    "learning rate 0": ("learning_rate: 0.001", "learning_rate: 0", "train.learning_rate: expected greater than 0; found 0"),
    "seed negative": ("seed: 0", "seed: -1", "train.seed: expected greater than or equal to 0; found -1"),
    "seed too large": ("seed: 0", "seed: 2147483648", "train.seed: expected less than 2147483648; found 2147483648"),
    "threads 0": ("threads: 1", "threads: 0", "train.threads: expected greater than or equal to 1; found 0"),
    "filters 0": ("filters: 32", "filters: 0", "model.filters: expected greater than or equal to 1; found 0"),
    "dense units 0": ("dense_units: 128", "dense_units: 0", "model.dense_units: expected greater than or equal to 1; found 0"),
    "split 0": ("validation_split: 0.2", "validation_split: 0", "preprocess.validation_split: expected greater than 0; found 0"),
    "split 1": ("validation_split: 0.2", "validation_split: 1", "preprocess.validation_split: expected less than 1; found 1"),
    "validation first": ("validation_from: last", "validation_from: first", "preprocess.validation_from: expected 'last', 'shuffled' or 'stratified'; found 'first'"),
    "samples 0": ("train_samples: null", "train_samples: 0", "preprocess.train_samples: expected greater than or equal to 1; found 0"),
    "section misspelt": ("train:", "training:", "training: there is no such parameter; did you mean train?"),
    "wrong section": ("model:", "model:\n  epochs: 3", "model.epochs: there is no such parameter; did you mean train.epochs?"),
    "nothing like it": ("model:", "model:\n  zzzz: 3", "model.zzzz: there is no such parameter; remove it"),
    "section a number": ("data:\n  dataset: mnist", "data: 3\n", "data: expected a valid dictionary or instance of DataParameters; found 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_value_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    old, new, message = WRONG[case]
    assert RIGHT.count(old) >= 1
    text = RIGHT.replace(old, new, 1)
    if case == "rate missing":
        text = "\n".join(line for line in RIGHT.splitlines() if "dropout_rate" not in line)
    assert message_for(tmp_path, text) == f"params.yaml: {message}"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "params.yaml: expected the sections data, preprocess, model, train; found nothing"),
        ("- 1\n", "params.yaml: expected the sections data, preprocess, model, train; found list"),
        ("train: {epochs: 3", "params.yaml, line 1: expected YAML, but "),
        ("a:\n\tb: 1\n", "params.yaml, line 2: expected YAML, but "),
        ("a: 1\na: 2\n", "params.yaml, line 2: expected YAML, but found duplicate key"),
        (b"a: \xff\n", "params.yaml: expected UTF-8 text; byte 3 is not"),
        ("a: \x00\n", "params.yaml: expected YAML, but "),
    ],
)
def test_file_that_is_no_mapping_is_refused(text: str | bytes, start: str, tmp_path: Path) -> None:
    assert message_for(tmp_path, text).startswith(start)


def test_missing_file_is_refused_and_several_problems_are_counted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; run this at the top of the repository"):
        load_parameters(tmp_path / "params.yaml")
    text = RIGHT.replace("epochs: 20", "epochs: 0").replace("seed: 0", "seed: -1")
    assert message_for(tmp_path, text).endswith("found 0 (and 1 more)")


def test_numbers_are_yaml_1_2_as_dvc_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(RIGHT.replace("0.001", "1e-3").replace("dropout_rate: 0.5", "dropout_rate: 0"))
    train = load_parameters(path).train
    assert (train.learning_rate, train.dropout_rate) == (0.001, 0)


@settings(deadline=None, max_examples=50)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_any_file_is_read_or_refused_in_one_line(text: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_bytes(text.encode(errors="replace") if isinstance(text, str) else text)
        with pytest.raises(InputError) as error:
            load_parameters(path)
    assert "\n" not in str(error.value)
