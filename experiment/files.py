"""Writers whose files hold no clock, no address and no locale: the same content, the same bytes.

Each writes the whole file under a temporary name beside the target and renames it, so that a
reader, a full disk or a killed process never leaves half a file under the right name.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE_COLUMNS = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path that becomes `path` if the block ends well and is removed if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: Keras, NumPy and matplotlib choose the format by it. Always the same
    # name, so that what a killed process leaves is replaced by the next one's.
    temporary = path.with_name(f".{path.stem}.unfinished{path.suffix}")
    temporary.unlink(missing_ok=True)  # a link there would be written through
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        # write() on a full disk raises OSError without a file name, so add it. Errors without errno
        # (h5py's) keep their message.
        if error.errno is not None:
            error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an uncompressed `.npz` without a clock, the same from every release of Python.

    `numpy.savez` asks for the 64-bit form of the archive, which Python marks as such since 3.11.4.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
            # Released also if the disk is full: Python 3.12.1 crashed when it collected it later.
            with content.getbuffer() as view:
                archive.writestr(member(f"{name}.npy"), view)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with the same line ends on every system."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Mapping[str, float] | Mapping[str, str]) -> None:
    """Write flat JSON, keys sorted, numbers in full precision, no NaN."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def write_curve(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write CSV with `CURVE_COLUMNS`, one row per epoch, numbers in full precision."""
    lines = [CURVE_COLUMNS, *([str(row[name]) for name in CURVE_COLUMNS] for row in rows)]
    write_text(path, "".join(f"{','.join(line)}\n" for line in lines))


def write_predictions(path: Path, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Write CSV, a row per image: its `label`, the `prediction`, and the latter's `probability`.

    Labels are integers `(n,)`, probabilities `float32 (n, classes)`; four decimals are written.
    """
    rows = zip(labels, probabilities.argmax(axis=1), probabilities.max(axis=1), strict=True)
    lines = [f"{label},{prediction},{probability:.4f}\n" for label, prediction, probability in rows]
    write_text(path, "".join(["label,prediction,probability\n", *lines]))


def write_figure(path: Path, figure: "Figure", dots_per_inch: int) -> None:
    """Write a PNG without matplotlib's version in it."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch, metadata={"Software": None})


def member(name: str) -> zipfile.ZipInfo:
    """Describe a file in an archive: no clock, the same on every system."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # Unix, also where Windows writes it
    info.external_attr = 0o644 << 16
    return info
