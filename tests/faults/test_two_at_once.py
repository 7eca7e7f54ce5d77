import os
import signal
from pathlib import Path

from tests.faults.conftest import Row, everything
from tests.faults.processes import finish, forget, good, run, start, wait_until


def test_two_runs_at_once_in_one_clone(
    repository: Path, right: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault="two `dvc repro` at once in one clone")
    forget(repository, "download", "preprocess", "train_dropout", "plot")
    processes = [start(repository, "dvc", "repro") for _ in range(2)]
    done = [finish(process) for process in processes]
    failed = [each for each in done if each.status != 0]
    for each in failed:  # which one comes too late, and where, is chance
        assert "Traceback" not in each.output, each.output
        assert "ERROR: " in each.output, each.output
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    statuses = sorted(each.status for each in done)
    message = "; whoever came too late, with DVC's message" if failed else ""
    row(happened=f"status {statuses[0]} and {statuses[1]}{message}", lost="nothing")


def test_second_run_while_a_stage_is_at_work(
    repository: Path, right: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault="`dvc repro` while another one is in the middle of `download`")
    forget(repository, "download")
    mark = tmp_path / "hangs"
    first = start(
        repository, "dvc", "repro", FAULT="hang", FAULT_IN="stages.download", FAULT_AT="1",
        FAULT_MARK=str(mark),
    )  # fmt: skip
    wait_until(mark.exists, first)
    second = run(repository, "dvc", "repro")
    os.killpg(first.pid, signal.SIGKILL)
    finish(first)
    assert second.status != 0
    assert "Traceback" not in second.output
    assert "data/params.checked' is busy, it is being blocked by" in second.output
    assert f"(PID {first.pid})" in second.output
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    row(
        happened=f"status {second.status}, DVC's message that it is busy, with the other's PID",
        lost="nothing",
    )
