"""The last screen of `python -m stages`."""

import json
import shutil
from pathlib import Path
from statistics import stdev
from typing import Any

import numpy as np
import pytest

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS, Variant
from gate.runs import LEAST_RUNS
from stages.summary import GATE_NEEDS, format_summary
from study.runs import load_runs, setting_of
from tests.conftest import ROOT, set_parameters

METRICS = {
    "no_dropout": {
        "test_accuracy": 0.9872, "test_loss": 0.0749, "evaluated_training_accuracy": 0.9996,
        "validation_accuracy": 0.9857, "last_five_validation_accuracy": 0.9854,
    },
    "dropout": {
        "test_accuracy": 0.98754, "test_loss": 0.0529, "evaluated_training_accuracy": 0.9997,
        "validation_accuracy": 0.9880, "last_five_validation_accuracy": 0.5,
    },
}  # fmt: skip
SCREEN = """\
MNIST, 20 epochs, seed 0; each network trained once

                without Dropout   with Dropout     difference   another seed
test accuracy           98.72 %        98.75 %   +0.03 points   ±{:.2f} points
test loss                0.0749         0.0529        -0.0220        ±{:.4f}
overfitting              1.39 %         1.17 %   -0.22 points   ±{:.2f} points

overfitting: accuracy on training images, all units on, minus validation images
another seed: standard deviation of the difference over {} seeds;
  a difference smaller than twice this could change sign with another seed
among other seeds, by validation accuracy, the mean of the last five epochs:
  without Dropout: an ordinary run: {} of {} seeds ended lower
  with Dropout: an unusual run: 0 of {} seeds ended lower
instructions: avx2, for the same bits on other x86-64 processors

plots/loss.png        loss against the epoch

Try next: another rate (train.dropout_rate) in params.yaml, then `make repro`"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of the committed parameters, and the committed runs."""
    monkeypatch.chdir(tmp_path)
    for name in VARIANTS.keys() - METRICS.keys():
        monkeypatch.delitem(VARIANTS, name)
    for name in ("params.yaml", "data/mnist", "study/runs.jsonl"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    for name in ("metrics", "plots", "data/processed"):
        Path(name).mkdir()
    Path("plots/loss.png").touch()
    np.savez("data/processed/train.npz", labels=np.zeros(48_000, np.uint8))
    for variant, metrics in METRICS.items():
        Path(f"metrics/{variant}.json").write_text(json.dumps(metrics))
    return tmp_path


def test_committed_runs(folder: Path) -> None:
    """Recomputed from the file of runs by other code; the same figures twice are no result."""
    common = {"dataset": "mnist", "dense_units": 128, "epochs": 20, "train_samples": 48_000}
    found: dict[Any, dict[int, list[float]]] = {("none", 0.0): {}, ("dense", 0.5): {}}
    for run in map(json.loads, Path("study/runs.jsonl").read_text().splitlines()):
        of_run, metrics = run["run"], run["metrics"]
        place = of_run["placement"], of_run["dropout_rate"]
        if of_run.items() >= common.items() and place in found:
            gap = metrics["evaluated_training_accuracy"] - metrics["validation_accuracy"]
            end = float(np.mean(run["curve"]["val_accuracy"][-5:]))
            accuracy, loss = metrics["test_accuracy"], metrics["test_loss"]
            found[place][of_run["seed"]] = [100 * accuracy, loss, 100 * gap, end]
    first, second = found.values()
    seeds = first.keys() & second.keys()
    noise = [stdev(second[seed][at] - first[seed][at] for seed in seeds) for at in range(3)]
    others = [len(runs.keys() - {0}) for runs in found.values()]
    lower = sum(run[3] < 0.9854 for seed, run in first.items() if seed != 0)
    expected = SCREEN.format(*noise, len(seeds), lower, *others)
    assert format_summary(load_parameters()) == expected
    assert max(map(len, expected.splitlines())) <= 80
    shutil.copy("metrics/no_dropout.json", "metrics/dropout.json")
    same = "with Dropout: the same bits as without Dropout; train.dropout_rate is 0"
    assert same in format_summary(load_parameters()).splitlines()


@pytest.mark.parametrize(
    ("seeds", "kind", "then"),
    [
        (3, "the lowest run, of few", "`make seeds N=5`, since the gate asks for so many seeds"),
        (5, "the lowest run, of few", "another rate (train.dropout_rate)"),
        (18, "the lowest run, of few", "another rate (train.dropout_rate)"),
        (19, "an unusual run", "another rate (train.dropout_rate)"),  # once in twenty times
    ],
)
def test_few_seeds(seeds: int, kind: str, then: str, folder: Path) -> None:
    """The lowest of a few runs is nothing unusual, and the gate asks for five seeds."""
    path = Path("study/runs.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(x for x in lines if 1 <= json.loads(x)["run"]["seed"] <= seeds))
    shown = format_summary(load_parameters()).splitlines()
    assert f"  with Dropout: {kind}: 0 of {seeds} seeds ended lower" in shown
    assert shown[-1].startswith(f"Try next: {then}")
    assert GATE_NEEDS == LEAST_RUNS


@pytest.mark.parametrize(
    ("change", "nearest"),
    [
        ({"train__dropout_rate": 0.51}, "  with dropout_rate 0.5 instead of 0.51, test accuracy"),
        ({"train__epochs": 30}, "  with epochs 20 instead of 30, test accuracy: ±0.1"),
        ({"train__epochs": 30, "model__filters": 16}, "instructions: avx2, for the same bits"),
        ({"data__dataset": f"data/own/{'long' * 20}.npz"}, "instructions: avx2, for the same bits"),
    ],
)
def test_settings_without_runs(change: dict[str, object], nearest: str, folder: Path) -> None:
    set_parameters(folder, **change)
    shown = format_summary(load_parameters()).splitlines()
    assert "another seed" not in shown[2]
    at = shown.index("another seed: how much it changes with Dropout was not measured")
    assert shown[at + 1].startswith(nearest)
    assert shown[-1].startswith("Try next: `make seeds N=5`")
    assert max(map(len, shown)) <= 80
    # No runs that can be read are none.
    Path("study/runs.jsonl").write_bytes(b'{"run": {}}\n\xff')
    del shown[
        at + 1 : shown.index("instructions: avx2, for the same bits on other x86-64 processors")
    ]
    assert format_summary(load_parameters()).splitlines() == shown


def test_third_variant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its noise is its own: how many seeds it has, and which runs are the nearest."""
    shutil.copy("metrics/dropout.json", "metrics/third.json")
    network = {"dropout_rate": 0.4, "dropout_placement": "dense"}
    third = Variant("at rate 0.4", "#000000", lambda params: network)
    monkeypatch.setitem(VARIANTS, "third", third)
    counts = {"no_dropout": range(1, 7), "dropout": range(1, 6), "third": range(1, 3)}
    images, params, path = 48_000, load_parameters(), Path("study/runs.jsonl")
    settings = {name: setting_of(params, name, images) for name in counts}
    entries = [
        entry
        for entry in load_runs()
        if any(entry.seed in counts[name] and entry.setting == settings[name] for name in counts)
    ]
    path.write_text("".join(entry.to_line() for entry in entries))
    shown = format_summary(params).splitlines()
    assert "another seed: standard deviation of the difference over 2 or 5 seeds;" in shown
    assert shown[-1].startswith("Try next: `make seeds N=5`, since the gate asks")

    set_parameters(folder, train__dropout_rate=0.51)
    network["dropout_rate"] = 0.41
    shown = format_summary(load_parameters()).splitlines()
    for label, rates in (
        ("with Dropout", "0.5 instead of 0.51"),
        ("at rate 0.4", "0.4 instead of 0.41"),
    ):
        at = shown.index(f"another seed: how much it changes {label} was not measured")
        assert shown[at + 1].startswith(f"  with dropout_rate {rates}, test accuracy: ±0.")
    assert max(map(len, shown)) <= 80
