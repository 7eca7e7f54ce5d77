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
from tests.conftest import ROOT, call, set_parameters
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
    remade: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Known from the store alone: there is no data set here.

    The table has the runs of all settings, with another learning rate and after Ctrl-C, too.
    """
    folder = shutil.copytree(remade, tmp_path / "study")
    monkeypatch.chdir(folder)
    command.train_new(load_parameters(), 5, None)
    assert "study: all 10 runs are there: nothing to train" in capsys.readouterr().err
    before = RUNS.read_bytes()
    RUNS.unlink()
    set_parameters(folder, train__learning_rate=0.002)
    call(command.main, "--no-training")
    assert RUNS.read_bytes() == before

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "load_datasets", interrupt)
    with pytest.raises(SystemExit, match="130"):
        call(command.main)
    assert RUNS.read_bytes() == before


def test_wrong_arguments(in_workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        ("--workers 0", "argument --workers: expected 1 or more; found '0'"),
        ("--seeds 1.5", "argument --seeds: expected 1 or more; found '1.5'"),
        ("--again 0 --seeds 2", "argument --seeds: not allowed with argument --again"),
        ("--seeds 2 --no-training", "argument --no-training: not allowed with argument --seeds"),
    ):
        with pytest.raises(SystemExit, match="2"):
            call(command.main, *arguments.split())
        assert expected in capsys.readouterr().err


@pytest.mark.parametrize("missing", [results.PAGE, results.FIRST, None], ids=str)
def test_template(missing: Path | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the page or the protocols' runs were deleted, the table of runs alone is written.

    What is left out of it is said.
    """
    entries = make_entries(range(18, 20))
    if missing is None:
        sets: Any = {"dataset": "own/x.npz", "further": '{"l2": 1}'}, {"dataset": "fashion_mnist"}
        settings = [make_setting(rate, **each) for each in sets for rate in (0.0, 0.5)]
        entries = [make_entry(setting, seed) for setting in settings for seed in (0, 1)]
    elsewhere = {**entries[0].conditions, "libc": "another"}
    other = replace(make_entry(entries[0].setting, 40), conditions=elsewhere)
    folder = make_folder(tmp_path / "own", write_lines([*entries, other]) + "{")
    if missing:
        (folder / missing).unlink()
    remake(folder)
    rows, number = pd.read_csv(folder / RUNS), len(entries) + 1
    assert len(rows) == len(entries)
    assert [*rows.get("further", pd.Series()).dropna()] == ([] if missing else ['{"l2": 1}'] * 4)
    said = capsys.readouterr().err
    assert "metrics/study_runs.csv alone is written" in said
    assert f"study: study/runs.jsonl, line {number + 1}: dropped, damaged (torn" in said
    assert f"1 of {number} runs were trained on another machine or with other software" in said
    assert {path.name for path in (folder / "metrics").iterdir()} == {RUNS.name}
    assert not (folder / PLOTS).exists()
