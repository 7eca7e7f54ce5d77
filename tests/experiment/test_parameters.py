import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from tests.conftest import ROOT

RIGHT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def message_for(folder: Path, text: str | bytes) -> str:
    path = folder / "params.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="replace"))
    with pytest.raises(InputError) as error:
        load_parameters(path)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path}")


def test_committed_parameters() -> None:
    assert load_parameters(ROOT / "params.yaml").model_dump() == {
        "data": {"dataset": "mnist"},
        "preprocess": {"validation_split": 0.2, "validation_from": "last", "train_samples": None},
        "model": {"filters": 32, "dense_units": 128},
        "train": {
            "epochs": 20, "dropout_rate": 0.5, "batch_size": 32, "learning_rate": 0.001, "seed": 0,
            "threads": 1, "instructions": "avx2",
        },
    }  # fmt: skip
    assert all("# " in line for line in RIGHT.splitlines() if line.startswith("  "))


# Text in the right file, by what it is replaced, the message: one of each kind.
WRONG = {
    "range": ("dropout_rate: 0.5", "dropout_rate: 1", "train.dropout_rate: expected less than 1; found 1"),
    "type": ("epochs: 20", "epochs: '20'", "train.epochs: expected a valid integer; found '20'"),
    "NaN": ("dropout_rate: 0.5", "dropout_rate: .nan", "train.dropout_rate: expected a finite number; found nan"),
    "choice": ("instructions: avx2", "instructions: avx", "train.instructions: expected 'avx2' or 'native'; found 'avx'"),
    "missing": ("  epochs: 20", "  #", "train.epochs: expected a value; found none; add the line back"),
    "misspelt": ("dropout_rate", "droput_rate", "train.droput_rate: there is no such parameter; did you mean train.dropout_rate? (and 1 more)"),
    "section misspelt": ("train:", "training:", "training: there is no such parameter; did you mean train? (and 1 more)"),
    "wrong section": ("model:", "model:\n  epochs: 3", "model.epochs: there is no such parameter; did you mean train.epochs?"),
    "nothing like it": ("model:", "model:\n  zzzz: 3", "model.zzzz: there is no such parameter; remove it"),
    "no section": ("data:\n  dataset: mnist", "data: 3\n", "data: expected a valid dictionary or instance of DataParameters; found 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_value(case: str, tmp_path: Path) -> None:
    old, new, message = WRONG[case]
    assert old in RIGHT
    assert message_for(tmp_path, RIGHT.replace(old, new, 1)) == f": {message}"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", ": expected the sections data, preprocess, model, train; found NoneType"),
        ("train: {epochs: 3", ", line 1: expected YAML, but "),
        (b"a: \xff\n", ": expected YAML, but 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_file_that_is_no_mapping(text: str | bytes, start: str, tmp_path: Path) -> None:
    assert message_for(tmp_path, text).startswith(start)
    with pytest.raises(InputError, match="no such file; run this at the top of the repository"):
        load_parameters(tmp_path / "none.yaml")


def test_numbers_are_yaml_1_2_as_dvc_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(RIGHT.replace("0.001", "1e-3").replace("dropout_rate: 0.5", "dropout_rate: 0"))
    train = load_parameters(path).train
    assert (train.learning_rate, train.dropout_rate) == (0.001, 0)


@settings(deadline=None, max_examples=50)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_any_file_is_refused_in_one_line(text: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        message_for(Path(folder), text)
