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
from contextlib import contextmanager
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
        known = _metadata_of(name)
        files: dict[str, bytes] = {}
        for version in [*dict.fromkeys(version for version, _ in pins), "999"]:
            if name in REAL and version != "999":
                made = _packed(name)
            elif name == SOURCE_ONLY:
                made = _source(name, version)
            else:
                made = _wheel(name, version, known)
            files |= made
        if name not in without:
            _publish(folder / name, files)
        locked = [content for file, content in files.items() if "-999" not in file]
        hashes = [f"    --hash=sha256:{hashlib.sha256(content).hexdigest()}" for content in locked]
        comments = re.findall(r"^    #.*\n", block, re.MULTILINE)
        for version, marker in pins:
            text = f"{name}=={version}{marker} \\\n" + " \\\n".join(hashes) + "\n"
            blocks[name, version] = text + "".join(comments)
    return "".join(blocks.values())


def _publish(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    links = "".join(f'<a href="{file}">{file}</a>\n' for file in files)
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def _metadata_of(name: str) -> list[str]:
    """What the installed package needs and which extras it has; nothing if it is not here."""
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    return [
        f"{key}: {value}"
        for key in ("Provides-Extra", "Requires-Dist")
        for value in found.get_all(key) or []
    ]


def _wheel(name: str, version: str, known: list[str]) -> dict[str, bytes]:
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *known]
    return _zipped(
        f"{stem}-py3-none-any.whl",
        {
            f"{info}/METADATA": "\n".join([*lines, ""]).encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        },
        info,
    )


def _packed(name: str) -> dict[str, bytes]:
    """The installed package as the wheel that it came from."""
    found = metadata.distribution(name)
    stem = f"{canonicalize_name(name)}-{found.version}"
    members = {}
    for file in found.files or []:
        if file.suffix == ".pyc" or file.name in ("RECORD", "INSTALLER", "REQUESTED"):
            continue
        scripts = f"{stem}.data/scripts/{file.name}"
        place = scripts if file.parts[0] == ".." else file.as_posix()
        members[place] = Path(str(found.locate_file(file))).read_bytes()
    return _zipped(f"{stem}-py3-none-any.whl", members, f"{stem}.dist-info")


def _zipped(wheel: str, members: dict[str, bytes], info: str) -> dict[str, bytes]:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        record = []
        for member, data in members.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(data)}\n")
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "".join(record) + f"{info}/RECORD,,\n")
    return {wheel: content.getvalue()}


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
