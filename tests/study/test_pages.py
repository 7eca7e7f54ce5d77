"""The pages, of a made-up study; and the committed pages, of the committed one."""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from study.answer import NOT_RUN
from study.results import read_results
from tests.study.three_seeds import runs

from experiment.common.errors import InputError
from experiment.presentation.markdown import blocks_of
from study.pages import PROGRAM, main, pages
from study.paths import CLAIMS as CLAIMS_FILE
from study.paths import SUMMARY
from study.summarise import main as summarise
from tests.conftest import ROOT, set_parameters
from tests.conftest import Run as RunCommand
from tests.study.conftest import write_study

PAGES = ("docs/results.md",)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's pages and parameters, as the current one; no study."""
    folder = tmp_path / "work space é"
    for name in (*PAGES, "params.yaml", "study/params.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    set_parameters(folder / "study", statistics__resamples=200)
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> Mapping[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in PAGES}


def test_command_fills_the_pages_from_the_files_of_the_study(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pages"])
    main()
    before = contents(study)
    for page in before.values():
        for text in blocks_of(page, PROGRAM).values():
            assert text == NOT_RUN

    write_study(runs())
    summarise()
    main()
    after = contents(study)
    for name, blocks in pages(read_results()).items():
        assert blocks_of(after[name], PROGRAM) == blocks
        assert NOT_RUN not in blocks.values()
        assert beside_the_blocks(after[name]) == beside_the_blocks(before[name])
    results = after["docs/results.md"]
    for claim_id, judged in json.loads(CLAIMS_FILE.read_text()).items():
        row = next(line for line in results.split("\n") if f"**{claim_id}**" in line)
        assert row.startswith(f"| **{claim_id}** {judged['claim']} | {judged['rule']} |")
        assert row.endswith(f" | **{judged['verdict']}** |")

    main()
    assert contents(study) == after


def beside_the_blocks(page: str) -> str:
    return re.sub(r"^<!-- study: .*?^<!-- /study -->$", "", page, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        *product([SUMMARY, CLAIMS_FILE], ["{", "[]", '{"C1": {}}', '{"C1": 1}', '{"C1": null}']),
        (SUMMARY, "{}"),
    ],
)
def test_damaged_files_are_one_line(study: Path, file: Path, text: str) -> None:
    write_study(runs())
    SUMMARY.write_text('{"differences": {}, "noise": {}, "settings": {}}\n')
    CLAIMS_FILE.write_text("{}\n")
    file.write_text(text)
    with pytest.raises(
        InputError, match=r"not as the study writes them .*; run `make study`"
    ) as raised:
        read_results()
    assert "\n" not in str(raised.value)


def test_page_without_its_marks_is_one_line(study: Path, run: RunCommand) -> None:
    page = study / "docs/results.md"
    page.write_text("# Title\n")
    done = run(study, "study.pages")
    assert done.returncode == 1
    assert done.stderr == (
        "pages: docs/results.md: expected, once each, the blocks answer, claims, gains, meaning,"
        " pictures, run; found none; put back"
        " <!-- study: NAME --> and <!-- /study -->\n"
    )
    assert page.read_text() == "# Title\n"


def test_committed_pages_are_those_of_the_committed_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `python -m study.pages` after `make study`."""
    monkeypatch.chdir(ROOT)
    expected = pages(read_results())
    assert set(expected) == set(PAGES)
    for page, blocks in expected.items():
        assert blocks_of((ROOT / page).read_text(encoding="utf-8"), PROGRAM) == blocks


def test_page_of_the_study_names_every_file_that_is_made_from_runs() -> None:
    """And none that is not there."""
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `study.\w+` \|.*\| (.+) \|$", page, re.MULTILINE)
    named = {name for files in rows for name in re.findall(r"`(.+?)`", files)}
    found = [path for top in ("metrics", "plots") for path in (ROOT / top).glob("study*")]
    assert named >= {path.relative_to(ROOT).as_posix() for path in found}
    for name in named - {"data/study/"}:
        assert (ROOT / name).exists(), name
