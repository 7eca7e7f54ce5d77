import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.repository import RESULTS

DATA = [
    "data/params.checked",
    "data/raw/images.npz",
    *(f"data/processed/{name}.npz" for name in ("test", "train", "validation")),
]
EVERYTHING = [*DATA, *RESULTS, "dvc.lock"]

Row = Callable[..., None]


def everything(folder: Path) -> dict[str, bytes]:
    """The bytes of all that the pipeline makes, by name; what is missing is left out.

    Of `dvc.lock` the content: DVC lists the stages in the order in which they were first run.
    """
    made = {name: (folder / name).read_bytes() for name in EVERYTHING if (folder / name).is_file()}
    stages = YAML(typ="safe").load(made["dvc.lock"])["stages"]
    return {**made, "dvc.lock": json.dumps(stages, sort_keys=True).encode()}


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """Records a row of docs/faults.md: `fault` first, what was seen of it later.

    As `record_property` does, which refuses pytest's default family of reports.
    """

    def record(**cells: str) -> None:
        request.node.user_properties.extend(cells.items())

    return record


@pytest.fixture(scope="session")
def right(finished_by_stand_in: Path) -> dict[str, bytes]:
    """The bytes that every later run in `repository` must end with."""
    return everything_of(finished_by_stand_in)


@pytest.fixture(scope="session")
def trained(finished: Path) -> dict[str, bytes]:
    """The bytes that every later run in a copy of `finished` must end with."""
    return everything_of(finished)


def everything_of(finished: Path) -> dict[str, bytes]:
    result = everything(finished)
    assert list(result) == EVERYTHING
    return result


@pytest.fixture
def repository(finished_by_stand_in: Path, tmp_path: Path) -> Path:
    """A copy of the finished repository, elsewhere on disk, in which nothing is learned."""
    return copy_of(finished_by_stand_in, tmp_path)


def copy_of(finished: Path, folder: Path) -> Path:
    shutil.copytree(finished, folder / "repository", symlinks=True)
    return folder / "repository"
