"""What is measured, with stand-ins for what takes long."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bench import sitting as module
from bench.__main__ import conditions_of
from bench.sitting import IMAGES, PLAIN, Sitting, run_idle, run_pair, run_rate
from experiment.common.errors import InputError
from experiment.presentation.style import LABELS
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measure_rates", lambda: {"bytes_per_second": 2.0})


def order(sitting: Sitting) -> list[str]:
    return (sitting.clone / "order.log").read_text().splitlines()


def test_pairs_run_in_turn_each_with_another_seed(sitting: Sitting) -> None:
    pairs = [run_pair(sitting, number, torch=False) for number in (1, 2)]
    plain = "bench/plain.py data/raw/images.npz --epochs 2"
    assert order(sitting) == [plain, "pipeline seed 101", plain, "pipeline seed 102"]
    assert pairs[0]["machine"] == {"bytes_per_second": 2.0}
    assert pairs[0]["plain"]["curves"]["dropout"] == {
        "val_accuracy": [0.25, 0.75], "val_loss": [0.25, 0.75],
    }  # fmt: skip
    assert pairs[0]["pipeline"]["curves"]["no_dropout"]["val_loss"] == [0.0625, 1]
    assert pairs[0]["plain"]["seconds"] > 0
    assert "torch" not in pairs[0]


def test_pytorch_runs_beside_the_pair(sitting: Sitting) -> None:
    pair = run_pair(sitting, 1, torch=True)
    assert order(sitting)[-1] == "bench/plain_torch.py data/raw/images.npz --epochs 2"
    assert pair["torch"]["curves"]["dropout"]["val_loss"] == [0.25, 0.75]


def test_missing_pytorch_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert not module.has_torch()
    assert capsys.readouterr().out == (
        "bench: PyTorch is not installed: bench/plain_torch.py is skipped\n"
    )


@pytest.mark.parametrize("name", ["plain.py", "plain_torch.py"])
def test_scripts_name_their_networks_as_they_are_read(name: str) -> None:
    text = (ROOT / "bench" / name).read_text(encoding="utf-8")
    for label in LABELS.values():
        assert f'("{label}", ' in text


def test_each_command_with_nothing_to_do_is_measured_in_each_round(sitting: Sitting) -> None:
    rounds = run_idle(sitting, 2)
    assert [list(found) for found in rounds] == [["dvc status", "dvc repro", "make repro"]] * 2
    assert order(sitting) == ["pipeline seed 0"] * 3  # once to bring it up to date


def test_changed_rate_tells_stages_and_growth_of_the_cache(sitting: Sitting) -> None:
    found = run_rate(sitting)
    assert (found["rate"], found["stages"]) == (0.3, ["train_dropout"])
    assert found["cache_bytes"] == 1000


def test_parameters_of_the_plain_script_are_those_of_params_yaml() -> None:
    content: dict[str, Any] = YAML(typ="safe").load((ROOT / "params.yaml").read_text("utf-8"))
    for section, values in PLAIN.items():
        assert values.keys() <= content[section].keys()


def test_raw_images_are_an_output_of_the_pipeline() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert str(IMAGES) in stages["download"]["outs"][0]


def test_folder_that_is_no_clone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a clone of this repository; found git status"):
        conditions_of(tmp_path, 2)


def test_code_that_is_not_committed_is_refused(tmp_path: Path) -> None:
    for command in ("init -q", "-c user.name=a -c user.email=a commit -qm a --allow-empty"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    assert len(conditions_of(tmp_path, 2)["revision"]) == 40
    (tmp_path / "new.py").touch()
    with pytest.raises(InputError, match="expected all code committed"):
        conditions_of(tmp_path, 2)
