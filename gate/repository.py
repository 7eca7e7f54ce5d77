"""All that the gate asks of DVC, whose Python interface is pinned and used nowhere else."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc.config import NoRemoteError
from dvc.data_cloud import DataCloud
from dvc.exceptions import DvcException
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo
from dvc.repo.metrics.show import _collect_metrics
from dvc.repo.plots import onerror_collect
from dvc.utils.serialize import load_path
from dvc.utils.strictyaml import YAMLValidationError

from gate.errors import CannotCompareError, one_line
from gate.git import git, list_changes, try_git
from gate.snapshot import MetricsFile, Snapshot, check_size, flat

LARGEST_FILE = 10_000_000  # bytes of a plot or table; a larger one takes minutes

# What DVC and its parsers raise for a file that is not what it should be.
DAMAGE = (OSError, DvcException, ValueError, RecursionError, CannotCompareError)


class _NoRemotes(DataCloud):  # type: ignore[misc]
    def get_remote(self, name: str | None = None, command: str = "") -> None:
        raise NoRemoteError("the gate uses no network")


class _OfflineRepo(Repo):  # type: ignore[misc]
    """DVC's repository, of which only Git, the workspace and the cache are read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.cloud = _NoRemotes(self)

    @cached_property
    def index(self) -> Any:
        index = super().index
        for stage in index.stages:
            if stage.is_import:
                stage.deps.clear()  # else DVC would read the source over the network
        return index


class Repository:
    """A Git repository with DVC; all paths are relative to the DVC root, `folder`."""

    def __init__(self, folder: Path) -> None:
        """Open the repository that a folder lies in."""
        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # the gate reports problems itself
        top = git(folder, "rev-parse", "--show-toplevel")  # Git names its own remedies
        with _failures("this folder"):
            self._repo = _OfflineRepo(folder)
        self.folder = Path(self._repo.root_dir)
        cache = self._repo.cache.local.path
        self._roots = [Path(place).resolve() for place in (top, cache)]

    def list_metrics_files(self) -> list[str]:
        """Return the paths of the metrics files that any dvc.yaml of the workspace declares."""
        with self._at(None, "workspace") as reader:
            return reader.list_metrics_files()

    def read(
        self,
        commit: str | None = None,
        name: str = "workspace",
        *,
        judged: Sequence[str] = (),
        files: Sequence[str] = (),
        environment: Sequence[str] = (),
    ) -> Snapshot:
        """Return one side.

        Args:
            commit: full hash; None for the workspace.
            name: what people call it.
            judged: patterns of the metrics files that must not be stale, which takes time.
            files: paths of other files, whose text is read.
            environment: patterns of the files that describe machine and software.

        Raises:
            CannotCompareError: DVC cannot read the pipeline there.
        """
        with self._at(commit, name) as reader:
            metrics = {path: reader.read_metrics(path) for path in reader.list_metrics_files()}
            wanted = [path for path in metrics if any(fnmatchcase(path, each) for each in judged)]
            return Snapshot(
                name=name,
                commit=commit,
                metrics=metrics,
                parameters=reader.read_parameters(),
                inputs=reader.inputs,
                outputs={path: _hash(out) for path, out in reader.outputs.items()},
                sources={p: reader.list_sources(p) for p in metrics if reader.list_stages(p)},
                frozen=frozenset(reader.name(s) for s in reader.stages if s.frozen and s.cmd),
                environment=reader.read_environment(environment),
                stale=dict(reader.find_stale(wanted)) if judged else {},
                files={path: reader.read_text(path) for path in files},
            )

    def is_ignored(self, path: str) -> bool:
        """Return whether the workspace's .dvcignore hides a file."""
        with self._at(None, "workspace"):
            return bool(self._repo.dvcignore.is_ignored_file(str(self.folder / path)))

    def read_plots(self, commit: str, base: str, candidate: str) -> tuple[list[Any], list[str]]:
        """Return DVC's renderers of a commit and the workspace, and what cannot be drawn."""
        read: dict[str, Any] = {}
        with self._at(None, "plots"):
            revisions = ["workspace", commit]
            for sides in self._repo.plots.collect(revs=revisions, onerror=onerror_collect):
                for revision, content in sides.items():  # DVC stands at it meanwhile
                    reader = _Reader(self, None if revision == "workspace" else commit)
                    for path, entry in content.get("sources", {}).get("data", {}).items():
                        entry |= reader.read_plot(path.lstrip("/"), entry.pop("data_source"))
                read |= sides
        sides = {candidate: read.get("workspace", {}), base: read.get(commit, {})}
        matched = match_defs_renderers(sides, templates_dir=self._repo.plots.templates_dir)
        problems = [
            f"{side}: {one_line(error)}"
            for side, content in sides.items()
            if (error := content.get("error") or content.get("definitions", {}).get("error"))
        ]
        for renderer, sources, definitions in matched:
            for side, errors in (*((s, {renderer.name: e}) for s, e in definitions.items()),
                                 *sources.items()):  # fmt: skip
                problems += [f"{side}: {path}: {one_line(e)}" for path, e in errors.items()]
            # DVC's templates colour and list revisions in the order in which they come.
            renderer.datapoints.sort(key=lambda point: point["rev"] != base)
            renderer.properties.get("revs_with_datapoints", []).sort(key=lambda rev: rev != base)
        return [match.renderer for match in matched], list(dict.fromkeys(problems))

    def refuse_outside(self, path: str) -> None:
        """Raise CannotCompareError for a link of the workspace that leaves the repository."""
        place = (self.folder / path).resolve()
        if not any(place.is_relative_to(root) for root in self._roots):
            raise CannotCompareError("expected a file of this repository; found a link out of it")

    @contextmanager
    def _at(self, commit: str | None, name: str) -> Iterator["_Reader"]:
        # DVC's paths depend on the current folder.
        with _failures(name), chdir(self.folder), ExitStack() as stack:
            if commit is not None:
                stack.enter_context(self._repo.switch(commit))
            parameters = self._repo.fs.join(self._repo.root_dir, "params.yaml")
            if self._repo.fs.isfile(parameters):  # which DVC reads with any dvc.yaml
                check_size(load_path(parameters, self._repo.fs))
            yield _Reader(self, commit)


