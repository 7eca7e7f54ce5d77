"""Read `.npz` files of any origin: without pickle, and with each fault as one line."""

import errno
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from experiment.support.errors import wrong

# What zipfile and NumPy raise for content that is not what it should be; TypeError for an `.npy`.
_DAMAGE = (
    *(EOFError, MemoryError, OSError, OverflowError, RuntimeError, SyntaxError, TypeError),
    *(ValueError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def read_arrays(
    path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Read arrays of an `.npz`, or raise InputError: missing, damaged, or of objects."""
    arrays, name = dict[str, np.ndarray](), ""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if archive.zip.testzip():  # reads all, so that every CRC is compared
                raise zipfile.BadZipFile
            if missing := [name for name in names if name not in archive]:
                expected, found = f"the arrays {', '.join(names)}", ", ".join(sorted(archive))
                raise wrong(str(path), expected, found or "none", f"add {', '.join(missing)}")
            for name in [name for name in (*names, *optional) if name in archive]:
                arrays[name] = np.asarray(archive[name])
            return arrays
    except (FileNotFoundError, IsADirectoryError) as error:
        found = "a folder" if isinstance(error, IsADirectoryError) else "no such file"
        raise wrong(str(path), "an .npz file", found, "check the path") from None
    except _DAMAGE as error:
        # A damaged directory of the archive makes zipfile seek to before the start (EINVAL).
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        found, remedy = "another kind of file, or a damaged one", "get or make it again"
        if str(error).startswith("Object arrays"):
            found, remedy = f"objects in {name}, which could run code", "save numbers or text"
        raise wrong(str(path), "a whole .npz file", found, remedy) from None
