"""The benchmark: what it runs in turn, and what the READMEs say of the committed figures."""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any, get_args

import pytest
from ruamel.yaml import YAML

from experiment.parameters import Instructions, load_parameters
from experiment.support.errors import InputError
from tests.conftest import ROOT
from tools import bench
from tools.verify import open_clone, run


def cost(seconds: float, megabytes: int) -> dict[str, float]:
    return {"seconds": seconds, "largest_process": megabytes * 10**6}


def test_ratios() -> None:
    """The median of the ratios within the pairs is not the ratio of the medians."""
    pairs = [
        {"plain": cost(seconds, 800), "avx2": cost(10, 400), "native": cost(5, 200)}
        for seconds in (15, 40, 20)
    ]
    pairs[0]["avx2"] = cost(5, 400)
    assert bench.compute_ratios(pairs, "avx2", "seconds") == [3, 2, 4]
    results = {"pairs": pairs, "epochs": 2, "training_images": 1000, "cores": 2, "processor": "P"}
    assert bench.format_results(results) == (
        "avx2: the plain script takes 3.00 times as long (2.00 to 4.00) and 2.00 times the memory;"
        " one training sees 200 images a second\n"
        "native: the plain script takes 4.00 times as long (3.00 to 8.00) and 4.00 times the memory;"
        " one training sees 400 images a second\n"
        "3 pairs, 2 epochs, 2 cores, P"
    )


def test_pairs_in_turn(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain script, then the pipeline with each set of instructions, with a new seed per pair."""
    ran = []

    def measure(command: tuple[str, ...], clone: Path) -> dict[str, float]:
        train = YAML(typ="safe").load(clone / "params.yaml")["train"]
        ran.append((*command[:2], train["seed"], train["instructions"], train["epochs"]))
        return cost(len(ran), 1)

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "git", lambda *_: "abc")
    monkeypatch.setattr(bench, "read_split", lambda _: load_images())
    ...
