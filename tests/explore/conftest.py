"""The page of this repository, built once."""

import contextlib
from pathlib import Path

import pytest

from explore.__main__ import build
from tests.conftest import ROOT


@pytest.fixture(scope="package")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By language."""
    with contextlib.chdir(ROOT):
        paths = build(tmp_path_factory.mktemp("explore"))
    return dict(zip(("en", "ja"), paths, strict=True))
