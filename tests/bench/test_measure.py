import sys
from pathlib import Path

import psutil
import pytest

from bench import machine
from bench.measure import measure
from experiment.support.errors import InputError

MB = 10**6

# Two at once, each with 100 MB and 0.2 seconds of CPU.
CHILD = """
import time
block = b"x" * 10**8
end = time.process_time() + 0.2
while time.process_time() < end: pass
"""
PARENT = f"""
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", {CHILD!r}]) for _ in range(2)]
print(sys.prefix, [child.wait() for child in children])
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB, as on Linux")


def test_processes_that_a_command_starts_count_and_this_one_does_not(tmp_path: Path) -> None:
    block = b"x" * (200 * MB)
    costs, output = measure(["python", "-c", PARENT], tmp_path)
    assert output == f"{sys.prefix} [0, 0]\n"  # it is this Python that runs
    assert costs["seconds"] >= 0.2
    assert costs["cpu_seconds"] >= 0.4
    assert 100 * MB < costs["largest_process"] < 180 * MB < len(block)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            [sys.executable, "-c", "import sys; print('a\\nb', flush=True); sys.exit('c')"],
            "found 1: a / b / c",
        ),
        (["no-such-program"], "No such file or directory: 'no-such-program'"),
    ],
)
def test_failure_shows_the_last_lines(command: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"expected status 0, found 1: .*{message[9:]}$"):
        measure(command, tmp_path)


def test_floor_of_an_epoch() -> None:
    """By hand: 258,425,856,000 operations, and 1,500 updates of 19,430,936 bytes."""
    seconds = machine.floor_seconds(flops_per_second=1e11, bytes_per_second=1e10)
    assert seconds == pytest.approx(2.58425856 + 2.9146404)


def test_rates_have_the_right_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PRODUCT_SIDE", 128)
    monkeypatch.setattr(machine, "COPY_BYTES", 2**20)
    rates = machine.measure_rates()
    assert 1e7 < rates["flops_per_second"] < 1e14
    assert 1e6 < rates["bytes_per_second"] < 1e13


def test_machine_is_described() -> None:
    found = machine.describe_machine()
    assert found["cores"] >= 1
    assert found["memory"] == psutil.virtual_memory().total
    assert found["tensorflow"].startswith("2.")
