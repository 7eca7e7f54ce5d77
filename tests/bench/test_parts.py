"""Pairs and the other parts, with stand-ins for what takes long."""

import subprocess
from typing import Any

import pytest

from bench import pairs, side_by_side, waiting
from bench.pairs import run_pairs
from bench.sitting import Sitting
from bench.waiting import run_rate, run_stages, run_study
from experiment.common.errors import InputError
from experiment.presentation.style import LABELS
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def _no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "copy_rate", lambda: 2.0)
    monkeypatch.setattr(pairs, "product_rate", lambda: 3.0)


def test_pairs_run_in_turn_each_with_another_seed(sitting: Sitting) -> None:
    saved: list[int] = []
    found: list[dict[str, Any]] = []
    run_pairs(sitting, found, lambda part: saved.append(len(part["pairs"])))
    order = (sitting.clone / "order.log").read_text().splitlines()
    plain = "plain data/raw/images.npz --epochs 2"
    assert order == [plain, "pipeline seed 101", plain, "pipeline seed 102"]
    assert saved == [1, 2]
    assert found[0]["machine"] == {"bytes_per_second": 2.0, "flops_per_second": 3.0}
    assert found[0]["plain"]["curves"]["dropout"]["val_loss"] == [0.25, 0.75]
    assert found[0]["pipeline"]["curves"]["dropout"]["val_loss"] == [0.0625, 1]
    assert found[0]["plain"]["seconds"] > 0


def test_plain_script_names_its_networks_as_they_are_read() -> None:
    text = (ROOT / "bench/plain.py").read_text(encoding="utf-8")
    for label in LABELS.values():
        assert f'("{label}", ' in text


def test_pairs_go_on_where_they_stopped(sitting: Sitting) -> None:
    found: list[dict[str, Any]] = [{"made": "up"}]
    run_pairs(sitting, found, lambda part: None)
    order = (sitting.clone / "order.log").read_text().splitlines()
    assert order[1:] == ["pipeline seed 102"]
    assert found[0] == {"made": "up"}
    assert len(found) == 2


def test_rate_tells_stages_and_disk(sitting: Sitting) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=sitting.clone, check=True)
    found = run_rate(sitting)
    assert found["stages"] == ["train_dropout"]
    assert found["disk"]["dvc"] == 1000
    assert 0 < found["disk"]["git"] < 10_000
    assert "dropout_rate: 0.5" in (sitting.clone / "params.yaml").read_text()


def test_stages_are_those_of_dvc_yaml(sitting: Sitting) -> None:
    assert [stage["name"] for stage in run_stages(sitting)["stages"]] == ["one", "two"]


def test_study_starts_from_no_runs_each_time(
    sitting: Sitting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "measure_loads", lambda rounds: {"product": rounds})
    found = run_study(sitting)
    rates = [{name: row["runs_per_hour"] for name, row in r.items()} for r in found["rounds"]]
    assert rates == [{"1": 60.5, "2": 120.5}] * waiting.STUDY_ROUNDS
    assert (found["epochs"], found["runs"], found["loads"]) == (3, 4, {"product": 2})
    assert "epochs: 3" in (sitting.clone / "study/params.yaml").read_text()


def test_loads_are_measured_in_one_process_and_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "SECONDS", 0.05)
    found = side_by_side.measure_loads(1)
    assert set(found) == set(side_by_side.LOADS)
    assert all(rate > 0 for rounds in found.values() for r in rounds for rate in r.values())


def test_load_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "SECONDS", "long")
    with pytest.raises(InputError, match="expected status 0, found 1: ValueError: could not") as e:
        side_by_side.rate_of_one("product", processes=2)
    assert "\n" not in str(e.value)
