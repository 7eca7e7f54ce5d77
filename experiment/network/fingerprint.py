"""One hash for everything that a result depends on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def fingerprint(*, parameters: Mapping[str, object], data: Iterable[Path] = ()) -> str:
    """SHA-256 of parameters and data files.

    Args:
        parameters: names and values that JSON can hold, in any order; the environment's and the
            version of the numerics too.
        data: files whose bytes count.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in data:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
