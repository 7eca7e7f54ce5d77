"""The file and the page of results: from the committed runs as they are, and on made-up runs."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiment.support.markdown import blocks_of
from study import __main__ as command
from study import results
from study.pictures import PLOTS
from study.runs import STORE
from study.table import RUNS
from tests.conftest import ROOT, set_parameters
from tests.study.conftest import copy_inputs, remake
from tests.study.made_up import make_entries, make_entry, make_setting

PICTURES = [PLOTS / f"study_{name}.png" for name in ("accuracy", "loss", "rates", "sizes")]


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
    assert found == {RUNS, Path("metrics/study_inference.csv"), *PICTURES}
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    named = (*found, results.FILE, results.FIRST)
    assert [path for path in named if f"`{path.as_posix()}`" not in page] == []


def find_outdated_marks(page: str, verdicts: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the marks of a page: which sentence to rewrite, and why."""
    text = " ".join(page.split())
    for mark in re.finditer(r"<!-- rests on: (.*?) -->", text):
        for name, _, word in (part.partition(" ") for part in mark[1].split("; ")):
            if word != verdicts[name]["verdict"]:
                sentence = text[: mark.start()].strip()[-200:]
                yield f"written for {name} {word!r}, now {verdicts[name]['verdict']!r}: {sentence}"


def test_every_sentence_rests_on_verdicts_that_hold() -> None:
    """Rewrite the sentences that are named here, then their marks."""
    page = (ROOT / results.PAGE).read_text(encoding="utf-8")
    contrasts = json.loads((ROOT / results.FILE).read_text(encoding="utf-8"))["contrasts"]
    assert [*find_outdated_marks(page, contrasts)] == []
    changed = contrasts | {"P4": {"verdict": "supported"}}
    marks = [*find_outdated_marks(page, changed)]
    assert "written for P4 'undecided', now 'supported': " in marks[0]
    assert "corrected for eight tests, that is undecided." in marks[0]
    answers = page.split("<!-- study: changes -->")[0].replace(";", "")
    names = {name for choices in results.ANSWERED_BY.values() for ids in choices for name in ids}
    assert [name for name in names if f" {name} " not in answers] == []


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


@pytest.mark.parametrize("missing", [results.PAGE, results.FIRST, None], ids=str)
def test_template(missing: Path | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the page or the protocols' runs were deleted, the table of runs alone is written."""
    folder = copy_inputs(tmp_path / "own")
    entries = make_entries(range(18, 20))
    if missing:
        (folder / missing).unlink()
    else:
        settings = [make_setting(rate, dataset="own/x.npz") for rate in (0.0, 0.5)]
        entries = make_entries(range(3), settings=settings)
    (folder / STORE).write_text("".join(entry.to_line() for entry in entries))
    remake(folder)
    assert len(pd.read_csv(folder / RUNS)) == len(entries)
    assert "metrics/study_runs.csv alone is written" in capsys.readouterr().err
    assert not (folder / results.FILE).exists()
    assert not (folder / PLOTS).exists()


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [make_entry(make_setting(0.5), seed) for seed in range(3)]
    entries[0] = replace(entries[0], data="other")
    (tmp_path / "study").mkdir()
    (tmp_path / STORE).write_text("".join(entry.to_line() for entry in entries) + "{")
    remake(tmp_path)
    said = capsys.readouterr().err
    assert "study: study/runs.jsonl, line 4: dropped, damaged (torn" in said
    assert "study: 1 of 3 runs were trained on another machine or with other software" in said
    assert pd.read_csv(tmp_path / RUNS)["seed"].tolist() == [1, 2]
