"""What is measured, with stand-ins for what takes long."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bench import sitting
from bench.__main__ import conditions_of
from bench.sitting import IMAGES, PLAIN, run_idle, run_pair, run_rate
from experiment.style import LABELS
from experiment.support.errors import InputError
from tests.conftest import ROOT


def order(clone: Path) -> list[str]:
    return (clone / "order.log").read_text().splitlines()


def test_pairs_run_in_turn_each_with_another_seed(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitting, "measure_rates", lambda: {"bytes_per_second": 2.0})
    first, second = (run_pair(clone, 2, number, torch=number == 2) for number in (1, 2))
    script = "bench/{}.py data/raw/images.npz --epochs 2".format
    assert order(clone) == [
        script("plain"), "pipeline seed 101", script("plain"), "pipeline seed 102",
        script("plain_torch"),
    ]  # fmt: skip
    assert first["machine"] == {"bytes_per_second": 2.0}
    assert "torch" not in first
    of_script = {"val_accuracy": [0.25, 0.75], "val_loss": [0.25, 0.75]}
    assert second["plain"]["curves"]["dropout"] == of_script
    assert second["torch"]["curves"]["dropout"] == of_script
    assert second["pipeline"]["curves"]["no_dropout"]["val_loss"] == [0.0625, 1]
    assert second["plain"]["seconds"] > 0


@pytest.mark.parametrize("name", ["plain.py", "plain_torch.py"])
def test_scripts_name_their_networks_as_they_are_read(name: str) -> None:
    text = (ROOT / "bench" / name).read_text(encoding="utf-8")
    assert all(f'("{label}", ' in text for label in LABELS.values())


def test_nothing_to_do_is_measured_in_turn_then_a_changed_rate(clone: Path) -> None:
    rounds = run_idle(clone, 2)
    assert [list(found) for found in rounds] == [["dvc status", "dvc repro", "make repro"]] * 2
    assert order(clone) == ["pipeline seed 0"] * 2
    found = run_rate(clone)
    assert (found["rate"], found["stages"]) == (0.3, ["train_dropout"])
    assert found["cache_bytes"] == 1000


def test_parameters_and_images_are_those_of_the_pipeline() -> None:
    parameters: dict[str, Any] = YAML(typ="safe").load((ROOT / "params.yaml").read_text("utf-8"))
    assert all(values.keys() <= parameters[section].keys() for section, values in PLAIN.items())
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert str(IMAGES) in stages["download"]["outs"][0]


def test_only_a_clone_with_all_code_committed_is_measured(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a clone of this repository; found git status"):
        conditions_of(tmp_path, 2)
    for command in ("init -q", "-c user.name=a -c user.email=a commit -qm a --allow-empty"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    assert len(conditions_of(tmp_path, 2)["revision"]) == 40
    (tmp_path / "new.py").touch()
    with pytest.raises(InputError, match="expected all code committed"):
        conditions_of(tmp_path, 2)
