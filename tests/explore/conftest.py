"""The page of this repository, built once, and what its script is given."""

import base64
import contextlib
import json
import os
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from explore.__main__ import build
from explore.networks import compute_units
from explore.words import load_figures, load_words
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By language; one build for all of pytest's processes."""
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent
    paths = {"en": top / "explore/index.html", "ja": top / "explore/index.ja.html"}
    with FileLock(top / "explore.lock"), contextlib.chdir(ROOT):
        if not all(path.exists() for path in paths.values()):
            assert build(top / "explore") == list(paths.values())
    return paths


@pytest.fixture(scope="session")
def figures() -> dict[str, Any]:
    """The committed figures."""
    with contextlib.chdir(ROOT):
        return load_figures()


@pytest.fixture(scope="session", params=["en", "ja"])
def texts(request: pytest.FixtureRequest, figures: dict[str, Any]) -> dict[str, Any]:
    """Of each language."""
    return load_words(request.param, figures)


def unpack(packed: str) -> bytes:
    return zlib.decompress(base64.b64decode(packed))


def load_data(page: Path) -> dict[str, Any]:
    (packed,) = re.findall(r'id="data">([^<]*)<', page.read_text(encoding="utf-8"))
    content: dict[str, Any] = json.loads(unpack(packed))
    return content


@pytest.fixture(scope="session")
def data(pages: dict[str, Path]) -> dict[str, Any]:
    """Of the English page."""
    return load_data(pages["en"])


def unpack_weights(packed: list[Any]) -> list[np.ndarray]:
    kernel, bias, dense, *others = packed
    scale = np.array(dense["scale"])
    whole = np.frombuffer(unpack(dense["whole"]), np.int8).reshape(-1, len(scale))
    output = np.reshape(others[1], (len(scale), -1))
    first = np.reshape(kernel, (3, 3, 1, -1))
    return [first, np.array(bias), whole * scale, np.array(others[0]), output, np.array(others[2])]


@pytest.fixture(scope="session")
def networks(data: dict[str, Any]) -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
    """By name, the weights that the page has, and the units of each of its images."""
    stored = data["networks"]
    images = np.frombuffer(unpack(stored["images"]), np.uint8).reshape(-1, 28, 28)
    weights = {name: unpack_weights(each["weights"]) for name, each in stored["networks"].items()}
    return {name: (each, compute_units(each, images)) for name, each in weights.items()}
