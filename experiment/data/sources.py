"""Gets a known dataset from the first source that has the original."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from experiment.data.dataset import Dataset
from experiment.data.formats import Arrays, SourceError, read_source, sha256_as_idx
from experiment.data.known import KNOWN_DATASETS, Source
from experiment.data.reading import NAMES
from experiment.support.errors import InputError


def fetch(name: str, by_hand: Path, report: Callable[[str], None]) -> Dataset:
    """Gets a known dataset from the first source that has it unaltered.

    Args:
        name: a key of `KNOWN_DATASETS`.
        by_hand: an `.npz` that may be there already; used if it holds the dataset.
        report: told in a line which source is skipped, and why, and which is used.

    Raises:
        InputError: no source has it; the message lists each with its reason.
    """
    known = KNOWN_DATASETS[name]
    in_place = [Source("the file in place", "npz", str(by_hand))] if by_hand.is_file() else []
    reasons = []
    for source in (*in_place, *known.sources):
        try:
            with tempfile.TemporaryDirectory() as folder:
                arrays = read_source(source, known.sha256, Path(folder))
            verify(arrays, known.sha256)
        except SourceError as error:
            reasons.append(f"{source.name} ({error})")
            report(f"skipped {source.name}: {error}")
        else:
            report(f"{name} from {source.name}, verified")
            return Dataset(**{key: np.ascontiguousarray(arrays[key]) for key in NAMES})
    raise InputError(
        f"no source has {name}: {'; '.join(reasons)}. Connect to the internet, or put an npz file"
        f" with {', '.join(NAMES)} at {by_hand}, and run again"
    )


def verify(arrays: Arrays, sha256: Mapping[str, str]) -> None:
    """Raises SourceError unless the arrays have the content of the original IDX files."""
    for key, expected in sha256.items():
        if arrays[key].dtype != np.uint8:
            raise SourceError(f"{key}: expected uint8, found {arrays[key].dtype}")
        if sha256_as_idx(arrays[key]) != expected:
            raise SourceError(f"{key} is not the original: its SHA-256 differs")
