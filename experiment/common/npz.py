"""Reading `.npz` files of any origin: without pickle, and with each fault as one line."""

import errno
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from experiment.common.errors import InputError

# A compressed file of a few kilobytes can declare terabytes; more than this is not opened.
LARGEST_CONTENT = 8 * 2**30

# What zipfile and NumPy raise for content that is not what it should be: RuntimeError for an
# encrypted member, MemoryError for an array that declares more than fits.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


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
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
            missing = [name for name in names if name not in members]
            if missing:
                raise InputError(
                    f"{path}: expected the arrays {', '.join(names)}; {missing[0]} is missing,"
                    f" found {', '.join(sorted(members)) or 'none'}; add it with numpy.savez"
                )
            if sum(members[name].file_size for name in names) > largest:
                raise InputError(
                    f"{path}: expected at most {largest / 2**20:,.0f} MiB of arrays, found more;"
                    " make the dataset smaller"
                )
            return {name: _read_member(archive, members[name], path) for name in names}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected an .npz file, found a folder; check the path") from None
    except _DAMAGE as error:
        # A damaged directory of the archive makes zipfile seek to before the start (EINVAL).
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: not a whole .npz file ({reason}); get or make it again"
        ) from None


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    with archive.open(info) as member:
        try:
            return npy.read_array(member, allow_pickle=False)
        except ValueError as error:
            if not str(error).startswith("Object arrays"):
                raise
            name = info.filename.removesuffix(".npy")
            raise InputError(
                f"{path}: {name}: expected numbers, found an object array, which could run code;"
                f" save it with a numeric dtype: {name} = np.array({name}.tolist())"
            ) from None
