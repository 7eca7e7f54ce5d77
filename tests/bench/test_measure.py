import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench import machine, measure
from bench.measure import _stop
from experiment.common.errors import InputError

MB = 10**6

# Two at once, each with 100 MB, and half a second of CPU in which they can be looked at.
CHILD = """
import time
block = b"x" * 10**8
print("ready", flush=True)
input()
end = time.process_time() + 0.5
while time.process_time() < end: pass
"""
PARENT = f"""
import subprocess, sys
command = [sys.executable, "-c", {CHILD!r}]
pipes = {{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}}
children = [subprocess.Popen(command, **pipes) for _ in range(2)]
ready = [child.stdout.readline() for child in children]
for child in children:
    print(file=child.stdin, flush=True)
print([child.wait() for child in children])
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")


def test_descendants_count(tmp_path: Path) -> None:
    found = measure.measure([sys.executable, "-c", PARENT], tmp_path, interval=0.01)
    assert found.output == "[0, 0]\n"
    assert found.cpu_seconds >= 1
    assert 100 * MB < found.largest_process < 180 * MB
    assert 200 * MB < found.all_processes < 360 * MB
    assert "output" not in found.record()


def test_python_is_this_python(tmp_path: Path) -> None:
    found = measure.measure(["python", "-c", "import sys; print(sys.prefix)"], tmp_path)
    assert found.output == f"{sys.prefix}\n"


def test_failure_shows_the_last_lines(tmp_path: Path) -> None:
    code = "import sys; print('first'); print('a\\nb'); sys.exit('c')"
    with pytest.raises(InputError, match=r"expected status 0, found 1: a / b / c$"):
        measure.measure([sys.executable, "-c", code], tmp_path)


def test_descendants_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that a process leaves behind when it is asked to end."""
    monkeypatch.setattr(measure, "PATIENCE", 0.1)
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        left = psutil.Process(int(process.stdout.readline()))
        _stop(process)
    assert process.returncode is not None
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE


def test_rates_are_of_this_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a thousandth and a thousand times what a core does: no slip of a unit."""
    monkeypatch.setattr(machine, "PRODUCT_SIDE", 128)
    monkeypatch.setattr(machine, "COPY_BYTES", 2**20)
    assert 1e7 < machine.product_rate() < 1e14
    assert 1e6 < machine.copy_rate() < 1e13


def test_machine_is_described() -> None:
    found = machine.describe_machine()
    assert found["cores"] >= 1
    assert found["memory"] == psutil.virtual_memory().total
    assert set(found) == {"cores", "memory", "processor", "python", "system", "tensorflow"}
