import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.repository import RESULTS, contents

DATA = [f"data/{name}.npz" for name in ("processed/test", "processed/train", "raw/images")]
DATA += ["data/processed/validation.npz", "data/params.checked"]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")


def everything(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all that the pipeline makes, by name; what is missing is left out.

    Of `dvc.lock` the content: DVC lists the stages in the order in which they were first run.
    """
    stages = json.dumps(YAML(typ="safe").load(folder / "dvc.lock")["stages"], sort_keys=True)
    return contents(folder, [*DATA, *RESULTS]) | {"dvc.lock": stages.encode()}


def forget(folder: Path, *stages: str) -> None:
    """Let DVC know nothing of an earlier run of these stages: `dvc repro` must run them."""
    shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)
    yaml, path = YAML(), folder / "dvc.lock"
    content = yaml.load(path)
    for stage in stages:
        del content["stages"][stage]
    yaml.dump(content, path)


@pytest.fixture(scope="session")
def right(finished_by_stand_in: Path) -> dict[str, bytes]:
    """The bytes that every later run in `repository` must end with."""
    return everything(finished_by_stand_in)


@pytest.fixture(scope="session")
def trained(finished: Path) -> dict[str, bytes]:
    """The bytes that every later run in a copy of `finished` must end with."""
    return everything(finished)
