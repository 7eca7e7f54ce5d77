"""All that the gate asks of DVC, whose Python interface is pinned and used nowhere else."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo
from dvc.utils.serialize import load_path, parse_yaml
from scmrepo.exceptions import SCMError

from gate.errors import CannotCompareError, one_line
from gate.settings import SETTINGS
from gate.snapshot import MetricsFile, Snapshot, flat

LARGEST_TEXT = 2**24  # bytes; in larger files nobody looks for line ends


@dataclass(frozen=True)
class Wanted:
    """What is read of a side beside metrics, parameters and hashes.

    Attributes:
        files: paths of other files, whose text is read.
        environment: patterns of the files that describe machine and software.
        judged: patterns of the metrics files that must not be stale, which takes time to find out.
    """

    files: Sequence[str] = ()
    environment: Sequence[str] = ()
    judged: Sequence[str] = ()


class Repository:
    """A Git repository with DVC.

    Attributes:
        folder: the DVC root, to which all paths are relative.
    """

    def __init__(self, folder: Path) -> None:
        """Opens the repository that a folder lies in.

        Raises:
            CannotCompareError: there is none, or it is broken.
        """
        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # the gate reports problems itself
        with _failures("this folder"):
            self._repo = Repo(str(folder))
        self.folder = Path(self._repo.root_dir)

    def read(
        self, commit: str | None = None, name: str = "workspace", wanted: Wanted | None = None
    ) -> Snapshot:
        """One side.

        Args:
            commit: full hash; None for the workspace.
            name: what people call it.
            wanted: see there; None for metrics, parameters and hashes.

        Raises:
            CannotCompareError: DVC cannot read the pipeline there.
        """
        with _failures(name), self._at(commit):
            return _Reader(self._repo, commit).snapshot(name, wanted or Wanted())

    def text(self, path: str) -> str | None:
        """A file of the workspace; None if it does not exist."""
        with self._at(None):
            return _Reader(self._repo, None).text(path)

    def picture(self, path: str, commit: str | None) -> bytes | None:
        """The bytes of a file; None if it does not exist or was not pulled."""
        with self._at(commit):
            try:
                return bytes(self._repo.dvcfs.cat_file(f"/{path}"))
            except (OSError, DvcException):
                return None

    def plots(self, commit: str, base: str, candidate: str) -> tuple[list[Any], list[str]]:
        """What `dvc plots diff` draws of a commit and the workspace, as the latter defines it.

        Args:
            commit: full hash.
            base: what the legends call it.
            candidate: what they call the workspace.

        Returns:
            DVC's renderers; and what cannot be drawn, in words.
        """
        with self._at(None):
            read = self._repo.plots.show(revs=["workspace", commit])
        sides = {candidate: read.get("workspace", {}), base: read.get(commit, {})}
        matched = match_defs_renderers(sides, templates_dir=self._repo.plots.templates_dir)
        problems = [
            f"{side}: {one_line(error)}"
            for side, content in sides.items()
            if (error := content.get("error") or content.get("definitions", {}).get("error"))
        ]
        for renderer, sources, definitions in matched:
            problems += [
                f"{renderer.name}: {side}: {path}: {_missing(error)}"
                for side, by_path in sources.items()
                for path, error in by_path.items()
            ]
            problems += [
                f"{renderer.name}: {side}: {one_line(error)}"
                for side, error in definitions.items()
                if side not in sources
            ]
            # DVC's templates colour and list revisions in the order in which they come.
            renderer.datapoints.sort(key=lambda point: point["rev"] != base)
            renderer.properties.get("revs_with_datapoints", []).sort(key=lambda rev: rev != base)
        return [match.renderer for match in matched], problems

    @contextmanager
    def _at(self, commit: str | None) -> Iterator[None]:
        with chdir(self.folder), ExitStack() as stack:  # DVC's paths depend on the current folder
            if commit is not None:
                stack.enter_context(self._repo.switch(commit))
            yield


def _missing(error: Exception) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else one_line(error)


class _Reader:
    """Reads the revision that the repository is switched to."""

    def __init__(self, repo: Repo, commit: str | None) -> None:
        self._repo, self._commit = repo, commit

    def snapshot(self, name: str, wanted: Wanted) -> Snapshot:
        stages = self._repo.index.stages
        outputs = {self._path(out): out for stage in stages for out in stage.outs}
        inputs = {
            self._path(dep): _hash(dep)
            for stage in stages
            for dep in stage.deps
            if dep.hash_name != "params" and not _writer(self._path(dep), outputs)
        }
        metrics = self._metrics(outputs)
        judged = [p for p in metrics if any(fnmatchcase(p, each) for each in wanted.judged)]
        settings = self.text(SETTINGS)
        return Snapshot(
            name=name,
            commit=self._commit,
            metrics=metrics,
            parameters=self._parameters(),
            inputs=inputs,
            outputs={path: _hash(out) for path, out in outputs.items()},
            environment=self._environment([*inputs, *outputs], wanted.environment),
            stale=dict(self._stale(stages, outputs, judged)),
            files={path: self.text(path) for path in wanted.files},
            settings=None if settings is None else _leaves(settings),
        )

    def text(self, path: str) -> str | None:
        try:
            return bytes(self._repo.dvcfs.cat_file(f"/{path}")).decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise CannotCompareError(f"{path}: expected text in UTF-8; found other bytes") from None
        except (OSError, DvcException) as error:
            raise CannotCompareError(f"{path}: {one_line(error)}") from None

    def _metrics(self, outputs: Mapping[str, Any]) -> dict[str, MetricsFile]:
        found = self._repo.metrics.show()[""]
        if "error" in found:
            raise found["error"]
        read = {}
        for path, file in found["data"].items():
            path = path.replace("\\", "/")
            if "error" in file:
                read[path] = MetricsFile(problem=self._problem(path, file["error"], outputs))
            else:
                read[path] = MetricsFile(flat(file["data"]))
        return read

    def _problem(self, path: str, error: Exception, outputs: Mapping[str, Any]) -> str:
        if not isinstance(error, FileNotFoundError):
            return f"the file is broken: {one_line(error)}"
        out = outputs.get(_writer(path, outputs) or "")
        if out is None or not out.use_cache or not out.hash_info:
            return "the file is missing; run `dvc repro`, then commit it"
        if self._commit is None:
            return f"the file was not pulled; run `dvc pull {path}`"
        return f"the file was not fetched; run `dvc fetch --all-commits {path}`"

    def _parameters(self) -> dict[str, object]:
        found = self._repo.params.show().get("") or {}
        if "error" in found:
            raise found["error"]
        read: dict[str, object] = {}
        for path, file in found.get("data", {}).items():
            if "error" in file:
                raise CannotCompareError(f"{path}: {one_line(file['error'])}; mend it")
            read |= {f"{path}: {key}": value for key, value in flat(file["data"]).items()}
        return read

    def _environment(self, paths: Sequence[str], patterns: Sequence[str]) -> dict[str, object]:
        read: dict[str, object] = {}
        for path in paths:
            if any(fnmatchcase(path, pattern) for pattern in patterns):
                try:
                    content = flat(load_path(f"/{path}", self._repo.dvcfs))
                except (OSError, DvcException, ValueError) as error:
                    content = {"": one_line(error)}
                read |= {f"{path}: {key}": value for key, value in content.items()}
        return read

    def _stale(
        self, stages: Sequence[Any], outputs: Mapping[str, Any], judged: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        """What `dvc status` calls changed, in each dvc.yaml that one of the metrics depends on.

        What was not pulled is no change: then the hash that the stage was run with is compared with
        the one that its file has in the lock.
        """
        measured = {_writer(path, outputs) for path in judged}
        pipelines = self._pipelines(outputs, measured)
        for stage in stages:
            if not stage.is_data_source and stage.path in pipelines:
                found = list(self._changes(stage, outputs, measured))
                if found:
                    yield self._name(stage), ", ".join(found)

    def _pipelines(self, outputs: Mapping[str, Any], measured: set[str | None]) -> set[str]:
        """The paths of the dvc.yaml files in question; all, if no stage writes the metrics."""
        if None in measured:
            return {stage.path for stage in self._repo.index.stages}
        found: set[str] = set()
        waiting = [outputs[path].stage for path in measured if path]
        seen = set(waiting)
        while waiting:
            stage = waiting.pop()
            found.add(stage.path)
            for dep in stage.deps:
                writer = _writer(self._path(dep), outputs)
                if writer and outputs[writer].stage not in seen:
                    seen.add(outputs[writer].stage)
                    waiting.append(outputs[writer].stage)
        return found

    def _name(self, stage: Any) -> str:
        """The stage's name, after the folder of its dvc.yaml if that is not the DVC root."""
        fs = self._repo.fs
        below = fs.relpath(fs.parent(stage.path), self._repo.root_dir)
        name = getattr(stage, "name", None) or stage.relpath.rpartition("/")[2]
        return str(name) if below == "." else f"{below}:{name}"

    def _changes(
        self, stage: Any, outputs: Mapping[str, Any], measured: set[str | None]
    ) -> Iterator[str]:
        if not any(out.hash_info for out in stage.outs) and stage.outs:
            yield "not run yet, or not in dvc.lock"
            return
        if stage.cmd_changed:
            yield "command changed"
        for dep in [] if stage.frozen else stage.deps:
            yield from self._changes_of(dep, outputs)
        for out in stage.outs:
            path = self._path(out)
            if path in measured and out.workspace_status().get(str(out)) == "modified":
                yield f"{path} changed since the stage wrote it{_line_ends(out)}"

    def _changes_of(self, dep: Any, outputs: Mapping[str, Any]) -> Iterator[str]:
        path = self._path(dep)
        status = dep.workspace_status().get(str(dep))
        if isinstance(status, Mapping):
            yield from (f"{path}: {name} {change}" for name, change in status.items())
        elif status == "deleted" and (writer := _writer(path, outputs)):
            out = outputs[writer]
            if writer != path:
                yield f"{path} was not pulled and cannot be checked (run `dvc pull`)"
            elif not out.use_cache:
                yield f"{path} deleted"
            elif _hash(out) != _hash(dep):
                yield f"{path} modified"
        elif status:
            yield f"{path} {status}{_line_ends(dep)}"

    def _path(self, item: Any) -> str:
        if not item.is_in_repo:
            return str(item)
        relative: str = self._repo.fs.relpath(item.fs_path, self._repo.root_dir)
        return relative.replace("\\", "/")


