"""`calibrate`: run the pipeline with other seeds, and write how much its metrics vary."""

import csv
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.repo import Repo
from ruamel.yaml import YAML

from gate.errors import CannotCompareError
from gate.git import environment_without_repository, git
from gate.repository import Repository
from gate.runs import LEAST_RUNS
from gate.settings import SETTINGS, load_settings, match_name
from gate.snapshot import Name, Snapshot, covers, read_number

TABLE = "gate.runs.csv"
SEEDS = {"seed", "random_seed", "random_state", "rng_seed"}
MEASURED = "# Margins in deviations are over the {count} seeds that `calibrate` ran: see `runs`.\n"

LOG = ".dvc/tmp/run.log"  # in a clone

Parameters = Mapping[str, set[str]]  # by metrics file, `file: name` of each


def calibrate(folder: Path, count: int, named: str | None, jobs: int) -> None:
    """Run the pipeline of HEAD with the seeds 0 to `count` - 1; write the table and gate.yaml.

    Raises:
        CannotCompareError: the repository is not ready, a run fails, or the seed changes nothing.
    """
    if count < LEAST_RUNS or jobs < 1:
        raise CannotCompareError(
            f"expected --seeds {LEAST_RUNS} or more and --jobs 1 or more; found {count} and {jobs}"
        )
    repository = Repository(folder)
    text = repository.read(files=[SETTINGS]).files[SETTINGS]
    settings = load_settings(text)
    if settings.runs and settings.runs.file != TABLE:
        raise CannotCompareError(
            f"{SETTINGS}: runs: expected {TABLE}; found {settings.runs.file}; remove `runs`"
        )
    before = repository.read(judged=[*settings.metrics])
    judged = {file for file, _ in settings.merge_rules(before.names)}
    parameters = {
        path: {name for name in before.parameters if any(covers(s, name) for s in sources)}
        for path, sources in before.sources.items()
        if path in judged
    }
    seed = find_seed(set().union(*parameters.values()), named)
    others = [f":(exclude){name}" for name in (SETTINGS, TABLE)]
    changed = git(repository.folder, "status", "--porcelain", "-uno", "--", ".", *others)
    if changed or before.stale:
        raise CannotCompareError(
            "expected the results of the last commit; found changes since:"
            f" {changed or ', '.join(before.stale)}; dvc repro, then commit"
        )
    rows = run_missing(repository.folder, before, parameters, seed, range(count), jobs)
    varied = {
        (path, key)
        for path, key in before.names
        if len({row.get(key) for row in rows if row["metrics"] == path}) > 1
    }
    if not varied:
        raise CannotCompareError(
            f"{seed}: expected it to change a metric; all are the same with {count} seeds;"
            " use it in the code, or name another parameter: --parameter NAME"
        )
    of = {
        path: {
            "rows": {"metrics": path, "code": rows[0]["code"]},
            "parameters": {shorten(name): shorten(name) for name in sorted(names - {seed})},
        }
        for path, names in parameters.items()
    }
    runs = {"file": TABLE, "seed": last_part(seed), "of": of}
    text = add_runs(text or "", runs, varied, len({row[last_part(seed)] for row in rows}))
    write_whole(repository.folder / SETTINGS, text)
    print(f"{TABLE} and {SETTINGS}: written; read what changed (git diff), then commit both")


def find_seed(parameters: set[str], named: str | None) -> str:
    """Return the parameter that is named, or is called a seed; CannotCompareError without one."""
    if named:
        found = [name for name in parameters if named in (name, shorten(name))]
    else:
        found = [name for name in parameters if last_part(name) in SEEDS]
    if len(found) != 1:
        listed = ", ".join(sorted(map(shorten, found or parameters))) or "none"
        raise CannotCompareError(
            "expected one parameter of the stages that write the metrics, which is the seed; found"
            f" {listed}; name it: --parameter NAME"
        )
    return found[0]


