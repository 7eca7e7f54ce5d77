"""A package index as it may be one day: it has a release 999 of every locked package, too.

The packages are stand-ins: empty, so that set-up takes seconds. Real are setuptools, packed from
what is installed here, and uv, which the stand-in starts from here.
"""

import hashlib
import re
import shutil
import ssl
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

SOURCE_ONLY = "antlr4-python3-runtime"
UV = f'exec "{Path(sys.executable).parent}/uv" "$@"'


def make_index(folder: Path, lock: str, uv: str = UV) -> str:
    """Fill `folder` with packages.

    Args:
        folder: gets a folder for each package: served, it is a simple index (PEP 503).
        lock: the text of requirements.txt.
        uv: the shell script that uv consists of.

    Returns:
        The same lock with the hashes of the stand-ins.
    """
    lines = []
    for name, version, marker in re.findall(r"^([a-z0-9.-]+)==(\S+)(.*?) \\$", lock, re.MULTILINE):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for release in ("999", version):
            write = write_source if name == SOURCE_ONLY else write_wheel
            file = write(folder / name, f"{name.replace('-', '_')}-{release}", uv)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{name}=={version}{marker} --hash=sha256:{digest}\n")
    return "".join(lines)


def write_wheel(folder: Path, stem: str, uv: str) -> Path:
    """Write an empty wheel of a release; that of uv is a script, that of setuptools is real."""
    name, version = stem.split("-")
    members: dict[str, str | bytes] = {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/RECORD": "",
    }
    if name == "uv":
        members[f"{stem}.data/scripts/uv"] = f"#!/bin/sh\n{uv}\n"
    if name == "setuptools" and version != "999":
        for file in metadata.files(name) or []:
            if file.suffix != ".pyc" and file.name not in ("RECORD", "INSTALLER", "REQUESTED"):
                members[file.as_posix()] = file.read_binary()
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
    return path


def write_source(folder: Path, stem: str, _: str) -> Path:
    """Write a source distribution without a pyproject.toml."""
    version = stem.partition("-")[2]
    (folder / stem).mkdir()
    (folder / stem / "PKG-INFO").write_text("Metadata-Version: 2.1\n")
    setup = f"from setuptools import setup\nsetup(name={SOURCE_ONLY!r}, version={version!r})\n"
    (folder / stem / "setup.py").write_text(setup)
    archive = shutil.make_archive(str(folder / f"{SOURCE_ONLY}-{version}"), "gztar", folder, stem)
    shutil.rmtree(folder / stem)
    return Path(archive)


@contextmanager
def served(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """Serve a folder on this machine alone; by HTTPS with a certificate that holds its key."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()
