"""What is measured, and what is there already."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.report import blocks_of_pages, page
from bench.sitting import Sitting
from experiment.common.errors import InputError
from experiment.presentation.markdown import blocks_of
from tests.conftest import Run

SETTINGS = {"epochs": 2, "pairs": 2, "study_epochs": 3}


@pytest.fixture
def measured(tmp_path: Path, sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the parts that were measured, by stand-ins, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    names: list[str] = []

    @contextmanager
    def opened(repository: Path, **settings: int) -> Iterator[Sitting]:
        assert settings == SETTINGS
        yield sitting

    def part(name: str) -> dict[str, Any]:
        names.append(name)
        return {"rounds": [1, 2], "measured": name}

    def run_pairs(sitting: Sitting, found: list[Any], save: Any) -> None:
        names.append(f"pairs after {len(found)}")
        save({"pairs": [*found, "new"]})

    monkeypatch.setattr(bench, "opened", opened)
    monkeypatch.setattr(bench, "run_pairs", run_pairs)
    monkeypatch.setattr(bench, "conditions_of", lambda name, settings: {"of": name})
    stand_ins = {name: lambda sitting, name=name: part(name) for name in bench.PARTS}
    monkeypatch.setattr(bench, "PARTS", stand_ins)
    return names


def test_each_part_is_written_as_soon_as_it_is_done(measured: list[str]) -> None:
    results: dict[str, Any] = {}
    bench.measure_missing({}, results, ["pairs", "idle"], **SETTINGS)
    assert measured == ["pairs after 0", "idle"]
    assert bench.read_results() == results
    assert results["idle"] == {"conditions": {"of": "idle"}, "rounds": [1, 2], "measured": "idle"}


def test_what_is_there_is_not_measured_again(measured: list[str]) -> None:
    results: dict[str, Any] = {
        "pairs": {"conditions": {"of": "pairs"}, "pairs": ["old"]},  # one of two
        "idle": {"conditions": {"of": "idle"}, "rounds": [1, 2]},
        "rate": {"conditions": {"of": "another machine"}},
    }
    bench.measure_missing(results, results, ["pairs", "idle", "rate"], **SETTINGS)
    assert measured == ["pairs after 1", "rate"]
    assert results["pairs"]["pairs"] == ["old", "new"]


@pytest.mark.parametrize(
    ("only", "with_tests", "expected"),
    [
        (None, False, ["pairs", "idle", "rate", "stages", "study"]),
        (None, True, ["pairs", "idle", "rate", "stages", "study", "tests"]),
        ("study, idle", False, ["idle", "study"]),
        ("tests", False, ["tests"]),
    ],
)
def test_parts(only: str | None, with_tests: bool, expected: list[str]) -> None:
    assert bench.parts_of(only, with_tests=with_tests) == expected


def test_unknown_part_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^--only: expected parts out of pairs,.*; found pears$"):
        bench.parts_of("pears", with_tests=False)


def test_broken_results_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for text in ("{", "[]"):
        path.write_text(text)
        with pytest.raises(InputError, match="delete it, run again"):
            bench.read_results(path)


def test_page_and_picture_from_made_up_results(
    results: dict[str, Any], tmp_path: Path, run: Run
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/results.json").write_text(json.dumps(results))
    pages = blocks_of_pages(results)
    for name, blocks in pages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        marks = [f"<!-- speed: {block} -->\nOld.\n<!-- /speed -->\n" for block in blocks]
        (tmp_path / name).write_text("\n".join(["# Title\n", *marks, "Rest.\n"]))
    done = run(tmp_path, "bench", "--readme")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bench/results.md").read_text() == page(results)
    assert (tmp_path / "bench/results.png").read_bytes().startswith(b"\x89PNG")
    for name, blocks in pages.items():
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert blocks_of(text, "speed") == blocks
        assert text.startswith("# Title\n\n<!-- speed: ")
        assert text.endswith("\n<!-- /speed -->\n\nRest.\n")

    (tmp_path / "README.md").write_text("# Title\n")
    done = run(tmp_path, "bench", "--readme")
    assert done.returncode == 1
    assert done.stderr.startswith("bench: README.md: expected, once each, the blocks headline; ")
    assert done.stderr.count("\n") == 1


def test_what_was_measured_is_printed(
    results: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.show(results)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "seconds 25.0 10.0 2.50 1.50 to 4.00 (93.75 %)" in lines
    assert "largest process, MB 1000 400 2.50 2.50 to 2.50 (93.75 %)" in lines
    assert "floor 11.00 1.0" in lines