def run_missing(
    top: Path, before: Snapshot, parameters: Parameters, seed: str, wanted: range, jobs: int
) -> list[dict[str, str]]:
    """Run the seeds that the table lacks, write it after each, and return the rows of this code."""
    every = sorted(set().union(*parameters.values()) - {seed})
    values = {name: before.parameters[name] for name in every}
    same = {shorten(name): "" if v is None else str(v) for name, v in values.items()}
    sources = set().union(*(before.sources[path] for path in parameters)) & before.inputs.keys()
    code = repr([(source, before.inputs[source]) for source in sorted(sources)])
    same["code"] = hashlib.sha256(code.encode()).hexdigest()[:12]
    column, rows = last_part(seed), list[dict[str, str]]()
    if (top / TABLE).exists():
        rows = list(csv.DictReader(io.StringIO((top / TABLE).read_text(encoding="utf-8"))))
    done = {row.get(column) for row in rows if same.items() <= row.items()}
    seeds = [number for number in wanted if str(number) not in done]
    # The repository's own seed last: DVC has its results, so that run tells no duration.
    seeds.sort(key=lambda number: number == before.parameters[seed])
    print(
        f"{len(seeds)} of {len(wanted)} runs to do over {seed}, {jobs} at once, in clones."
        "\nThe first tells how long they take. After a stop, the same command goes on.",
        flush=True,
    )
    started = time.monotonic()
    for finished, (number, after) in enumerate(run_seeds(top, parameters, seed, seeds, jobs), 1):
        for path in parameters:
            numbers = {k: read_number(v) for k, v in after.metrics[path].values.items()}
            cells = {key: repr(value) for key, value in numbers.items() if value is not None}
            rows.append({"metrics": path, **same, column: str(number), **cells})
        rows.sort(key=lambda row: (row["metrics"], int(row.get(column) or 0)))
        write_whole(top / TABLE, format_table(rows))
        rounds = -(-(len(seeds) - finished) // jobs) / -(-finished // jobs)
        minutes = (time.monotonic() - started) * rounds / 60
        print(f"seed {number}: done; {minutes:.1f} minutes left", flush=True)
    return [row for row in rows if same.items() <= row.items()]


def run_seeds(
    top: Path, parameters: Parameters, seed: str, numbers: list[int], jobs: int
) -> Iterator[tuple[int, Snapshot]]:
    """Run the pipeline with each number as the seed, in clones of HEAD that are removed afterwards.

    Yields:
        Each number and its results, in the order in which they are finished.

    Raises:
        CannotCompareError: a run fails. The others are ended.
    """
    with chdir(top), Repo() as repo:
        cache = str(repo.cache.local_cache_dir)
        outs = {repo.fs.relpath(out.fs_path): out for out in repo.index.outs}
        stages = {outs[path].stage.addressing for path in parameters}
    root = Path(git(top, "rev-parse", "--show-toplevel"))
    waiting, running = list(numbers), dict[int, subprocess.Popen[bytes]]()
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with TemporaryDirectory(prefix="gate-") as scratch:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    number = waiting.pop(0)
                    git(root, "clone", "--quiet", "--shared", str(root), f"{scratch}/{number}")
                    folder = Path(scratch, str(number), top.relative_to(root))
                    if (settings := top / ".dvc/config.local").exists():
                        shutil.copy(settings, folder / ".dvc")
                    set_up(folder, cache)
                    setting = f"{seed.replace(': ', ':', 1)}={number}"
                    running[number] = start_run(folder, [setting, *stages])
                time.sleep(0.2)
                for number in [n for n, process in running.items() if process.poll() is not None]:
                    folder = Path(scratch, str(number), top.relative_to(root))
                    if running.pop(number).returncode:
                        print((folder / LOG).read_text(errors="replace"), file=sys.stderr)
                        raise CannotCompareError(
                            f"seed {number}: the run failed; its output is above"
                        )
                    yield number, Repository(folder).read()
                    shutil.rmtree(f"{scratch}/{number}")
        finally:
            for process in running.values():
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
            signal.signal(signal.SIGTERM, before)


def set_up(clone: Path, cache: str) -> None:
    """Give a clone the repository's own cache instead of remotes, whose packages DVC would need."""
    with Repo(str(clone)) as repo:
        for level in ("local", "repo"):  # whose remotes the local ones complete
            with repo.config.edit(level) as settings:
                settings["remote"].clear()
                settings["core"].pop("remote", None)
                settings["cache"]["dir"] = cache


def start_run(folder: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start `dvc exp run` in a clone, in a group of processes that can be ended together."""
    with (folder / LOG).open("wb") as log:
        return subprocess.Popen(
            # -P: modules of the clone are not taken for DVC's.
            [sys.executable, "-P", "-m", "dvc", "exp", "run", "--set-param", *arguments],
            cwd=folder,
            env=environment_without_repository() | {"DVC_NO_ANALYTICS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def format_table(rows: list[dict[str, str]]) -> str:
    """Return the table as CSV; what a row lacks is empty."""
    stream = io.StringIO()
    columns = dict.fromkeys(column for row in rows for column in row)
    writer = csv.DictWriter(stream, [*columns], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def write_whole(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    unfinished = path.resolve().with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path.resolve())


def add_runs(text: str, runs: Mapping[str, object], varied: set[Name], count: int) -> str:
    """Return the text of gate.yaml with `runs`, and with margins in their standard deviations."""
    deviations = 7 if count < 8 else 6 if count < 10 else 5  # README.md has how often each is wrong
    text = re.sub(r"# The margins are ESTIMATED.*\n(#.*\n)*", MEASURED.format(count=count), text)
    text = re.sub("  # (binomial|estimated), [0-9]+ items$", "", text, flags=re.MULTILINE)
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 100
    content = yaml.load(text)
    for file, entries in content["metrics"].items():
        for key, entry in entries.items():
            if any(match_name(name, file, key) for name in varied):
                entry["margin"] = {"deviations": deviations}
    content["runs"] = runs
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def shorten(name: str) -> str:
    """Return the name of a parameter as gate.yaml has it: without params.yaml."""
    return name.removeprefix("params.yaml: ")


def last_part(name: str) -> str:
    """Return `seed` of `params.yaml: train.seed`."""
    return name.rpartition(": ")[2].rpartition(".")[2]
