"""The page of this repository, built once, and what its script is given."""

import base64
import contextlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explore.__main__ import build
from explore.words import load_figures
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By language."""
    with contextlib.chdir(ROOT):
        return dict(zip(("en", "ja"), build(tmp_path_factory.mktemp("explore")), strict=True))


@pytest.fixture(scope="session")
def figures() -> dict[str, Any]:
    """The committed figures."""
    with contextlib.chdir(ROOT):
        return load_figures()


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
