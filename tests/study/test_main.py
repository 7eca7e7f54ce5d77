"""`python -m study`: everything in one command, again at no cost."""

import shutil
from pathlib import Path

import pytest
from study.inference import CURVE, MODEL

from study import __main__ as command
from study import inference, replicate
from study.paths import PREDICTIONS, STORE, TIMES
from tests.conftest import ROOT
from tests.faults.processes import good, run
from tests.study.conftest import make_study, set_study, stored, variables_of, with_stand_in

MADE = [
    "README.md", "README.ja.md", "docs/results.md", "metrics/study.json",
    "metrics/study_claims.json", "metrics/study_runs.csv", "plots/study_accuracy.png",
    "plots/study_curves.csv", "plots/study_loss.png", "plots/study_rates.png",
    "plots/study_sizes.png",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study with a stand-in for training, beside the committed pages and measurements."""
    folder = with_stand_in(make_study(tmp_path / "study", seeds=[0, 1], rates=[0.0, 0.5]))
    for name in (*map(Path, MADE[:3]), CURVE, PREDICTIONS, TIMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_everything_is_made_and_made_again_without_training(folder: Path) -> None:
    done = good(run(folder, "study", "--workers", "1", **variables_of(folder)))
    assert "inference: measured already for this network" in done.output.splitlines()
    first = {name: (folder / name).read_bytes() for name in MADE}
    runs = stored(folder)
    for name in MADE[3:]:
        (folder / name).unlink()
    shutil.rmtree(folder / "faults")
    (folder / "faults").mkdir()
    done = good(run(folder, "study", "--workers", "1", **variables_of(folder)))
    assert "study: 4 of 4 runs are there already" in done.output.splitlines()
    assert [*(folder / "faults").iterdir()] == []
    assert {name: (folder / name).read_bytes() for name in MADE} == first
    assert stored(folder) == runs


def test_network_that_was_not_measured_is_asked_for_before_anything_is_trained(
    folder: Path,
) -> None:
    (folder / CURVE).write_text("epoch\n1\n")
    done = run(folder, "study", **variables_of(folder))
    assert (done.status, done.output) == (1, f"study: {MODEL}: no such file; run `make repro`\n")
    assert not (folder / STORE).exists()


def test_known_datasets_of_the_grid_are_downloaded_where_they_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_study(tmp_path / "study", seeds=[0, 1], rates=[0.0])
    block = {"dropout_rates": [0.0], "placements": ["dense"], "train_samples": None, "epochs": None}
    names = ("fashion_mnist", "data/own/tiny.npz", "mnist", "fashion_mnist")
    set_study(folder, grid=[{"dataset": name, **block} for name in names])
    monkeypatch.chdir(folder)
    (folder / "data/study").mkdir()
    (folder / "data/study/mnist.npz").touch()
    monkeypatch.setattr("sys.argv", ["study"])
    monkeypatch.setattr(inference, "is_up_to_date", lambda: True)
    downloaded: list[str] = []
    monkeypatch.setattr(command, "download", downloaded.append)

    def stop(workers: int | None) -> None:
        raise SystemExit("trains")

    monkeypatch.setattr(replicate, "run", stop)
    with pytest.raises(SystemExit, match="trains"):
        command.main()
    assert downloaded == ["fashion_mnist"]