class _Reader:
    """Reads the revision that the repository is switched to."""

    def __init__(self, repository: Repository, commit: str | None) -> None:
        self._folder, self._repo = repository.folder, repository._repo
        self._refuse_outside = repository.refuse_outside
        self._commit = commit

    @cached_property
    def stages(self) -> list[Any]:
        return list(self._repo.index.stages)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {self._path(out): out for stage in self.stages for out in stage.outs}

    @cached_property
    def inputs(self) -> dict[str, str | None]:
        deps = [d for stage in self.stages for d in stage.deps if d.hash_name != "params"]
        return {self._path(d): _hash(d) for d in deps if not self._find_writer(self._path(d))}

    def list_metrics_files(self) -> list[str]:
        return [path.lstrip("/") for path in _collect_metrics(self._repo)]

    def read_metrics(self, path: str) -> MetricsFile:
        # Not by `dvc metrics show`, which leaves out what is no number.
        try:
            content = self._load(path)
        except FileNotFoundError:
            problem = self._explain_missing(path)
            return MetricsFile(problem=problem, missing="is missing" in problem)
        except DAMAGE as error:
            # The message of DVC itself has a path that is relative to something else.
            cause = error.__cause__ or error
            return MetricsFile(problem=f"the file is broken: {one_line(cause)}")
        if content is None or isinstance(content, list):
            found = "nothing" if content is None else "a list"
            return MetricsFile(problem=f"the file is broken: expected metrics, found {found}")
        return MetricsFile(flat(content))

    def read_parameters(self) -> dict[str, object]:
        for path in {self._path(dep) for dep in self._repo.index.params}:
            if self._repo.dvcfs.isfile(f"/{path}"):
                self._load(path)
        found = self._repo.params.show().get("") or {}
        if "error" in found:
            raise found["error"]
        read: dict[str, object] = {}
        for path, file in found.get("data", {}).items():
            if error := file.get("error"):
                raise CannotCompareError(f"{path}: {one_line(error.__cause__ or error)}; fix it")
            read |= {f"{path}: {key}": value for key, value in flat(file["data"]).items()}
        return read

    def read_environment(self, patterns: Sequence[str]) -> dict[str, object]:
        read: dict[str, object] = {}
        for path in (*self.inputs, *self.outputs):
            if any(fnmatchcase(path, pattern) for pattern in patterns):
                try:
                    content = flat(self._load(path))
                except DAMAGE as error:
                    content = {"": one_line(error)}
                read |= {f"{path}: {key}": value for key, value in content.items()}
        return read

    def read_text(self, path: str) -> str | None:
        try:
            return self._read_bytes(path).decode("utf-8-sig")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise CannotCompareError(f"{path}: expected text in UTF-8; found other bytes") from None
        except DAMAGE as error:
            raise CannotCompareError(f"{path}: {one_line(error)}") from None

    def read_plot(self, path: str, source: Any) -> dict[str, Any]:
        try:
            self._check_file(path)
            read: dict[str, Any] = source(cache=False)
        except DAMAGE as error:
            read = {"error": error}
        if isinstance(read.get("error"), FileNotFoundError):
            read["error"] = CannotCompareError(self._explain_missing(path))
        return read

    def _check_file(self, path: str) -> None:
        if self._commit is None:
            self._refuse_outside(path)
        size = self._repo.dvcfs.info(f"/{path}").get("size") or 0
        if size > LARGEST_FILE:
            raise CannotCompareError(f"expected at most {LARGEST_FILE} bytes; found {size}")

    def _read_bytes(self, path: str) -> bytes:
        self._check_file(path)
        return bytes(self._repo.dvcfs.cat_file(f"/{path}"))

    def _load(self, path: str) -> object:
        self._check_file(path)
        content = load_path(f"/{path}", self._repo.dvcfs)
        check_size(content)
        return content

    def _explain_missing(self, path: str) -> str:
        out = self.outputs.get(self._find_writer(path) or "")
        if out is None or not out.use_cache or not out.hash_info:
            return "the file is missing; run `dvc repro`, then commit it"
        if self._commit is None:
            return f"the file was not pulled; run `dvc pull {path}`"
        return f"the file was not fetched; run `dvc fetch --all-commits {path}`"

    def list_stages(self, path: str) -> set[Any]:
        """Return the stage that writes a path and all before it; none if no command does."""
        found: set[Any] = set()
        waiting = [path]
        while waiting:
            for stage in self._find_writers(waiting.pop()) - found:
                found.add(stage)
                waiting += [self._path(dep) for dep in stage.deps]
        return found if any(stage.cmd for stage in found) else set()

    def list_sources(self, path: str) -> frozenset[str]:
        """Return the files that no stage writes and the parameters that a path is made from."""
        found: set[str] = set()
        for stage in self.list_stages(path):
            found |= {self._path(out) for out in stage.outs if stage.is_data_source}
            for dep in stage.deps:
                name = self._path(dep)
                if dep.hash_name == "params":
                    found |= {f"{name}: {key}" for key in dep.params or [""]}
                elif name in self.inputs:
                    found.add(name)
        return frozenset(found)

    def _find_writers(self, path: str) -> set[Any]:
        """Return the stages of the output that a path is or lies in, and of those inside it."""
        writer = self._find_writer(path)
        places = [writer] if writer else self._list_inside(path)
        return {self.outputs[place].stage for place in places}

    def _find_writer(self, path: str) -> str | None:
        """Return the output that a path is, or lies in."""
        parents = (parent.as_posix() for parent in Path(path).parents)
        return next((place for place in (path, *parents) if place in self.outputs), None)

    def _list_inside(self, path: str) -> list[str]:
        return [out for out in self.outputs if out != path and Path(out).is_relative_to(path)]

    def find_stale(self, judged: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what `dvc status` calls changed, in each dvc.yaml that a judged metric depends on.

        What was not pulled is no change: then the hash that the stage was run with is compared with
        the one that its file has in the lock. A frozen stage is checked like any other.
        """
        before = [self.list_stages(path) for path in judged]
        files = {stage.path for stages in before for stage in stages}
        measured = {self._find_writer(path) for path in judged}
        for stage in self.stages:
            if not stage.is_data_source and (stage.path in files or not all(before)):
                changes = ", ".join(self._find_changes(stage, measured))
                yield from [(self.name(stage), changes)] if changes else []

    def name(self, stage: Any) -> str:
        """Return the stage's name, after the folder of its dvc.yaml if that is not the DVC root."""
        fs = self._repo.fs
        below = fs.relpath(fs.parent(stage.path), self._repo.root_dir)
        name = getattr(stage, "name", None) or stage.relpath.rpartition("/")[2]
        return str(name) if below == "." else f"{below}:{name}"

    def _find_changes(self, stage: Any, measured: set[str | None]) -> Iterator[str]:
        if not any(out.hash_info for out in stage.outs) and stage.outs:
            yield "not run yet, or not in dvc.lock"
            return
        if stage.cmd_changed:
            yield "command changed"
        for dep in stage.deps:
            # A dependency elsewhere, such as an address, is compared by dvc.lock of both sides.
            if dep.is_in_repo or dep.fs.protocol == "local":
                yield from self._compare_dependency(dep)
        for out in stage.outs:
            path = self._path(out)
            if path in measured and out.workspace_status().get(str(out)) == "modified":
                yield f"{path} changed since the stage wrote it"

    def _compare_dependency(self, dep: Any) -> Iterator[str]:
        path, writer = self._path(dep), self._find_writer(self._path(dep))
        status = dep.workspace_status().get(str(dep))
        if isinstance(status, Mapping):  # parameters
            yield from (f"{path}: {name} {change}" for name, change in status.items())
        elif status == "deleted" and writer and writer != path:
            yield f"{path} was not pulled and cannot be checked (run `dvc pull`)"
        elif status == "deleted" and writer:
            out = self.outputs[writer]
            if not out.use_cache and try_git(self._folder, "ls-files", "--", path):
                yield f"{path} deleted"
            elif _hash(out) != _hash(dep):
                yield f"{path} modified"
        elif status == "modified" and self._list_inside(path):
            # Its hash is of a moment when the outputs in it were others, or not there.
            if changed := self._list_changes_since_lock(dep.stage, path):
                yield f"{path} modified ({changed[0]})"
        elif status:
            yield f"{path} {status}"

    def _list_changes_since_lock(self, stage: Any, path: str) -> list[str]:
        """Return the files of a folder that are no outputs and differ from when the stage ran."""
        if self._commit is not None:
            return []  # what a commit has is not compared
        lock = str(Path(stage.path).with_name("dvc.lock"))
        clean = not try_git(self._folder, "status", "--porcelain", "--", lock)
        commit = try_git(self._folder, "log", "-1", "--format=%H", "--", lock) if clean else None
        changed = list_changes(self._folder, commit or "HEAD", path)
        return sorted(path for path in changed if not self._find_writer(path))

    def _path(self, item: Any) -> str:
        if not item.is_in_repo:
            return str(item)
        relative: str = self._repo.fs.relpath(item.fs_path, self._repo.root_dir)
        return relative.replace("\\", "/")


def _hash(item: Any) -> str | None:
    return item.hash_info.value if item.hash_info else None


@contextmanager
def _failures(where: str) -> Iterator[None]:
    """Turn what DVC, and the packages that it uses, raise into one line."""
    try:
        yield
    except CannotCompareError:
        raise
    except Exception as error:
        raise CannotCompareError(f"{where}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    if isinstance(error, YAMLValidationError):
        where = f"{error.path}: expected"
        if error.path.endswith("dvc.lock") and "schema:" not in error.text:
            return f"{where} a lock file of DVC 2 or later; found one of DVC 1; run `dvc repro`"
        if error.path.endswith(".dvc") and "cmd:" in error.text:
            return f"{where} a stage in dvc.yaml; found a stage file of DVC 0; `dvc stage add` it"
        return f"{error.path}: {one_line(error.exc)}; fix it"
    said = [one_line(error)]
    if error.__cause__ is not None and not isinstance(error, OSError):
        said.append(one_line(error.__cause__))
    if "object format" in said[0]:
        said.append("DVC reads repositories with SHA-1 only")
    if isinstance(error, ImportError):
        said.append("install that package beside the gate")
    if isinstance(error, PermissionError):
        said.append("give access, or set DVC_SITE_CACHE_DIR to a folder of yours")
    kind = "" if isinstance(error, DvcException | OSError) else f"{type(error).__name__}: "
    return f"DVC says: {kind}{'; '.join(dict.fromkeys(said))}"