def _writer(path: str, outputs: Mapping[str, Any]) -> str | None:
    """The output that a path is, or lies in."""
    parents = (parent.as_posix() for parent in Path(path).parents)
    return next((place for place in (path, *parents) if place in outputs), None)


def _line_ends(item: Any) -> str:
    """A hint where only line ends differ, as Git changes them; in a script they can matter."""
    fs, path = item.fs, item.fs_path
    if not (item.is_in_repo and item.hash_info and fs.isfile(path)):
        return ""
    if fs.size(path) > LARGEST_TEXT:
        return ""
    with fs.open(path, "rb") as file:
        unix = file.read().replace(b"\r\n", b"\n")
    hashes = {hashlib.md5(text, usedforsecurity=False).hexdigest()
              for text in (unix, unix.replace(b"\n", b"\r\n"))}  # fmt: skip
    hint = " (only its line ends: mark it `-text` in .gitattributes and check it out again)"
    return hint if item.hash_info.value in hashes else ""


def _hash(item: Any) -> str | None:
    return item.hash_info.value if item.hash_info else None


def _leaves(text: str) -> dict[str, object]:
    try:
        return flat(parse_yaml(text, SETTINGS))
    except DvcException:
        return {"": "broken"}


@contextmanager
def _failures(where: str) -> Iterator[None]:
    """Turns what DVC raises into one line."""
    try:
        yield
    except (DvcException, SCMError, OSError, KeyError) as error:
        reasons = [one_line(error)]
        if error.__cause__ is not None and not isinstance(error, OSError):
            reasons.append(one_line(error.__cause__))
        raise CannotCompareError(f"{where}: DVC says: {'; '.join(reasons)}") from None
