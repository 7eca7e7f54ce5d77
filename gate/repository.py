"""All that the gate asks of DVC, whose Python interface is pinned and used nowhere else."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, nullcontext
from functools import cached_property
from hashlib import md5
from pathlib import Path
from typing import Any

import networkx as nx  # type: ignore[import-untyped]
from dvc.config import NoRemoteError
from dvc.data_cloud import DataCloud
from dvc.exceptions import DvcException
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo
from dvc.repo.metrics.show import _collect_metrics
from dvc.repo.plots import onerror_collect
from dvc.utils.serialize import load_path
from dvc.utils.strictyaml import YAMLValidationError
from dvc_data.index import DataIndexDirError

from gate.errors import CannotCompareError, one_line
from gate.git import git, list_changes, try_git
from gate.settings import Settings
from gate.snapshot import MISSING, Snapshot, check_size, flat, matches

LARGEST_FILE = 10_000_000  # bytes of a plot or table; a larger one takes minutes

# What DVC and its parsers raise for a file that is not what it should be.
DAMAGE = (OSError, DvcException, ValueError, RecursionError, CannotCompareError)

# By a pattern of what DVC says, what it leaves unsaid.
REMEDIES = {
    r"dvc\.lock: (?!invalid schema)": "expected a lock file of DVC 2 or later; indent its stages"
    " below `stages:` after a line `schema: '2.0'`, or name a later base",
    r"\['live'\]": "DVC 3 has no `live`; declare what it writes as metrics and plots",
    r"\.dvc: .*'cmd'": "expected a stage in dvc.yaml, not of DVC 0; `dvc stage add` it",
    "object format": "DVC reads repositories with SHA-1 only",
    "^(ImportError|ModuleNotFoundError)": "install that package beside the gate",
    "^PermissionError": "give access, or set DVC_SITE_CACHE_DIR to a folder of yours",
}


class _NoRemotes(DataCloud):  # type: ignore[misc]
    def get_remote(self, name: str | None = None, command: str = "") -> None:
        raise NoRemoteError("the gate uses no network")


class _OfflineRepo(Repo):  # type: ignore[misc]
    """DVC's repository, of which only Git, the workspace and the cache are read."""

    @cached_property
    def index(self) -> Any:
        index = super().index
        for stage in index.stages:
            if stage.is_import:
                stage.deps.clear()  # else DVC would read the source over the network
        return index


