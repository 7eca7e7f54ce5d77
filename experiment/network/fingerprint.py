"""One hash for everything that a result depends on."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def fingerprint(
    *, parameters: Mapping[str, object], data: Iterable[Path], code: Iterable[Path]
) -> str:
    """SHA-256 of parameters, data files and code.

    Args:
        parameters: names and values that JSON can hold, in any order; the environment's too.
        data: files whose bytes count.
        code: Python files whose meaning counts: a changed comment or line break does not.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in data:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for path in code:
        meaning = ast.dump(ast.parse(path.read_text(encoding="utf-8")))
        digest.update(hashlib.sha256(meaning.encode()).digest())
    return digest.hexdigest()
