"""`make watch`: what it shows of a run, from the files that the run writes."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from experiment.common.files import write_curve
from experiment.common.status import FOLDER, Status
from tests.conftest import free_port
from watch.__main__ import main
from watch.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, chart
from watch.progress import Training, read_rows, study, trainings
from watch.runs import is_run

NOW = time.time()
PATIENCE = 60  # seconds


def write_rows(epochs: int, *, age: float = 0) -> None:
    rows = [
        {"epoch": n, "accuracy": 0.5, "loss": 1 / n, "val_accuracy": 0.25, "val_loss": 2 / n}
        for n in range(1, epochs + 1)
    ]
    write_curve(Path("plots/dropout.csv"), rows)
    os.utime("plots/dropout.csv", (NOW - age, NOW - age))


@pytest.mark.parametrize(
    ("rows", "age", "left", "running", "words"),
    [
        (0, 0, "none", True, "not begun"),
        (0, 0, None, True, "epoch 0 of 3"),
        (1, 0, 1e7, True, "epoch 1 of 3, "),
        (1, 0, 1e7, False, "stopped after epoch 1 of 3"),
        (3, 0, "none", True, "finished: 3 epochs"),
        (3, 99, "none", True, "the curves of an earlier run"),
        (3, 99, None, True, "epoch 3 of 3"),
    ],
)
def test_how_far_a_training_is(
    rows: int, age: float, left: float | str | None, running: bool, words: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if rows:
        write_rows(rows, age=age)
    if not isinstance(left, str):
        Status(FOLDER / "dropout.json", 3).write(rows, left=left)
    without, found = trainings(NOW - 10, 3, running=running)
    assert (without.words, without.rows) == ("not begun", [])
    assert found.words == words or (left == 1e7 and found.words.startswith(words))
    assert [row["val_loss"] for row in found.rows] == [2 / n for n in range(1, rows + 1)]
    assert found.earlier == (age > 0)


def test_what_a_killed_run_left_is_not_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Status(FOLDER / "study.json", 8).write(3, failed=1, left=90)
    told = (FOLDER / "study.json").stat().st_mtime
    monkeypatch.setattr(time, "time", lambda: told + 30)
    assert study(told - 1) == ("3 of 8 runs done, 1 failed, 01:00 left", 0.5)
    assert study(told + 1) is None
    (FOLDER / "study.json").write_text("{")
    assert study(told - 1) is None


def test_curve_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    assert read_rows(path) == []
    for content in (b"", b"epoch,loss\n1", b"epoch\nx\n", b"\xff"):
        path.write_bytes(content)
        assert read_rows(path) == []


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["python -m stages", "python -m stages.train dropout", "python -m study --workers 2",
          "python -m dvc repro", "/a/bin/python /a/bin/dvc exp run -S train.seed=1"], True),
        (["python -m watch", "python -m dvc status", "python -m pytest tests/stages", "less study",
          "python -m", ""], False),
    ],
)  # fmt: skip
def test_commands_that_are_followed(commands: list[str], expected: bool) -> None:
    assert [is_run(each.split()) for each in commands] == [expected] * len(commands)


def training_of(losses: dict[int, float], *, earlier: bool = False) -> Training:
    rows = [{"epoch": epoch, "loss": v, "val_loss": v + 0.2} for epoch, v in losses.items()]
    return Training("with Dropout", "red", rows, "", earlier)


def test_chart_has_all_epochs_and_values_on_its_axes() -> None:
    drawn = chart("loss", [training_of({1: 0.2, 3: 0.4}), training_of({}, earlier=True)], 5)
    x = {1: LEFT, 3: (LEFT + WIDTH - RIGHT) / 2, 5: WIDTH - RIGHT}
    bottom, middle, top = HEIGHT - BOTTOM, (HEIGHT - BOTTOM + TOP) / 2, TOP
    assert drawn.lines[0] == Line([(x[1], bottom), (x[3], middle)], "red", True, False)
    assert drawn.lines[1] == Line([(x[1], middle), (x[3], top)], "red", False, False)
    assert drawn.lines[2:] == [Line([], "red", dashed, True) for dashed in (True, False)]
    assert [label for _, label in drawn.x_ticks] == ["1", "2", "3", "4", "5"]
    assert (drawn.x_ticks[0][0], drawn.x_ticks[-1][0]) == (x[1], x[5])
    assert drawn.y_ticks[0] == (bottom, "0.2")
    assert drawn.y_ticks[-1] == (top, "0.6")
    for losses in ({}, {1: 0.5}):
        drawn = chart("loss", [training_of(losses)] * 2, 1)
        assert [label for _, label in drawn.x_ticks] == ["1"]
        assert all(TOP <= y <= HEIGHT - BOTTOM for line in drawn.lines for _, y in line.points)


# Ends when its standard input does.
RUN = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_page_follows_a_run_and_ends_with_it(
    in_workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_workspace / "stages").mkdir()
    (in_workspace / "stages/__main__.py").write_text(RUN)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"

    def browse() -> list[str]:
        seen = [until("Nothing runs here yet", url)]
        with subprocess.Popen(
            [sys.executable, "-m", "stages"], cwd=in_workspace, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:  # fmt: skip
            seen.append(until("The run is at work", f"{url}now"))
            write_curve(
                Path("plots/dropout.csv"),
                [{"epoch": 1, "accuracy": 0.5, "loss": 1, "val_accuracy": 0.25, "val_loss": 2}],
            )
            Status(FOLDER / "dropout.json", 2).write(1)
            Status(FOLDER / "study.json", 4).write(1)
            seen.append(until("epoch 1 of 2", f"{url}now"))
            assert requests.get(f"{url}params.yaml", timeout=PATIENCE).status_code == 404
            assert process.stdin
            process.stdin.close()
        seen.append(until("data-ended", f"{url}now"))
        return seen

    monkeypatch.setattr(sys, "argv", ["watch", "--port", str(port)])
    with ThreadPoolExecutor() as pool:
        browsing = pool.submit(browse)
        main()
    first, begun, epoch, ended = browsing.result()
    assert "<script>" in first
    assert "http" not in first  # nothing from elsewhere
    assert "with Dropout</b>: not begun" in begun
    assert (
        "validation: accuracy 0.2500, loss 2.0000; training: accuracy 0.5000, loss 1.0000" in epoch
    )
    assert "1 of 4 runs done, 0 failed" in epoch
    assert epoch.count("<polyline") == 8
    # The only dashed point of accuracy is that of training, 0.5, the highest.
    accuracy = epoch.partition("</figure>")[0]
    assert re.findall(r'points="(.+)" stroke-dasharray', accuracy) == [f"{LEFT}.0,{TOP}.0 "]
    assert "stopped after epoch 1 of 2" in ended
    assert capsys.readouterr().out.splitlines() == [
        f"watch: {url} (Ctrl-C ends it)",
        "watch: the run has ended",
    ]


def until(words: str, url: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            page = str(requests.get(url, timeout=PATIENCE).text)
        except requests.ConnectionError:
            page = ""
        if words in page:
            return page
        time.sleep(0.05)
    raise AssertionError(f"{words!r} did not come: {page}")


def test_bad_port_and_missing_parameters_are_one_line(
    in_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["watch", "--port", "99999"])
    with pytest.raises(SystemExit, match=r"^watch: --port: expected a free port; found 99999 "):
        main()
    Path("params.yaml").unlink()
    with pytest.raises(SystemExit, match=r"^watch: params.yaml: no such file"):
        main()
