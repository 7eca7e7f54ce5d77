"""A file that is damaged in DVC's cache."""

import hashlib
import os
from pathlib import Path

from tests.faults.conftest import PAGE, everything, forget
from tests.faults.processes import good, run

RAW = "data/raw/images.npz"


def test_damaged_cache(repository: Path, right: dict[str, bytes]) -> None:
    """Bits of DVC's copy of an output flip, as on a failing disk: size, mode and time stay.

    DVC takes a cached file that is write-protected (0444) for whole, without reading it, and puts
    it in place of what the stage has just written. What does notice is whoever reads it: each array
    in an `.npz` has a CRC-32. Once the copy is not protected, DVC replaces it.
    """
    digest = hashlib.md5((repository / RAW).read_bytes()).hexdigest()
    copy = repository / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    before, content = copy.stat(), bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 0xFF
    copy.chmod(0o600)
    copy.write_bytes(content)
    copy.chmod(before.st_mode)
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    forget(repository, "download", "preprocess")
    (repository / RAW).unlink()
    done = run(repository, "dvc", "repro")
    assert done.status != 0
    (line,) = [line for line in done.output.splitlines() if line.startswith(f"preprocess: {RAW}: ")]
    assert "found another kind of file, or a damaged one" in line
    assert f"`{line}`" in PAGE
    copy.chmod(0o644)
    (repository / RAW).unlink()
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
