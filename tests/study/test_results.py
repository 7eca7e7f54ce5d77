"""The file and the page of results: from the committed runs as they are, and on made-up runs."""

import contextlib
import json
import shutil
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiment.support.markdown import blocks_of
from study import __main__ as command
from study import results
from study.contrasts import judge_all
from study.pictures import PLOTS
from study.runs import STORE, Store, load_runs
from study.table import RUNS, Table
from tests.conftest import ROOT, set_parameters
from tests.study.conftest import copy_inputs, remake
from tests.study.made_up import make_entries, make_entry, run

PICTURES = [PLOTS / f"study_{name}.png" for name in ("accuracy", "loss", "rates", "sizes")]
ENTRIES = make_entries(range(10, 26))
TABLE = Table(ENTRIES)


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    return pd.json_normalize(json.loads(path.read_text(encoding="utf-8")))


def test_committed_page(remade: Path) -> None:
    """Run `python -m study --no-training` where this or the next one fails."""
    committed, expected = (
        blocks_of((top / results.PAGE).read_text(encoding="utf-8"), results.PROGRAM)
        for top in (ROOT, remade)
    )
    assert committed == expected


@pytest.mark.parametrize("path", [results.FILE, RUNS], ids=str)
def test_committed_tables(path: Path, remade: Path) -> None:
    """In all digits but those that another processor may round."""
    committed, expected = (read(top / path) for top in (ROOT, remade))
    pd.testing.assert_frame_equal(committed, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("path", PICTURES, ids=str)
def test_committed_pictures(path: Path, remade: Path) -> None:
    committed, expected = (matplotlib.image.imread(top / path) for top in (ROOT, remade))
    assert np.array_equal(committed, expected)


def test_nothing_else_is_committed_of_the_study() -> None:
    """A file that is not remade would grow old unseen; docs/study.md names each."""
    found = {
        p.relative_to(ROOT) for top in ("metrics", "plots") for p in (ROOT / top).glob("study*")
    }
    assert found == {RUNS, results.INFERENCE, *PICTURES}
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    assert [path for path in (*found, results.FILE) if f"`{path.as_posix()}`" not in page] == []


def test_every_sentence_rests_on_verdicts_that_hold() -> None:
    """Rewrite the sentences that are named here, then their marks."""
    page = (ROOT / results.PAGE).read_text(encoding="utf-8")
    verdicts = judge_all(Table(load_runs(ROOT / STORE)))
    assert [*results.find_outdated_marks(page, verdicts)] == []
    answers = page.split("<!-- study: changes -->")[0]
    for names in results.ANSWERED_BY.values():
        for name in [*names[0], *names[1]]:
            assert f" {name} " in answers.replace(";", "")


def test_outdated_marks() -> None:
    page = """First.
    <!-- rests on: P1 supported; P4 supported -->
    It helps on
    Fashion. <!-- rests on: P1 supported; P2 undecided -->"""
    [found] = results.find_outdated_marks(page, judge_all(TABLE))
    assert found.startswith("written for P2 'undecided', now 'supported': ...")
    assert found.endswith("It helps on Fashion.")


def test_stop_keeps_the_table(
    remade: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After another learning rate and Ctrl-C it has all of its runs, and after a remake, too."""
    folder = shutil.copytree(remade, tmp_path / "study")
    set_parameters(folder, train__learning_rate=0.002)
    before = (folder / RUNS).read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(folder)
    monkeypatch.setattr(command, "load_datasets", interrupt)
    monkeypatch.setattr("sys.argv", ["study"])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 130
    assert (folder / RUNS).read_bytes() == before
    remake(folder)
    assert (folder / RUNS).read_bytes() == before


@pytest.mark.parametrize("missing", ["page", "runs"])
def test_template(missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the page or the protocols' runs were deleted, the table of runs alone is written."""
    folder = copy_inputs(tmp_path / "own")
    store = Store(folder / STORE)
    own = [make_entry(run(r, dataset="own/x.npz", seed=s)) for r in (0, 0.5) for s in range(3)]
    for entry in own if missing == "runs" else ENTRIES:
        store.add(entry)
    if missing == "page":
        (folder / results.PAGE).unlink()
    remake(folder)
    assert len(pd.read_csv(folder / RUNS)) == len(store.entries)
    assert "metrics/study_runs.csv alone is written" in capsys.readouterr().err
    assert not (folder / results.FILE).exists()
    assert not (folder / PLOTS).exists()


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / STORE)
    store.path.parent.mkdir()
    entries = [make_entry(run(0.5, seed=seed)) for seed in range(3)]
    object.__setattr__(entries[0], "data", "other")
    for entry in entries:
        store.add(entry)
    with store.path.open("a") as file:
        file.write("{")
    with contextlib.chdir(tmp_path):
        command.remake()
    said = capsys.readouterr().err
    assert "study: study/runs.jsonl, line 4: dropped, damaged (torn" in said
    assert "study: 1 of 3 runs were trained on another machine or with other software" in said
    assert pd.read_csv(tmp_path / RUNS)["seed"].tolist() == [1, 2]
