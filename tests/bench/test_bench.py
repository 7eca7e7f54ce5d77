"""What is measured, what is there already, and what is written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.report import headlines, page
from bench.sitting import Sitting
from experiment.common.errors import InputError
from experiment.presentation.markdown import blocks_of
from tests.conftest import Run


@pytest.fixture
def measured(tmp_path: Path, sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was measured, by stand-ins, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    names: list[str] = []

    @contextmanager
    def open_sitting(repository: Path, epochs: int) -> Iterator[Sitting]:
        assert epochs == 2
        yield sitting

    def run_pair(sitting: Sitting, number: int, *, torch: bool) -> str:
        names.append(f"pair {number}")
        return "new"

    def part(name: str) -> str:
        names.append(name)
        return name

    monkeypatch.setattr(bench, "open_sitting", open_sitting)
    monkeypatch.setattr(bench, "run_pair", run_pair)
    monkeypatch.setattr(bench, "run_idle", lambda sitting, rounds: part("idle"))
    monkeypatch.setattr(bench, "run_rate", lambda sitting: part("rate"))
    return names


def test_everything_is_measured_and_written(measured: list[str]) -> None:
    results: dict[str, Any] = {"conditions": {}}
    bench.measure_missing(results, epochs=2, pairs=2)
    assert measured == ["pair 1", "pair 2", "idle", "rate"]
    assert bench.read_results() == results
    assert results == {
        "conditions": {}, "pairs": ["new", "new"], "idle": "idle", "rate": "rate",
    }  # fmt: skip


def test_interrupted_sitting_goes_on(measured: list[str]) -> None:
    results: dict[str, Any] = {"conditions": {}, "pairs": ["old"], "idle": "old"}
    bench.measure_missing(results, epochs=2, pairs=3)
    assert measured == ["pair 2", "pair 3", "rate"]
    assert (results["pairs"], results["idle"]) == (["old", "new", "new"], "old")


def test_whole_sitting_is_not_measured_again(
    measured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    results: dict[str, Any] = {"pairs": ["old"], "idle": "old", "rate": "old"}
    bench.measure_missing(results, epochs=2, pairs=1)
    assert measured == []
    assert "delete bench/results.json to measure again" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", '{"pairs": []}'])
def test_broken_results_are_one_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bench").mkdir()
    bench.RESULTS.write_text(text)
    with pytest.raises(InputError, match=r"^bench/results\.json: expected JSON .*; delete it$"):
        bench.read_results()


@pytest.mark.parametrize("option", ["--epochs", "--pairs"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_wrong_numbers_are_refused(option: str, value: str, tmp_path: Path, run: Run) -> None:
    done = run(tmp_path, "bench", f"{option}={value}")
    assert done.returncode == 2
    assert f"expected a whole number from 1, found '{value}'" in done.stderr


def test_page_and_headlines_from_made_up_results(
    results: dict[str, Any], tmp_path: Path, run: Run
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/results.json").write_text(json.dumps(results))
    block = "<!-- speed: headline -->\nOld.\n<!-- /speed -->\n"
    for name in headlines(results):
        (tmp_path / name).write_text(f"# Title\n\n{block}\nRest.\n")
    done = run(tmp_path, "bench", "--readme")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bench/results.md").read_text() == page(results)
    for name, text in headlines(results).items():
        readme = (tmp_path / name).read_text(encoding="utf-8")
        assert blocks_of(readme, "speed") == {"headline": text}
        assert readme.startswith("# Title\n\n<!-- speed: ")
        assert readme.endswith("\n<!-- /speed -->\n\nRest.\n")

    (tmp_path / "README.md").write_text("# Title\n")
    done = run(tmp_path, "bench", "--readme")
    assert done.returncode == 1
    assert done.stderr.startswith("bench: README.md: expected, once each, the blocks headline; ")
    assert done.stderr.count("\n") == 1
