"""The page of this repository, built once, and what its script is given."""

import base64
import contextlib
import json
import os
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from explore.__main__ import build
from tests.conftest import ROOT

NAMES = {"en": "index.html", "ja": "index.ja.html"}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By language; one build for all of pytest's processes."""
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent
    paths = {language: top / "explore" / name for language, name in NAMES.items()}
    with FileLock(top / "explore.lock"), contextlib.chdir(ROOT):
        if not all(path.exists() for path in paths.values()):
            assert build(top / "explore") == list(paths.values())
    return paths


def load_data(page: Path) -> dict[str, Any]:
    (packed,) = re.findall(r'id="data">([^<]*)<', page.read_text(encoding="utf-8"))
    content: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return content


@pytest.fixture(scope="session")
def data(pages: dict[str, Path]) -> dict[str, Any]:
    """Of the English page."""
    return load_data(pages["en"])
