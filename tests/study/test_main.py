"""`python -m study`: everything in one command, again at no cost."""

import shutil
from pathlib import Path

import pytest

from study import __main__ as command
from study.paths import GATE, GATE_PAGE, INFERENCE, RESULTS, STORE, STUDY_PAGE
from study.training import replicate
from tests.conftest import ROOT
from tests.faults.processes import good, run
from tests.study.conftest import make_study, set_study, stored, variables_of, with_stand_in

PAGES = [str(page) for page in (RESULTS, STUDY_PAGE, GATE_PAGE)]
MADE = [
    *PAGES, "metrics/study.json", "metrics/study_claims.json", "metrics/study_runs.csv",
    "plots/study_accuracy.png", "plots/study_curves.csv", "plots/study_loss.png",
    "plots/study_rates.png", "plots/study_sizes.png",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study with a stand-in for training, beside the committed pages and measurements."""
    folder = with_stand_in(make_study(tmp_path / "study", seeds=[0, 1], rates=[0.0, 0.5]))
    for name in (*PAGES, str(GATE), str(INFERENCE)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_everything_is_made_and_remade_without_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good(run(folder, "study", "--workers", "1", **variables_of(folder)))
    first = {name: (folder / name).read_bytes() for name in MADE}
    runs = stored(folder)
    for name in MADE[len(PAGES) :]:
        (folder / name).unlink()

    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["study", "--no-training"])
    monkeypatch.setattr(replicate, "run", None)
    command.main()
    assert {name: (folder / name).read_bytes() for name in MADE} == first
    assert stored(folder) == runs
    assert capsys.readouterr() == ("", "")

    shutil.copy(next((folder / STORE).iterdir()), folder / STORE / "zz.json")
    with pytest.raises(SystemExit, match=f"^study: {STORE}/zz.json: expected each run once; found"):
        command.main()
    shutil.rmtree(folder / STORE)
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == (
        f"study: {STORE}: expected runs of the grid; found none; run `make study`"
    )


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
    downloaded: list[str] = []
    monkeypatch.setattr(command, "download", downloaded.append)

    def stop(workers: int | None) -> None:
        raise SystemExit("trains")

    monkeypatch.setattr(replicate, "run", stop)
    with pytest.raises(SystemExit, match="trains"):
        command.main()
    assert downloaded == ["fashion_mnist"]
