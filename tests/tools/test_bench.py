"""The benchmark: what it runs in turn, and what the READMEs say of the committed figures."""

import json
import re
import resource
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from tests.conftest import ROOT, call
from tests.repository import git
from tools import bench

INSTRUCTIONS = ("avx2", "native")


def test_ratios() -> None:
    """The median of the ratios within the pairs, which is not that of the medians."""
    largest = {"plain": 800, "avx2": 400, "native": 800}
    pairs = [
        {
            name: {"seconds": cost, "largest_process": largest[name]}
            for name, cost in zip(largest, costs, strict=True)
        }
        for costs in ((15, 5, 1), (40, 10, 2), (20, 10, 4))
    ]
    results = {"pairs": pairs, "epochs": 2, "cores": 2, "processor": "P", "training_images": 48_000}
    assert bench.format_results(results).splitlines() == [
        "avx2: seconds of the plain script: 3.00 times (2.00 to 4.00)",
        "avx2: largest_process of the plain script: 2.00 times (2.00 to 2.00)",
        "avx2: one training sees 9,600 images a second",  # 96,000 in 10 s
        "native: seconds of the plain script: 15.00 times (5.00 to 20.00)",
        "native: largest_process of the plain script: 1.00 times (1.00 to 1.00)",
        "native: one training sees 48,000 images a second",
        "3 pairs, 2 epochs, 2 cores, P",
    ]


def test_pairs_in_turn(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain script, then the pipeline with each set of instructions; each pair has its seed."""
    ran: list[tuple[object, ...]] = []

    def measure(command: tuple[str, ...], clone: Path) -> dict[str, int]:
        train = load_parameters(clone / "params.yaml").train
        if command[1] != "dvc":  # which is not counted
            ran.append((command, train.seed, train.instructions, train.epochs))
        return {"seconds": len(ran), "largest_process": 1}

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "open_clone", lambda _: nullcontext(repository))
    output = tmp_path / "bench.json"
    call(bench.main, "--pairs", "2", "--epochs", "7", "--output", str(output))
    found = json.loads(output.read_bytes())
    script = ("tools/plain.py", "data/processed", str(tmp_path / "plain"), "--epochs", "7")
    assert [step[:2] for step in ran[::3]] == [(script, 101), (script, 102)]
    assert [step for step in ran if step[0] != script] == [
        (("-m", "stages"), seed, each, 7) for seed in (101, 102) for each in INSTRUCTIONS
    ]
    assert [{name: cost["seconds"] for name, cost in pair.items()} for pair in found["pairs"]] == [
        {"plain": 1, "avx2": 2, "native": 3},
        {"plain": 4, "avx2": 5, "native": 6},
    ]
    assert found["commit"] == git(repository, "rev-parse", "HEAD")
    assert (found["epochs"], found["training_images"]) == (7, 96)
    assert found["environment"]["threads"] == "1"
    assert found["processor"] in Path("/proc/cpuinfo").read_text()
    with pytest.raises(SystemExit):
        call(bench.main, "--pairs", "0")


def test_costs_of_a_process(tmp_path: Path) -> None:
    """The largest of all processes counts; one that fails is one line, with what it said."""
    (tmp_path / "clone").mkdir()
    child = "import sys; b'x' * {}; sys.exit({})"
    parent = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {!r}]))"
    # A child's peak counts what its parent held when it started it.
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 200_000_000
    started = time.monotonic()
    found = bench.measure(("-c", parent.format(child.format(size, 0))), tmp_path / "clone")
    assert size < found["largest_process"] < size + 100_000_000
    assert found["seconds"] == pytest.approx(time.monotonic() - started, rel=0.5)
    with pytest.raises(InputError, match="expected status 0; found 1: 3"):
        bench.measure(("-c", parent.format(child.format(1, "'3'"))), tmp_path / "clone")


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_sentence_has_the_committed_figures(name: str) -> None:
    """All numbers of the sentence are measured, and every ratio of times is in it."""
    results: dict[str, Any] = json.loads((ROOT / bench.RESULTS).read_text(encoding="utf-8"))
    pairs = results["pairs"]
    text = (ROOT / name).read_text(encoding="utf-8")
    sentence = re.findall(r"<!-- speed: headline -->(.*?)<!-- /speed -->", text, re.DOTALL)[0]
    needed, others = {str(results["epochs"])}, {str(len(pairs)), str(results["cores"])}
    for instructions in INSTRUCTIONS:
        for key, where in (("seconds", needed), ("largest_process", others)):
            found = [pair["plain"][key] / pair[instructions][key] for pair in pairs]
            where |= {f"{value:.2f}" for value in (median(found), min(found), max(found))}
    numbers = {*re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w])", sentence)}
    assert needed <= numbers <= needed | others
    assert results["processor"] in sentence
