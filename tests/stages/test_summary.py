"""The last screen of `python -m stages`."""

import json
import shutil
import statistics
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
from stages.summary import ROWS, differences_over_seeds, summary
from study.grid import Run
from tests.conftest import ROOT, set_parameters

METRICS = {
    "no_dropout": {"test_accuracy": 0.9872, "test_loss": 0.0749, "accuracy_gap": 0.013},
    "dropout": {"test_accuracy": 0.98754, "test_loss": 0.0529, "accuracy_gap": 0.0067},
}
WITH_STUDY = """\
MNIST, 20 epochs, seed 0; each network trained once

              without Dropout    with Dropout      difference    another seed
test accuracy         98.72 %         98.75 %    +0.03 points    ±0.14 points
test loss              0.0749          0.0529         -0.0220         ±0.0141
accuracy gap           1.30 %          0.67 %    -0.63 points    ±0.28 points

accuracy gap: on training images minus on validation images
another seed: standard deviation of the difference over 2 seeds of the study;
  a difference of less than twice that may have the other sign with another seed

plots/loss.png        loss against the epoch

Try next: another rate (train.dropout_rate) in params.yaml, then `make repro`"""
WITHOUT_STUDY = """\
{}, 20 epochs, seed 0; each network trained once

              without Dropout    with Dropout      difference
test accuracy         98.72 %         98.75 %    +0.03 points
test loss              0.0749          0.0529         -0.0220
accuracy gap           1.30 %          0.67 %    -0.63 points

accuracy gap: on training images minus on validation images
another seed: how much it changes these differences has not been measured

plots/loss.png        loss against the epoch

Try next: another seed (train.seed) in params.yaml, then `make repro`"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of the committed parameters, with a study of two seeds on 48,000 images."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for name in ("metrics", "plots", "data/processed", "study/runs"):
        (tmp_path / name).mkdir(parents=True)
    Path("plots/loss.png").touch()
    np.savez("data/processed/train.npz", labels=np.zeros(48_000, np.uint8))
    settings = {"filters": 32, "validation_from": "last"}
    for variant, metrics in METRICS.items():
        Path(f"metrics/{variant}.json").write_text(json.dumps(metrics))
        rate, place = (0.5, "dense") if variant == "dropout" else (0.0, "none")
        # Two seeds of both networks, a third of one; the second seed is better with Dropout.
        for seed in range(2 if variant == "dropout" else 3):
            more = seed * (variant == "dropout")
            found = {
                "test_accuracy": 0.002 * more,
                "test_loss": -0.02 * more,
                "accuracy_gap": -0.004 * more,
            }
            run = asdict(Run("mnist", place, rate, 48_000, 128, 20, seed))  # type: ignore[arg-type]
            content = {"run": run, "settings": settings, "metrics": found}
            Path(f"study/runs/{variant}{seed}.json").write_text(json.dumps(content))
    return tmp_path


def test_differences_are_beside_what_another_seed_makes_of_them(folder: Path) -> None:
    assert summary(load_parameters()) == WITH_STUDY


@pytest.mark.parametrize(
    "change",
    [
        {"train__dropout_rate": 0.4},
        {"model__filters": 16},
        {"data__dataset": "fashion_mnist"},
        {"data__dataset": f"data/own/{'long' * 20}.npz"},
        {},
    ],
)
def test_other_parameters_or_images_have_no_noise_of_the_studys(
    change: dict[str, object], folder: Path
) -> None:
    set_parameters(folder, **change)
    if not change:
        np.savez("data/processed/train.npz", labels=np.zeros(47_999, np.uint8))
    name = {"fashion_mnist": "Fashion-MNIST", "": "MNIST"}.get(str(change.get("data__dataset", "")))
    shown = summary(load_parameters())
    assert shown == WITHOUT_STUDY.format(name or f"...ong{'long' * 5}.npz")
    assert max(map(len, f"{shown}\n{WITH_STUDY}".splitlines())) <= 80


@pytest.mark.parametrize("label", ["after the pooling", "Dropout, rate 0.2, after the pooling"])
def test_long_label_keeps_its_column(
    label: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS, "dropout", replace(VARIANTS["dropout"], label=label))
    header, row = summary(load_parameters()).splitlines()[2:4]
    assert f"without Dropout  {label}  " in header
    assert len(header) == len(row)
    assert row[: header.index(label) + len(label)].endswith(" 98.75 %")


@pytest.mark.parametrize("content", [b"", b'{"run": {}}'])
def test_broken_study_hides_no_results(content: bytes, folder: Path) -> None:
    Path("study/runs/dropout0.json").write_bytes(content)
    assert summary(load_parameters()) == WITHOUT_STUDY.format("MNIST")


def test_committed_study_is_read(folder: Path) -> None:
    shutil.rmtree("study/runs")
    shutil.copytree(ROOT / "study/runs", "study/runs")
    found = differences_over_seeds(load_parameters(), "no_dropout", "dropout")
    runs = pd.read_csv(ROOT / "metrics/study_runs.csv").query(
        "dataset == 'mnist' and train_samples == 48000 and epochs == 20"
        " and placement in ('none', 'dense') and dropout_rate in (0.0, 0.5)"
    )
    assert len(found) > 1
    for key in ROWS:
        by_seed = runs.pivot_table(key, "seed", "dropout_rate").dropna()
        expected = by_seed[0.5] - by_seed[0.0]
        assert [each[key] for each in found] == pytest.approx(expected.tolist())
        assert statistics.stdev(each[key] for each in found) > 0
