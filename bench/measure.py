"""What a command costs: time, CPU time and memory, of it and of all the processes it starts."""

import os
import resource
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from experiment.common.errors import InputError

# Seconds between two looks at the memory. Each takes milliseconds for a process of 1 GB.
INTERVAL = 0.5

# Seconds that a command gets to end when the bench is interrupted.
PATIENCE = 15


@dataclass(frozen=True)
class Measurement:
    """What one run of a command cost.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of all its processes.
        largest_process: bytes; the most resident memory that one process ever had.
        all_processes: bytes; the most that all had together at one look. Memory that several
            share is counted once (PSS).
        others_cpu_seconds: that the machine's cores spent on other work meanwhile, or waited for
            a hypervisor.
        output: what it printed.
    """

    seconds: float
    cpu_seconds: float
    largest_process: int
    all_processes: int
    others_cpu_seconds: float
    output: str

    def record(self) -> dict[str, Any]:
        """For `results.json`: all but the output."""
        return {name: value for name, value in asdict(self).items() if name != "output"}


def measure(command: Sequence[str], folder: Path, *, interval: float = INTERVAL) -> Measurement:
    """Runs a command to its end; `python` in it and in what it starts is this Python.

    Raises:
        InputError: it fails; its last lines are in the message.
    """
    here = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        machine, own, children = _machine_cpu(), _cpu("SELF"), _cpu("CHILDREN")
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        memory = _Memory(process.pid, interval)
        try:
            status = process.wait()
        finally:
            _stop(process)
            memory.stop()
        seconds = time.perf_counter() - started
        cpu = _cpu("CHILDREN") - children
        others = _machine_cpu() - machine - cpu - (_cpu("SELF") - own)
        output.seek(0)
        text = output.read()
    if status != 0:
        last = " / ".join(text.strip().splitlines()[-3:])
        raise InputError(f"{shlex.join(command)}: expected status 0, found {status}: {last}")
    return Measurement(seconds, cpu, memory.largest, memory.together, max(0.0, others), text)


class _Memory:
    """Looks at a process and its descendants at intervals, in a thread, until it is stopped."""

    def __init__(self, pid: int, interval: float) -> None:
        self.largest = self.together = 0
        self._pid, self._interval = pid, interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            together = 0
            for process in _tree(self._pid):
                with suppress(psutil.Error, OSError):
                    together += process.memory_full_info().pss
                    self.largest = max(self.largest, _most_resident(process.pid))
            self.together = max(self.together, together)
            if self._stopped.wait(self._interval):
                return


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _most_resident(pid: int) -> int:
    """The kernel's own mark of the most resident memory of a process: no peak is missed."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    marks = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(marks[0].split()[1]) * 1024 if marks else 0


def _cpu(who: str) -> float:
    usage = resource.getrusage(getattr(resource, f"RUSAGE_{who}"))
    return usage.ru_utime + usage.ru_stime


def _machine_cpu() -> float:
    """Seconds that all cores together were not idle since the machine was started."""
    times = psutil.cpu_times()
    return float(sum((times.user, times.nice, times.system, times.irq, times.softirq, times.steal)))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends what is still running, which is so when the bench itself is interrupted."""
    if process.poll() is not None:
        return
    tree = _tree(process.pid)
    process.terminate()
    left = psutil.wait_procs(tree, timeout=PATIENCE)[1]
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(left)
    process.wait()
