"""What is measured, with stand-ins for what takes long."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bench import parts
from bench.parts import run_idle, run_pair, run_rate
from bench.sitting import PLAIN, Sitting, head_of, raw_images
from experiment.common.errors import InputError
from experiment.presentation.style import LABELS
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "measure_rates", lambda: {"bytes_per_second": 2.0})


def order(sitting: Sitting) -> list[str]:
    return (sitting.clone / "order.log").read_text().splitlines()


def test_pairs_run_in_turn_each_with_another_seed(sitting: Sitting) -> None:
    pairs = [run_pair(sitting, number, torch=False) for number in (1, 2)]
    plain = "bench/plain.py data/images.npz --epochs 2"
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
    assert order(sitting)[-1] == "bench/plain_torch.py data/images.npz --epochs 2"
    assert pair["torch"]["curves"]["dropout"]["val_loss"] == [0.25, 0.75]


def test_missing_pytorch_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    assert not parts.has_torch()
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
    assert [list(found) for found in rounds] == [["dvc_status", "dvc_repro", "make_repro"]] * 2
    assert order(sitting) == ["pipeline seed 0"] * 3  # once to bring it up to date


def test_changed_rate_tells_stages_and_growth_of_the_cache(sitting: Sitting) -> None:
    found = run_rate(sitting)
    assert (found["rate"], found["stages"]) == (0.3, ["train_dropout"])
    assert found["cache_bytes"] == 1000


def test_parameters_of_the_plain_script_are_those_of_params_yaml() -> None:
    content: dict[str, Any] = YAML(typ="safe").load((ROOT / "params.yaml").read_text("utf-8"))
    for section, values in PLAIN.items():
        assert values.keys() <= content[section].keys()


def test_raw_images_are_the_output_of_download(tmp_path: Path) -> None:
    assert raw_images(ROOT).suffix == ".npz"
    (tmp_path / "dvc.yaml").write_text("stages: {download: {outs: [data/raw/a.npz]}}")
    assert raw_images(tmp_path) == Path("data/raw/a.npz")


def test_folder_that_is_no_clone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a clone of this repository"):
        head_of(tmp_path)
