"""A package index as it may be one day: of all that is locked it has a release 999, too.

The packages are stand-ins: empty but for their real metadata, so that set-up takes seconds. Real
are uv and setuptools, which set-up runs; they are packed from what is installed here.
"""

import base64
import hashlib
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from io import BytesIO
from pathlib import Path
from tarfile import TarInfo
from tarfile import open as open_tar

from packaging.utils import canonicalize_name

from tools.setup import SOURCE_ONLY, read_lock

REAL = ("setuptools", "uv")


def make_index(folder: Path, lock: str, *, without: tuple[str, ...] = ()) -> str:
    """Fills `folder` with a simple index (PEP 503).

    Args:
        folder: where; a folder of files and a page for each package.
        lock: the text of requirements.txt.
        without: packages that this index does not have.

    Returns:
        The same lock with the hashes of the stand-ins.
    """
    blocks = {}
    for name, block in read_lock(lock).items():
        pins = re.findall(r"^\S+?==(\S+)(.*?) \\$", block, re.MULTILINE)
        files: dict[str, bytes] = {}
        for version in [*dict.fromkeys(version for version, _ in pins), "999"]:
            real = name in REAL and version != "999"
            make = _packed if real else _source if name == SOURCE_ONLY else _wheel
            files |= make(name, version)
        if name not in without:
            (folder / name).mkdir(parents=True)
            for file, content in files.items():
                (folder / name / file).write_bytes(content)
            links = "".join(f'<a href="{file}">{file}</a>\n' for file in files)
            page = f"<!DOCTYPE html><html><body>{links}</body></html>"
            (folder / name / "index.html").write_text(page)
        locked = [content for file, content in files.items() if "-999" not in file]
        hashes = [f"    --hash=sha256:{hashlib.sha256(content).hexdigest()}" for content in locked]
        comments = re.findall(r"^    #.*\n", block, re.MULTILINE)
        for version, marker in pins:
            text = f"{name}=={version}{marker} \\\n" + " \\\n".join(hashes) + "\n"
            blocks[name, version] = text + "".join(comments)
    return "".join(blocks.values())


def _wheel(name: str, version: str) -> dict[str, bytes]:
    """An empty package, with what the installed one needs and which extras that one has."""
    stem = f"{name.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    with suppress(metadata.PackageNotFoundError):
        known = metadata.metadata(name)
        for key in ("Provides-Extra", "Requires-Dist"):
            lines += [f"{key}: {value}" for value in known.get_all(key) or []]
    info = f"{stem}.dist-info"
    members = {
        f"{info}/METADATA": "\n".join([*lines, ""]).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return _zipped(stem, members)


def _packed(name: str, version: str) -> dict[str, bytes]:
    """The installed package as the wheel that it came from."""
    found = metadata.distribution(name)
    stem = f"{canonicalize_name(name)}-{version}"
    members = {}
    for file in found.files or []:
        if file.suffix == ".pyc" or file.name in ("RECORD", "INSTALLER", "REQUESTED"):
            continue
        scripts = f"{stem}.data/scripts/{file.name}"
        place = scripts if file.parts[0] == ".." else file.as_posix()
        members[place] = Path(str(found.locate_file(file))).read_bytes()
    return _zipped(stem, members)


def _zipped(stem: str, members: dict[str, bytes]) -> dict[str, bytes]:
    """A wheel of these files."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        record = []
        for member, data in members.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(data)}\n")
        own = f"{stem}.dist-info/RECORD"
        archive.writestr(zipfile.ZipInfo(own), "".join(record) + f"{own},,\n")
    return {f"{stem}-py3-none-any.whl": content.getvalue()}


def _source(name: str, version: str) -> dict[str, bytes]:
    """A source distribution with a setup.py and no pyproject.toml."""
    stem = f"{name}-{version}"
    members = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "setup.py": f"from setuptools import setup\nsetup(name={name!r}, version={version!r})\n",
    }
    content = BytesIO()
    with open_tar(fileobj=content, mode="w:gz") as archive:
        for member, text in members.items():
            entry = TarInfo(f"{stem}/{member}")
            entry.size = len(text)
            archive.addfile(entry, BytesIO(text.encode()))
    return {f"{stem}.tar.gz": content.getvalue()}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder can be read, on this machine alone."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
