"""Reading `.npz` files of any origin: without pickle, and with each fault as one line."""

import errno
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from experiment.support.errors import InputError

# A compressed file of a few kilobytes can declare terabytes; more than this is not opened.
LARGEST_CONTENT = 8 * 2**30

# What zipfile and NumPy raise for content that is not what it should be: RuntimeError for an
# encrypted member, MemoryError for an array that declares more than fits.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, MemoryError, OSError,
           OverflowError, RuntimeError, ValueError)  # fmt: skip


def read_arrays(
    path: Path, names: tuple[str, ...], largest: int = LARGEST_CONTENT
) -> dict[str, np.ndarray]:
    """Reads arrays of an `.npz`.

    Args:
        path: the file.
        names: arrays that must be there; others are not read.
        largest: bytes that the arrays may take in memory, all together.

    Raises:
        InputError: the file is missing, damaged, too large, lacks an array, or holds objects.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            for name in names:
                if f"{name}.npy" not in sizes:
                    there = [file.removesuffix(".npy") for file in sorted(sizes)]
                    raise InputError(
                        f"{path}: expected the arrays {', '.join(names)}; {name} is missing,"
                        f" found {', '.join(there) or 'none'}; add it with numpy.savez"
                    )
            if sum(sizes[f"{name}.npy"] for name in names) > largest:
                raise InputError(
                    f"{path}: expected at most {largest / 2**20:,.0f} MiB of arrays, found more;"
                    " make the dataset smaller"
                )
            for name in names:
                with archive.open(f"{name}.npy") as file:
                    arrays[name] = npy.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected an .npz file, found a folder; check the path") from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        if reason.startswith("Object arrays"):
            raise InputError(
                f"{path}: {name}: expected numbers, found an object array, which could run code;"
                f" save it with a numeric dtype: {name} = np.array({name}.tolist())"
            ) from None
        # A damaged directory of the archive makes zipfile seek to before the start (EINVAL).
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise InputError(
            f"{path}: not a whole .npz file ({reason}); get or make it again"
        ) from None
    return arrays
