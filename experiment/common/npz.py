"""`.npz` files that nobody vouches for, read with care."""

import errno
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from experiment.common.errors import InputError

# A compressed file of a few kilobytes can declare terabytes; more than this is not opened.
LARGEST_CONTENT = 8 * 2**30


def read_arrays(
    path: Path, names: tuple[str, ...], largest: int = LARGEST_CONTENT
) -> dict[str, np.ndarray]:
    """Reads arrays of an `.npz` that nobody vouches for: no pickle, nothing larger than it says.

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
                    f" found {', '.join(sorted(members)) or 'none'}"
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
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: not a whole .npz file ({reason}); get or make it again"
        ) from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a damaged directory sends zipfile before the start
            raise
        raise InputError(f"{path}: not a whole .npz file; get or make it again") from None
    except RuntimeError as error:  # what zipfile raises for an encrypted member
        raise InputError(f"{path}: cannot be opened ({error}); save it without") from None


# What zipfile and NumPy raise for content that is not what it should be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    with archive.open(info) as member:
        shape, dtype, start = _read_header(member)
        if dtype.hasobject:
            raise InputError(
                f"{path}: {info.filename.removesuffix('.npy')}: expected numbers, found an object"
                " array, which could run code; save it with a numeric dtype"
            )
        # Checked before memory is asked for: the header may declare what the file does not hold.
        if math.prod(shape) * dtype.itemsize != info.file_size - start:
            raise ValueError(f"{info.filename} is not as long as it says")
    with archive.open(info) as member:
        return npy.read_array(member, allow_pickle=False)


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, int]:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    return shape, dtype, member.tell()
