"""Servers of the kinds that docs/remotes.md names, on this machine's loopback, for one test."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import free_port
from tests.setup.model_index import served

PATIENCE = 30  # seconds


@dataclass(frozen=True)
class Remote:
    """A place to push to.

    Attributes:
        section: the heading in docs/remotes.md that tells how to use it.
        values: what to write in the place of that section's examples.
        secret: what no commit may hold; empty where there is nothing to hide.
    """

    section: str
    values: dict[str, str] = field(default_factory=dict)
    secret: str = ""


@contextmanager
def folder(top: Path) -> Iterator[Remote]:
    yield Remote("A folder", {"/srv/dvc": str(top / "store")})


@contextmanager
def ssh(top: Path) -> Iterator[Remote]:
    """OpenSSH's server, with keys of its own; only this user may log in, by key."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if not program or not shutil.which("ssh-keygen"):
        pytest.skip("OpenSSH's server is not installed (Debian: openssh-server)")
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(top / name)]
        subprocess.run(command, check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # as the system's service does
    port = free_port()
    options = {
        "ListenAddress": "127.0.0.1",
        "Port": port,
        "HostKey": top / "host",
        "AuthorizedKeysFile": top / "user.pub",
        "AuthenticationMethods": "publickey",
        "PidFile": "none",
        "StrictModes": "no",  # the keys are in a temporary folder
        "UsePAM": "no",
        "Subsystem": "sftp internal-sftp",
    }
    settings = [f"-o{name} {value}" for name, value in options.items()]
    server = subprocess.Popen([program, "-De", "-f", os.devnull, "-E", str(top / "log"), *settings])
    try:
        wait_for(port, server, top / "log")
        url = f"ssh://127.0.0.1:{port}{top}/store"
        values = {"ssh://server.example.org/srv/dvc": url, "you": getpass.getuser()}
        yield Remote("A server with SSH", values | {"~/.ssh/id_ed25519": str(top / "user")})
    finally:
        server.terminate()
        server.wait()


@contextmanager
def s3(top: Path) -> Iterator[Remote]:
    """Moto's server, which speaks S3 over HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        keys = {"aws_access_key_id": "a-key", "aws_secret_access_key": "a-secret"}
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
        client.create_bucket(Bucket="bucket")
        client.close()
        values = {"https://s3.example.org": url, "KEY": "a-key", "SECRET": "a-secret"}
        yield Remote("A bucket on S3", values, secret="a-secret")
    finally:
        server.stop()


@contextmanager
def web(top: Path) -> Iterator[Remote]:
    """Python's server of a folder: it answers GET and HEAD, and refuses to be written to."""
    (top / "store").mkdir()
    with served(top / "store") as url:
        values = {"/srv/dvc": str(top / "store"), "https://dvc.example.org": url}
        yield Remote("A web server, to read from", values)


def wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the server takes connections."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd did not start: {log.read_text()}") from None
            time.sleep(0.05)
