import re
from pathlib import Path

import pytest

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from tests.conftest import ROOT

RIGHT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def test_committed_parameters() -> None:
    """They are right, and each has a comment."""
    load_parameters(ROOT / "params.yaml")
    assert all("# " in line for line in RIGHT.splitlines() if line.startswith("  "))


def change(old: str, new: str) -> str:
    """Return params.yaml, whatever its values are, with what a pattern matches replaced."""
    text, count = re.subn(old, new, RIGHT, count=1)
    assert count == 1
    return text


# The start of the message, without the name of the file -> the content; one of each kind.
WRONG: dict[str, str | bytes | None] = {
    ": train.epochs: expected a valid integer; found '20'": change(r"epochs: \S+", "epochs: '20'"),
    ": train.dropout_rate: expected a finite number; found nan": change(r"dropout_rate: \S+", "dropout_rate: .nan"),
    ": train.epochs: expected a value; found none; add": change(r"  epochs: \S+", "  #"),
    ": train.droput_rate: there is no such parameter; did you mean train.dropout_rate? (and 1 more)":
        change("dropout_rate", "droput_rate"),
    ": model.epochs: there is no such parameter; did you mean train.epochs?":
        change("model:", "model:\n  epochs: 3"),
    ": model.zzzz: there is no such parameter; remove it": change("model:", "model:\n  zzzz: 3"),
    ": data: expected a valid dictionary": change(r"data:\n  dataset: \S+", "data: 3\n"),
    ": expected the sections data, preprocess, model, train; found NoneType": "",
    ", line 1: expected YAML, but ": "train: {epochs: 3",
    ": expected YAML, but 'utf-8' codec can't decode byte 0xff": b"a: \xff\n",
    ": expected YAML, but maximum recursion depth": "[" * 1000,
    ": no such file; run this at the top of the repository": None,
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_wrong_file(message: str, tmp_path: Path) -> None:
    """One line says what is wrong."""
    content, path = WRONG[message], tmp_path / "params.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        load_parameters(path)
    assert str(error.value).startswith(f"{path}{message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "outside",
    ["validation_split: 0.0", "validation_split: 1.0", "train_samples: 0", "filters: 0",
     "dense_units: 0", "epochs: 0", "dropout_rate: -0.1", "dropout_rate: 1.0", "batch_size: 0",
     "learning_rate: 0.0", "seed: -1", "seed: 2147483648", "threads: 0", "threads: 1025"],
)  # fmt: skip
def test_limits(outside: str, tmp_path: Path) -> None:
    name, _, value = outside.partition(": ")
    path, text = tmp_path / "params.yaml", re.sub(rf"{name}: \S+", outside, RIGHT)
    path.write_text(text)
    with pytest.raises(
        InputError, match=rf"\.{name}: expected (greater|less) than .*; found {value}$"
    ):
        load_parameters(path)


def test_least_and_greatest_numbers(tmp_path: Path) -> None:
    """They are read as DVC reads them, by YAML 1.2, and stay as they are."""
    lines = ["train_samples: 1", "filters: 1", "dense_units: 1", "epochs: 1", "dropout_rate: 0"]
    lines += ["batch_size: 1", "learning_rate: 1e-3", "seed: 2147483647", "threads: 1024"]
    path, text = tmp_path / "params.yaml", RIGHT
    for line in lines:
        text = re.sub(rf"{line.split()[0]} \S+", line, text)
    path.write_text(text)
    params = load_parameters(path)
    found = {name: value for _, section in params for name, value in section}
    assert found.items() >= {line.split(": ")[0]: float(line.split()[1]) for line in lines}.items()
    with pytest.raises(ValueError, match="frozen"):
        params.train.epochs = 2
