"""A package index as it may be one day: it has a release 999 of every locked package, too.

The packages are stand-ins: empty, so that set-up takes seconds. Real are setuptools, packed from
what is installed here, and uv, which the stand-in starts from here.
"""

import hashlib
import re
import ssl
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from io import BytesIO
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
            file, content = _source(release) if name == SOURCE_ONLY else _wheel(name, release, uv)
            (folder / name / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        lines.append(f"{name}=={version}{marker} --hash=sha256:{digest}\n")
    return "".join(lines)


def _wheel(name: str, version: str, uv: str) -> tuple[str, bytes]:
    """Return a wheel's name and content."""
    stem = f"{name.replace('-', '_')}-{version}"
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
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for member, data in members.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
    return f"{stem}-py3-none-any.whl", content.getvalue()


def _source(version: str) -> tuple[str, bytes]:
    """Return the name and the content of a source distribution without a pyproject.toml."""
    stem = f"{SOURCE_ONLY}-{version}"
    script = f"from setuptools import setup\nsetup(name={SOURCE_ONLY!r}, version={version!r})\n"
    content = BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member, text in {"PKG-INFO": "Metadata-Version: 2.1\n", "setup.py": script}.items():
            entry = tarfile.TarInfo(f"{stem}/{member}")
            entry.size = len(text)
            archive.addfile(entry, BytesIO(text.encode()))
    return f"{stem}.tar.gz", content.getvalue()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """Serve a folder on this machine alone; by HTTPS with a certificate that holds its key."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()
