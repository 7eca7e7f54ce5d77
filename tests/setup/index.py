"""A package index as it may be one day: it has a release 999 of every locked package, too.

The packages are stand-ins: empty, so that set-up takes seconds. Real are setuptools, packed from
what is installed here, and uv, which the stand-in starts from here.
"""

import hashlib
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

# A test that names a file in STANDS_IN has it do what uv would do, or a part of it.
UV = f"""\
#!/bin/sh
[ -z "${{STANDS_IN:-}}" ] || . "$STANDS_IN"
exec "{Path(sys.executable).parent}/uv" "$@"
"""
SOURCE_ONLY = "antlr4-python3-runtime"
SETUP = f"from setuptools import setup\nsetup(name={SOURCE_ONLY!r}, version={{!r}})\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


def make_index(folder: Path, lock: str) -> str:
    """Give a folder a folder for each package of the lock: served, it is a simple index (PEP 503).

    Returns:
        The same lock with the hashes of the stand-ins.
    """
    lines = []
    for name, version, marker in re.findall(r"^([a-z0-9.-]+)==(\S+)(.*?) \\$", lock, re.MULTILINE):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_package(folder / name, name, "999")
        file = write_package(folder / name, name, version)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{name}=={version}{marker} --hash=sha256:{digest}\n")
    return "".join(lines)


def write_package(folder: Path, name: str, version: str) -> Path:
    """Write an empty wheel of a release, or the source of the package that has no wheel."""
    stem, said = f"{name.replace('-', '_')}-{version}", METADATA.format(name, version)
    file, info = f"{stem}-py3-none-any.whl", f"{stem}.dist-info"
    members: dict[str, str | bytes] = {f"{info}/METADATA": said, f"{info}/WHEEL": WHEEL}
    if name == "setuptools" and version != "999":
        files = [path for path in metadata.files(name) or [] if path.suffix != ".pyc"]
        members = {path.as_posix(): path.read_binary() for path in files}
    if name == "uv":
        members[f"{stem}.data/scripts/uv"] = UV
    if name == SOURCE_ONLY:
        file = f"{SOURCE_ONLY}-{version}.zip"
        members = {f"{stem}/PKG-INFO": said, f"{stem}/setup.py": SETUP.format(version)}
    else:
        members[f"{info}/RECORD"] = ""
    with zipfile.ZipFile(folder / file, "w") as archive:
        for member, data in members.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
    return folder / file


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
