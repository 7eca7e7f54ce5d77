"""The file and the page of results: from the committed runs as they are, and on made-up runs."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiment.network import NUMERICS
from experiment.parameters import load_parameters
from experiment.support.markdown import blocks_of
from study import __main__ as command
from study import results
from study.pictures import PLOTS
from study.runs import STORE, Store, load_runs
from study.table import RUNS
from tests.conftest import ROOT, set_parameters
from tests.study.conftest import make_folder, remake
from tests.study.made_up import make_entries, make_entry, make_setting, write_lines

PICTURES = [PLOTS / f"study_{name}.png" for name in ("accuracy", "loss", "rates", "sizes")]


def test_committed_runs() -> None:
    """Read and written again they have the same bytes, and the keys of this code's numerics."""
    text, found = (ROOT / STORE).read_text(encoding="utf-8"), Store(ROOT / STORE)
    assert found.problems == []
    assert write_lines(found.entries.values()) == text
    assert {entry.setting.numerics for entry in found.entries.values()} == {NUMERICS}
    assert len(load_runs(ROOT / STORE)) == len(found.entries)


def read(path: Path) -> Any:
    if path == path.parents[1] / results.PAGE:
        return blocks_of(path.read_text(encoding="utf-8"), results.PROGRAM)
    if path.suffix == ".csv":
        return pd.read_csv(path)
    if path.suffix == ".json":
        return pd.json_normalize(json.loads(path.read_text(encoding="utf-8")))
    return matplotlib.image.imread(path)


@pytest.mark.parametrize("path", [results.PAGE, results.FILE, RUNS, *PICTURES], ids=str)
def test_committed_results(path: Path, remade: Path) -> None:
    """Run `python -m study --no-training` where this fails.

    Tables agree in all digits but those that another processor may round.
    """
    committed, expected = (read(top / path) for top in (ROOT, remade))
    if isinstance(committed, pd.DataFrame):
        pd.testing.assert_frame_equal(committed, expected, rtol=1e-9, atol=1e-12)
    else:
        assert np.array_equal(committed, expected)


def test_nothing_else_is_committed_of_the_study() -> None:
    """A file that is not remade would grow old unseen; docs/study.md names each."""
    found = {
        p.relative_to(ROOT) for top in ("metrics", "plots") for p in (ROOT / top).glob("study*")
    }
    assert found == {RUNS, Path("metrics/study_inference.csv"), *PICTURES}
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    named = (*found, results.FILE, results.FIRST)
    assert [path for path in named if f"`{path.as_posix()}`" not in page] == []


def test_every_sentence_rests_on_verdicts_that_hold() -> None:
    """Rewrite the sentences that are named here, then their marks."""
    page = " ".join((ROOT / results.PAGE).read_text(encoding="utf-8").split())
    contrasts = json.loads((ROOT / results.FILE).read_text(encoding="utf-8"))["contrasts"]
    marks = [*re.finditer(r"<!-- rests on: (.*?) -->", page)]
    assert len(marks) > 5
    for mark in marks:
        sentence = page[: mark.start()].strip()[-200:]
        for name, _, word in (part.partition(" ") for part in mark[1].split("; ")):
            assert word == contrasts[name]["verdict"], f"written for {name} {word}: {sentence}"
    answers = page.split("<!-- study: changes -->")[0].replace(";", "")
    names = {name for choices in results.ANSWERED_BY.values() for ids in choices for name in ids}
    assert [name for name in names if f" {name} " not in answers] == []


def test_nothing_to_train(
    remade: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known from the store alone: there is no data set in this folder."""
    monkeypatch.chdir(remade)
    command.train_new(load_parameters(), 5, None)
    assert "study: all 10 runs are there: nothing to train" in capsys.readouterr().err


def test_wrong_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where it would find nothing to train
    for arguments, expected in (
        ("--seeds 0", "argument --seeds: expected 1 or more; found '0'"),
        ("--workers 1.5", "argument --workers: expected 1 or more; found '1.5'"),
        ("--seeds 2 --no-training", "argument --no-training: not allowed with argument --seeds"),
        ("--seeds 2 --again 0", "argument --again: not allowed with argument --seeds"),
    ):
        monkeypatch.setattr("sys.argv", ["study", *arguments.split()])
        with pytest.raises(SystemExit, match="2"):
            command.main()
        assert expected in capsys.readouterr().err


@pytest.mark.parametrize("missing", [results.PAGE, results.FIRST, None], ids=str)
def test_template(missing: Path | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the page or the protocols' runs were deleted, the table of runs alone is written.

    What is left out of it is said.
    """
    sets: Any = ({"dataset": "own/x.npz", "further": '{"l2": 1}'}, {}, {"dataset": "fashion_mnist"})
    own = [make_entry(make_setting(r, **e), s) for e in sets for r in (0.0, 0.5) for s in (0, 1)]
    entries = make_entries(range(18, 20)) if missing else own
    elsewhere = {**entries[0].conditions, "libc": "another"}
    other = replace(make_entry(entries[0].setting, 40), conditions=elsewhere)
    folder = make_folder(tmp_path / "own", write_lines([*entries, other]) + "{")
    if missing:
        (folder / missing).unlink()
    remake(folder)
    rows = pd.read_csv(folder / RUNS)
    assert len(rows) == len(entries)
    assert [*rows.get("further", pd.Series()).dropna()] == ([] if missing else ['{"l2": 1}'] * 4)
    said, number = capsys.readouterr().err, len(entries) + 1
    assert "metrics/study_runs.csv alone is written" in said
    assert f"study: study/runs.jsonl, line {number + 1}: dropped, damaged (torn" in said
    assert f"1 of {number} runs were trained on another machine or with other software" in said
    assert not (folder / results.FILE).exists()
    assert not (folder / PLOTS).exists()


def test_stop_keeps_the_table(
    remade: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After another learning rate and Ctrl-C it has all of its runs, and where none is trained."""
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
    monkeypatch.setattr("sys.argv", ["study", "--no-training"])
    (folder / RUNS).unlink()
    command.main()
    assert (folder / RUNS).read_bytes() == before
