"""`python -m study`: everything in one command, again at no cost."""

import shutil
from pathlib import Path

import pytest

from study import __main__ as command
from study.paths import GATE, GATE_PAGE, INFERENCE, RESULTS, STORE, STUDY_PAGE
from study.store import Entry
from study.training import replicate
from tests.conftest import ROOT
from tests.faults.processes import good, run
from tests.study.conftest import make_study, set_study, stored, variables_of, with_stand_in

PAGES = [str(page) for page in (RESULTS, STUDY_PAGE, GATE_PAGE)]
TABLES = [f"metrics/study{end}" for end in (".json", "_claims.json", "_runs.csv")]
PICTURES = [f"plots/study_{name}.png" for name in ("accuracy", "loss", "rates", "sizes")]
MADE = [*PAGES, *TABLES, "plots/study_curves.csv", *PICTURES]


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
    for name in MADE:
        assert (folder / name).read_bytes() != (ROOT / name).read_bytes()
    runs = stored(folder)

    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["study", "--no-training"])
    monkeypatch.setattr(replicate, "run", None)
    remade: list[Entry] = []
    monkeypatch.setattr(command, "remake", lambda entries, params: remade.extend(entries))
    command.main()
    order = [(entry.run.seed, entry.run.dropout_rate) for entry in remade]
    assert order == [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5)]
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
