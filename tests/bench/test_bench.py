"""What is measured, and what is there already."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.report import MARK, page
from bench.sitting import Sitting
from experiment.errors import InputError
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
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{MARK}Old,\nold.\n\nRest.\n")
    done = run(tmp_path, "bench", "--readme")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bench/results.md").read_text() == page(results)
    assert (tmp_path / "bench/results.png").read_bytes().startswith(b"\x89PNG")
    before, after = readme.read_text().split(MARK)
    assert before == "# Title\n\n"
    assert after.startswith("A plain Keras script of this experiment takes **2.50 times** as long")
    assert after.endswith(".\n\nRest.\n")

    readme.write_text("# Title\n")
    done = run(tmp_path, "bench", "--readme")
    assert done.returncode == 1
    assert done.stderr.startswith("bench: README.md: expected the line <!-- speed")
    assert done.stderr.count("\n") == 1