class Repository:
    """A Git repository with DVC; all paths are relative to the DVC root, `folder`.

    DVC stands at one revision at a time, of which these are: `commit` (None for the workspace),
    `stages`, `outputs` by path, and `inputs`, the hashes of what no stage writes.
    """

    def __init__(self, folder: Path) -> None:
        """Open the repository that a folder lies in."""
        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # the gate reports problems itself
        self.top = Path(git(folder, "rev-parse", "--show-toplevel"))  # Git names its own remedies
        with _explain_failures("this folder"):
            self._repo = _OfflineRepo(str(folder))
        self._repo.cloud = _NoRemotes(self._repo)
        self.folder = Path(self._repo.root_dir)
        self.cache = str(self._repo.cache.local_cache_dir)
        self._roots = [Path(place).resolve() for place in (self.top, self.cache)]

    def list_metrics_files(self) -> list[str]:
        """Return the paths of the metrics files that any dvc.yaml of the workspace declares."""
        with self._switch(None, "workspace"):
            return self.metrics_files

    def read(
        self, commit: str | None = None, name: str = "workspace", *settings: Settings
    ) -> Snapshot:
        """Return one side: a commit by its full hash, or the workspace.

        The first settings name the metrics files that must not be stale; all of them, the files of
        runs, predictions and the environment that are also read.
        """
        judged = [pattern for each in settings[:1] for pattern in each.metrics]
        files = [each.runs.file for each in settings if each.runs]
        files += [path for each in settings for path in each.predictions.values()]
        environment = [pattern for each in settings for pattern in each.environment]
        with self._switch(commit, name):
            metrics = {path: self._read_metrics(path) for path in self.metrics_files}
            wanted = [path for path in metrics if matches(path, judged)]
            return Snapshot(
                name=name,
                metrics=metrics,
                parameters=self._read_parameters(),
                inputs=self.inputs,
                outputs={path: _hash(out) for path, out in self.outputs.items()},
                sources={p: self._list_sources(p) for p in metrics if self._list_stages(p)},
                frozen=frozenset(self._name(s) for s in self.stages if s.frozen and s.cmd),
                environment={
                    f"{path}: {key}" if key else path: value
                    for path in (*self.inputs, *self.outputs)
                    if matches(path, environment)
                    for key, value in flat(self._read_metrics(path)).items()
                },
                stale=dict(self._find_stale(wanted)) if judged else {},
                files={path: self._read_text(path) for path in dict.fromkeys(files)},
            )

    def read_text(self, path: str) -> str | None:
        """Return the text of a file of the workspace, or None if there is none."""
        with self._switch(None, "workspace"):
            return self._read_text(path)

    def is_ignored(self, path: str) -> bool:
        """Return whether the workspace's .dvcignore hides a file."""
        with self._switch(None, "workspace"):
            return bool(self._repo.dvcignore.is_ignored_file(str(self.folder / path)))

    def read_plots(
        self, commit: str, base: str, candidate: str
    ) -> tuple[list[Any], list[tuple[str, str, str]]]:
        """Return DVC's renderers of a commit and the workspace, and what cannot be drawn.

        Of what cannot: the side, the path (empty if it is all), and why.
        """
        read: dict[str, Any] = {}
        with self._switch(None, "plots"):
            revisions = ["workspace", commit]
            for sides in self._repo.plots.collect(revs=revisions, onerror=onerror_collect):
                for revision, content in sides.items():  # DVC stands at it meanwhile
                    self._note_revision(None if revision == "workspace" else commit)
                    for path, entry in content.get("sources", {}).get("data", {}).items():
                        entry |= self._read_plot(path.lstrip("/"), entry.pop("data_source"))
                read |= sides
        sides = {candidate: read.get("workspace", {}), base: read.get(commit, {})}
        matched = match_defs_renderers(sides, templates_dir=self._repo.plots.templates_dir)
        problems = [
            (side, "", one_line(error))
            for side, content in sides.items()
            for part in content.values()  # definitions and sources
            if (error := part.get("error"))
        ]
        for renderer, sources, definitions in matched:
            errors = [(side, renderer.name, error) for side, error in definitions.items()]
            errors += [(side, *each) for side, found in sources.items() for each in found.items()]
            problems += [(side, path, one_line(error)) for side, path, error in errors]
            # DVC's templates colour and list revisions in the order in which they come.
            renderer.datapoints.sort(key=lambda point: point["rev"] != base)
            renderer.properties.get("revs_with_datapoints", []).sort(key=lambda rev: rev != base)
        return [match.renderer for match in matched], problems

    @contextmanager
    def _switch(self, commit: str | None, name: str) -> Iterator[None]:
        # DVC's paths depend on the current folder.
        switched = self._repo.switch(commit) if commit else nullcontext()
        with _explain_failures(name), chdir(self.folder), switched:
            parameters = self._repo.fs.join(self._repo.root_dir, "params.yaml")
            if self._repo.fs.isfile(parameters):  # which DVC reads with any dvc.yaml
                check_size(load_path(parameters, self._repo.fs))
            self._note_revision(commit)
            yield

    def _note_revision(self, commit: str | None) -> None:
        self.commit = commit
        self.metrics_files = [path.lstrip("/") for path in _collect_metrics(self._repo)]
        self.stages = list(self._repo.index.stages)
        self.outputs = {self._path(out): out for stage in self.stages for out in stage.outs}
        deps = [d for stage in self.stages for d in stage.deps if d.hash_name != "params"]
        self.inputs = {
            self._path(dep): _hash(dep) for dep in deps if not self.find_output(self._path(dep))
        }

    def _read_metrics(self, path: str) -> Mapping[str, object] | str:
        # Not by `dvc metrics show`, which leaves out what is no number.
        try:
            content = self._load(path)
        except FileNotFoundError:
            return self._explain_missing(path)
        except DAMAGE as error:
            # The message of DVC itself has a path that is relative to something else.
            return f"the file is broken: {one_line(error.__cause__ or error)}"
        if isinstance(content, list):
            return "expected numbers by name; found a list"
        return flat(content)

    def _read_parameters(self) -> dict[str, object]:
        for path in {self._path(dep) for dep in self._repo.index.params}:
            if self._repo.dvcfs.isfile(f"/{path}"):
                self._load(path)
        found = self._repo.params.show().get("") or {}
        if "error" in found:
            raise found["error"]
        read: dict[str, object] = {}
        for path, file in found.get("data", {}).items():
            if error := file.get("error"):
                cause = error.__cause__ or error
                why = f"{one_line(cause)}; fix it"
                if isinstance(cause, FileNotFoundError):
                    why = self._explain_missing(path)
                raise CannotCompareError(f"{path}: {why}")
            read |= {f"{path}: {key}": value for key, value in flat(file["data"]).items()}
        return read

    def _read_text(self, path: str) -> str | None:
        try:
            self._check_file(path)
            return bytes(self._repo.dvcfs.cat_file(f"/{path}")).decode("utf-8-sig")
        except FileNotFoundError:
            return None
        except DAMAGE as error:
            raise CannotCompareError(f"{path}: expected text; {one_line(error)}") from None

    def _read_plot(self, path: str, source: Any) -> dict[str, Any]:
        try:
            self._check_file(path)
            read: dict[str, Any] = source(cache=False)
        except DAMAGE as error:
            read = {"error": error}
        if isinstance(read.get("error"), FileNotFoundError):
            read["error"] = CannotCompareError(self._explain_missing(path))
        return read

    def _load(self, path: str) -> object:
        self._check_file(path)
        return check_size(load_path(f"/{path}", self._repo.dvcfs))

    def _check_file(self, path: str) -> None:
        place = (self.folder / path).resolve()
        if self.commit is None and not any(place.is_relative_to(root) for root in self._roots):
            raise CannotCompareError("expected a file of this repository; found a link out of it")
        try:
            size = self._repo.dvcfs.info(f"/{path}").get("size") or 0
        except DataIndexDirError:  # in a folder that was not pulled
            raise FileNotFoundError(path) from None
        if size > LARGEST_FILE:
            raise CannotCompareError(f"expected at most {LARGEST_FILE} bytes; found {size}")

    def _explain_missing(self, path: str) -> str:
        out = self.outputs.get(self.find_output(path) or "")
        if out is None or not out.use_cache or not out.hash_info:
            # 128: behind a link, or in a submodule
            ignored = git(self.folder, "check-ignore", "--", path, statuses=(0, 1, 128))
            hint = "Git ignores it: take it out of .gitignore, " if ignored else ""
            command = "what writes it" if out is None else "`dvc repro`"
            return f"{MISSING}; {hint}run {command}, then commit it"
        hint = "" if self._repo.config["remote"] else "there is no remote: `dvc remote add` one, "
        if self.commit is None:
            return f"the file was not pulled; {hint}run `dvc pull {path}`"
        return f"the file was not fetched; {hint}run `dvc fetch --all-commits {path}`"

    def _list_stages(self, path: str) -> set[Any]:
        """Return the stage that writes a path and all before it; none if no command does."""
        output = self.find_output(path)
        if output is None:
            return set()
        stage = self.outputs[output].stage
        found = {stage, *nx.descendants(self._repo.index.graph, stage)}
        return found if any(stage.cmd for stage in found) else set()

    def _list_sources(self, path: str) -> frozenset[str]:
        """Return the files that no stage writes and the parameters that a path is made from."""
        found: set[str] = set()
        for stage in self._list_stages(path):
            found |= {self._path(out) for out in stage.outs if stage.is_data_source}
            for dep in stage.deps:
                name = self._path(dep)
                if dep.hash_name == "params":
                    found |= {f"{name}: {key}" for key in dep.params or [""]}
                elif name in self.inputs:
                    found.add(name)
        return frozenset(found)

    def find_output(self, path: str) -> str | None:
        """Return the output that a path is, or lies in."""
        parents = (parent.as_posix() for parent in Path(path).parents)
        return next((place for place in (path, *parents) if place in self.outputs), None)

    def _find_stale(self, judged: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what `dvc status` calls changed, in each dvc.yaml that a judged metric depends on.

        What was not pulled is no change: then the hash that the stage was run with is compared with
        the one that its file has in the lock. A frozen stage is checked like any other.
        """
        before = [self._list_stages(path) for path in judged]
        files = {stage.path for stages in before for stage in stages}
        measured = {self.find_output(path) for path in judged}
        for stage in self.stages:
            counts = stage.path in files or not all(before)
            if counts and not stage.is_data_source:
                changes = ", ".join(self._find_changes(stage, measured))
                yield from [(self._name(stage), changes)] if changes else []

    def _name(self, stage: Any) -> str:
        """Return the stage's name, after the folder of its dvc.yaml if that is not the DVC root."""
        below = self._repo.fs.relpath(self._repo.fs.parent(stage.path), self._repo.root_dir)
        name = getattr(stage, "name", None) or stage.relpath.rpartition("/")[2]
        return str(name) if below == "." else f"{below}:{name}"

    def _find_changes(self, stage: Any, measured: set[str | None]) -> Iterator[str]:
        if stage.outs and not any(out.hash_info for out in stage.outs):
            yield "not run yet, or not in dvc.lock"
            return
        if stage.cmd_changed:
            yield "command changed"
        for dep in stage.deps:
            # What is elsewhere is compared by dvc.lock of both sides, a path in the workspace, too.
            inside = dep.is_in_repo and not self._path(dep).startswith("../")
            if inside or (dep.fs.protocol == "local" and self.commit is None):
                yield from self._compare_dependency(dep)
        for out in stage.outs:
            path = self._path(out)
            if path in measured and _find_status(out) == "modified":
                yield f"{path} changed since the stage wrote it"

    def _compare_dependency(self, dep: Any) -> Iterator[str]:
        path, output = self._path(dep), self.find_output(self._path(dep))
        status = _find_status(dep)
        if isinstance(status, Mapping):  # parameters
            yield from (f"{path}: {name} {change}" for name, change in status.items())
        elif status == "deleted" and output and output != path:
            yield f"{path} was not pulled and cannot be checked (run `dvc pull`)"
        elif status == "deleted" and output:
            out = self.outputs[output]
            if not out.use_cache and try_git(self.folder, "ls-files", "--", path):
                yield f"{path} deleted"
            elif _hash(out) != _hash(dep):
                yield f"{path} modified"
        elif _hash(dep) and status and any(Path(o).is_relative_to(path) for o in self.outputs):
            # Its hash is of a moment when the outputs in it were others, or not there.
            if changed := self._list_changes_since_lock(dep.stage, path):
                yield f"{path} modified ({changed[0]})"
        elif status:
            # What Git ignores, such as __pycache__, is in no other clone: to run again is no help.
            now = sum(1 for _ in self._repo.dvcignore.find(dep.fs, dep.fs_path))
            then = dep.meta.nfiles or 0
            hint = f" ({now} of {then} files; hide what Git ignores in .dvcignore, too)"
            yield f"{path} {status}{hint if status == 'modified' and now < then else ''}"

    def _list_changes_since_lock(self, stage: Any, path: str) -> list[str]:
        """Return the files of a folder that are no outputs and differ from when the stage ran."""
        if self.commit is not None:
            return []  # what a commit has is not compared
        lock = str(Path(stage.path).with_name("dvc.lock"))
        clean = not try_git(self.folder, "status", "--porcelain", "--", lock)
        commit = try_git(self.folder, "log", "-1", "--format=%H", "--", lock) if clean else None
        changed = list_changes(self.folder, commit or "HEAD", path)
        return sorted(path for path in changed if not self.find_output(path))

    def _path(self, item: Any) -> str:
        # Not from `fs_path`: at a commit, where nothing is above the top, DVC takes `../x` for `x`.
        fs = self._repo.fs
        folder = fs.relpath(item.stage.wdir, self._repo.root_dir)
        place: str = fs.normpath(fs.join(folder, item.def_path or "")).replace("\\", "/")
        return place if item.is_in_repo or place.startswith("../") else str(item)


def _hash(item: Any) -> Any:
    return item.hash_info.value if item.hash_info else None


def _find_status(item: Any) -> Any:
    """Return DVC's status; none if only line ends differ, as between Windows and others."""
    status, fs, path = item.workspace_status().get(str(item)), item.fs, item.fs_path
    if status == "modified" and fs.isfile(path) and fs.size(path) <= LARGEST_FILE:
        text = fs.cat_file(path).replace(b"\r\n", b"\n")
        texts = (text, text.replace(b"\n", b"\r\n"))
        if _hash(item) in [md5(each, usedforsecurity=False).hexdigest() for each in texts]:
            return None
    return status


@contextmanager
def _explain_failures(where: str) -> Iterator[None]:
    """Turn what DVC, and the packages that it uses, raise into one line with a remedy."""
    try:
        yield
    except CannotCompareError:
        raise
    except Exception as error:
        cause = error.__cause__ if not isinstance(error, OSError) else None
        said = [f"{type(e).__name__}: {one_line(e)}" for e in (error, cause) if e is not None]
        if isinstance(error, YAMLValidationError):
            said = [f"{error.path}: {one_line(error.exc)}"]
        text = "; ".join(said)
        remedies = [remedy for pattern, remedy in REMEDIES.items() if re.search(pattern, text)]
        raise CannotCompareError("; ".join([f"{where}: DVC says: {text}", *remedies])) from error
