import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.repository import RESULTS

DATA = [
    "data/params.checked",
    "data/raw/images.npz",
    *(f"data/processed/{name}.npz" for name in ("test", "train", "validation")),
]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")


def everything(folder: Path) -> dict[str, bytes]:
    """The bytes of all that the pipeline makes, by name; what is missing is left out.

    Of `dvc.lock` the content: DVC lists the stages in the order in which they were first run.
    """
    names = [*DATA, *RESULTS, "dvc.lock"]
    made = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    stages = YAML(typ="safe").load(made["dvc.lock"])["stages"]
    return {**made, "dvc.lock": json.dumps(stages, sort_keys=True).encode()}


@pytest.fixture(scope="session")
def right(finished_by_stand_in: Path) -> dict[str, bytes]:
    """The bytes that every later run in `repository` must end with."""
    return everything(finished_by_stand_in)


@pytest.fixture(scope="session")
def trained(finished: Path) -> dict[str, bytes]:
    """The bytes that every later run in a copy of `finished` must end with."""
    return everything(finished)
