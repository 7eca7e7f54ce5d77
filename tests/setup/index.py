"""A package index as it may be one day: it has a release 999 of every locked package, too.

The packages are stand-ins: empty, so that set-up takes seconds. Real are setuptools, packed from
what is installed here, and uv, which the stand-in starts from here.
"""

import hashlib
import re
import shutil
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


def make_index(folder: Path, lock: str) -> str:
    """Give a folder a folder for each package of the lock: served, it is a simple index (PEP 503).

    Returns:
        The same lock with the hashes of the stand-ins.
    """
    lines = []
    for name, version, marker in re.findall(r"^([a-z0-9.-]+)==(\S+)(.*?) \\$", lock, re.MULTILINE):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for release in ("999", version):
            write = write_source if name == SOURCE_ONLY else write_wheel
            file = write(folder / name, f"{name.replace('-', '_')}-{release}")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{name}=={version}{marker} --hash=sha256:{digest}\n")
    return "".join(lines)


def write_wheel(folder: Path, stem: str) -> Path:
    """Write an empty wheel of a release; that of uv is a script, that of setuptools is real."""
    name, version = stem.split("-")
    info = f"{stem}.dist-info"
    members: dict[str, str | bytes] = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    if name == "uv":
        members[f"{stem}.data/scripts/uv"] = UV
    if name == "setuptools" and version != "999":
        files = [file for file in metadata.files(name) or [] if file.suffix != ".pyc"]
        members = {file.as_posix(): file.read_binary() for file in files} | {f"{info}/RECORD": ""}
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
    return path


def write_source(folder: Path, stem: str) -> Path:
    """Write a source distribution without a pyproject.toml."""
    version = stem.partition("-")[2]
    (folder / stem).mkdir()
    (folder / stem / "PKG-INFO").write_text("Metadata-Version: 2.1\n")
    (folder / stem / "setup.py").write_text(SETUP.format(version))
    archive = shutil.make_archive(str(folder / f"{SOURCE_ONLY}-{version}"), "gztar", folder, stem)
    shutil.rmtree(folder / stem)
    return Path(archive)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
