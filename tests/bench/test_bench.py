"""What is measured, what is refused, and what is written."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.report import headlines, page
from experiment.support.errors import InputError
from experiment.support.markdown import blocks_of


def main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    bench.main()


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bench").mkdir()


def test_everything_is_measured_and_written_and_no_pair_is_lost(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []

    @contextmanager
    def open_clone(repository: Path, epochs: int) -> Iterator[Path]:
        yield Path("clone")

    def run_pair(*given: object, torch: bool) -> object:
        asked.append((*given, torch))
        return results["pairs"][len(asked) - 1]

    def run_idle(*given: object) -> object:
        asked.append(given)
        stored = json.loads(bench.RESULTS.read_text())
        assert stored == {"conditions": results["conditions"], "pairs": results["pairs"][:2]}
        return results["idle"]

    monkeypatch.setattr(bench, "open_clone", open_clone)
    monkeypatch.setattr(bench, "run_pair", run_pair)
    monkeypatch.setattr(bench, "run_idle", run_idle)
    monkeypatch.setattr(bench, "run_rate", lambda clone: results["rate"])
    monkeypatch.setattr(bench, "conditions_of", lambda repository, epochs: results["conditions"])
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    main(monkeypatch, "--pairs=2", "--epochs=2")
    clone = Path("clone")
    assert asked == [(clone, 2, 1, False), (clone, 2, 2, False), (clone, 2)]
    assert bench.read_results() == results | {"pairs": results["pairs"][:2]}
    assert bench.PAGE.read_text() == page(bench.read_results())
    assert capsys.readouterr().out.startswith(
        "bench: PyTorch is not installed: bench/plain_torch.py is skipped\nbench: pair 1 of 2\n"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"pairs": []}', None])
def test_broken_results_are_one_line(text: str | None) -> None:
    if text:
        bench.RESULTS.write_text(text)
    with pytest.raises(
        InputError, match=r"^bench/results\.json: expected JSON .*; run that first$"
    ):
        bench.read_results()


@pytest.mark.parametrize("argument", ["--epochs=0", "--pairs=-1", "--pairs=1.5", "--epochs=many"])
def test_wrong_numbers_are_refused(
    argument: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(monkeypatch, argument)
    found = argument.partition("=")[2]
    assert f"expected a whole number from 1, found '{found}'" in capsys.readouterr().err


def test_page_and_headlines_from_made_up_results(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.RESULTS.write_text(json.dumps(results))
    block = "<!-- speed: headline -->\nOld.\n<!-- /speed -->\n"
    for name in headlines(results):
        Path(name).write_text(f"# Title\n\n{block}\nRest.\n")
    main(monkeypatch, "--readme")
    assert bench.PAGE.read_text() == page(results)
    for name, text in headlines(results).items():
        readme = Path(name).read_text(encoding="utf-8")
        assert blocks_of(readme, "speed") == {"headline": text}
        assert readme.startswith("# Title\n\n<!-- speed: ")
        assert readme.endswith("\n<!-- /speed -->\n\nRest.\n")
