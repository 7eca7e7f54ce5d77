"""Kills trainings at random moments and compares what they end with, to the bit.

    python -m tests.faults.kill --times 20          on tiny images
    python -m tests.faults.kill --times 20 --here   on this clone's data/processed

Works in a temporary folder: this clone's results stay as they are. Prints a line for each kill;
the status is 1 unless all ended with the bytes of the training that was never killed.
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiment.common.parameters import load_parameters
from tests.conftest import ROOT, set_parameters, synthetic_arrays
from tests.faults.processes import finish, good, run, start, unfinished

VARIANTS = ("no_dropout", "dropout")
EPOCHS = 40  # of the tiny trainings


@dataclass
class Kill:
    """One kill.

    Attributes:
        variant: what was trained.
        moment: seconds after the process was started.
        finished: epochs that the process said were finished.
        resumed: the epoch after which the next process went on; 0 is from the start.
        wrong: files that the training ended with and that have other bytes, or are half files;
            `epochs` where finished ones were trained again.
    """

    variant: str
    moment: float
    finished: int
    resumed: int = 0
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        resumed = f"resumed after epoch {self.resumed}" if self.resumed else "began again"
        return (
            f"{self.variant:<10}  killed after {self.moment:6.2f} s  {resumed:<23} "
            f" {'WRONG: ' + ', '.join(self.wrong) if self.wrong else 'same bytes'}"
        )


def results(folder: Path, variant: str) -> dict[str, bytes]:
    """The bytes of all that a training writes."""
    names = (
        f"models/{variant}.keras",
        f"plots/{variant}.csv",
        f"metrics/{variant}.json",
        f"metrics/{variant}.environment.json",
        f"metrics/{variant}.predictions.csv",
    )
    return {name: (folder / name).read_bytes() for name in names}


def train_with_kills(folder: Path, variant: str, kills: int, moments: random.Random) -> list[Kill]:
    """Starts a training, kills it so many times at random moments, and lets it end.

    A moment is a random epoch of those left for this kill, and a random part of the next one.
    """
    right = results(folder, variant)
    for name in right:
        (folder / name).unlink()
    epochs = load_parameters(folder / "params.yaml").train.epochs
    seen: list[Kill] = []
    finished = 0
    while True:
        process = start(folder, "stages.train", variant)
        started = time.monotonic()
        left = kills - len(seen)
        wanted = finished + moments.randint(0, (epochs - 1 - finished) // left) if left else epochs
        said, pace = read_until(wanted, process)
        if left:
            time.sleep(moments.uniform(0, pace))  # the moment is to be random
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        moment = time.monotonic() - started
        done = finish(process)
        said += done.output
        if seen:
            seen[-1].resumed = epoch_of(r"resumed after epoch (\d+)", said)
        if done.status != -signal.SIGKILL:
            good(done)
            break
        finished = max(finished, epoch_of(r"  epoch +(\d+)/", said))
        seen.append(Kill(variant, moment, finished))
    ended = results(folder, variant)
    # The other training, side by side, may be in the middle of its own.
    half = [name for name in unfinished(folder) if name.startswith(f".{variant}.")]
    for kill in seen:
        again = ["epochs"] if kill.resumed < kill.finished else []
        kill.wrong = (*(name for name in right if ended[name] != right[name]), *half, *again)
    return seen


def read_until(epoch: int, process: "subprocess.Popen[str]") -> tuple[str, float]:
    """Reads until a training says that an epoch is done, or has ended.

    Returns:
        What it said, and the seconds of its last epoch; a tenth where it has not done two.
    """
    assert process.stdout
    said, pace, last = "", 0.1, 0.0
    for line in process.stdout:
        said += line
        if re.search(r"  epoch +\d+/", line):
            now = time.monotonic()
            pace, last = (now - last if last else pace), now
        if epoch_of(r"  epoch +(\d+)/|resumed after epoch (\d+)", said) >= epoch:
            break
    return said, pace


def epoch_of(pattern: str, said: str) -> int:
    """The last epoch that a process named in this way; 0 if none."""
    found = [int("".join(match.groups(""))) for match in re.finditer(pattern, said)]
    return found[-1] if found else 0


@contextlib.contextmanager
def trained(variants: Sequence[str], *, here: bool, epochs: int | None) -> Iterator[Path]:
    """A temporary copy of the pipeline after these trainings, never killed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("experiment", "stages"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "params.yaml", folder)
        if epochs:
            set_parameters(folder, train__epochs=epochs)
        if here:
            shutil.copytree(Path("data/processed"), folder / "data/processed")
        else:
            (folder / "data/own").mkdir(parents=True)
            np.savez(folder / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
            set_parameters(
                folder, data__dataset="data/own/tiny.npz", train__epochs=epochs or EPOCHS,
                model__filters=2, model__dense_units=8,
            )  # fmt: skip
            for stage in ("download", "preprocess"):
                good(run(folder, f"stages.{stage}"))
        with ThreadPoolExecutor(len(variants)) as pool:
            list(pool.map(lambda v: good(finish(start(folder, "stages.train", v))), variants))
        yield folder


def kill(
    variants: Sequence[str],
    times: int,
    *,
    here: bool,
    epochs: int | None,
    per_training: int,
    seed: int,
) -> Iterator[Kill]:
    """Kills these trainings, side by side, `times` times in all."""
    with (
        trained(variants, here=here, epochs=epochs) as folder,
        ThreadPoolExecutor(len(variants)) as pool,
    ):
        moments = {variant: random.Random(f"{seed} {variant}") for variant in variants}
        todo = {v: len(range(i, times, len(variants))) for i, v in enumerate(variants)}
        while any(todo.values()):
            kills = {variant: min(left, per_training) for variant, left in todo.items() if left}
            done = pool.map(lambda v: train_with_kills(folder, v, kills[v], moments[v]), kills)  # noqa: B023
            for variant, seen in zip(kills, done, strict=True):
                todo[variant] -= len(seen)
                yield from seen


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.kill", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--times", type=int, default=20, help="kills in all (20)")
    parser.add_argument("--here", action="store_true", help="this clone's data/processed")
    parser.add_argument("--epochs", type=int, help=f"(those of params.yaml; tiny: {EPOCHS})")
    parser.add_argument(
        "--per-training", type=int, default=1, help="kills of one training before it may end (1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (0)")
    wanted = parser.parse_args()
    same = 0
    for seen in kill(
        VARIANTS,
        wanted.times,
        here=wanted.here,
        epochs=wanted.epochs,
        per_training=wanted.per_training,
        seed=wanted.seed,
    ):
        same += not seen.wrong
        print(seen, flush=True)
    print(f"{same} of {wanted.times} ended with the bytes of the training that was never killed")
    sys.exit(0 if same == wanted.times else 1)


if __name__ == "__main__":
    main()
