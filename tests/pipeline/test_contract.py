"""The contract of `dvc.yaml`: deps and params are what the code uses.

Both are derived here, by following imports and by recording what is read, and not listed again.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from experiment.common.parameters import Parameters, load_parameters
from experiment.common.variants import VARIANTS
from experiment.presentation.style import AXIS_LABELS
from tests.conftest import ROOT

Stages = dict[str, dict[str, Any]]

PIPELINE: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
STAGES: Stages = PIPELINE["stages"]
TRAININGS = [f"train_{variant}" for variant in VARIANTS]


def command(stage: str) -> tuple[str, list[str]]:
    """Module and arguments of a stage's command."""
    words = STAGES[stage]["cmd"].split()
    assert words[:2] == ["python", "-m"]
    return words[2], words[3:]


def outputs(stage: str) -> list[str]:
    entries = [*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def modules_imported_by(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, at the top or within a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would not be followed"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_imported_by(module: str) -> set[Path]:
    """The files of this repository that a module needs, itself included.

    Left out: files without a byte in them (`__init__.py`), and what only chooses the Python.
    """
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        parts = waiting.pop().split(".")
        packages = [ROOT.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts))]
        for path in (ROOT.joinpath(*parts).with_suffix(".py"), *packages):
            if path.is_file() and path not in found:
                found.add(path)
                waiting.extend(modules_imported_by(path))
    found.discard(ROOT / "stages/__init__.py")
    return {path.relative_to(ROOT) for path in found if path.stat().st_size > 0}


def test_stages_are_those_of_the_experiment() -> None:
    assert list(STAGES) == [
        "check",
        "download",
        "preprocess",
        *TRAININGS,
        "plot",
    ]
    assert all(stage["desc"] for stage in STAGES.values())


@pytest.mark.parametrize("stage", STAGES)
def test_code_in_deps_is_the_code_that_is_imported(stage: str) -> None:
    """Every file is in a declared file or folder, and nothing is declared that has none of them."""
    code = [
        Path(dep) for dep in STAGES[stage]["deps"] if (ROOT / dep).is_dir() or dep[-3:] == ".py"
    ]
    code = [dep for dep in code if dep.parts[0] != "data"]
    imported = files_imported_by(command(stage)[0])
    assert {path for path in imported if not any(path.is_relative_to(dep) for dep in code)} == set()
    assert {dep for dep in code if not any(path.is_relative_to(dep) for path in imported)} == set()


@pytest.mark.parametrize("room", ["data", "presentation"])
def test_what_fetches_or_draws_is_no_dependency_of_what_trains(room: str) -> None:
    for stage in TRAININGS:
        assert f"experiment/{room}" not in STAGES[stage]["deps"]


class Recorder:
    """Stands for the parameters and notes the full name of each that is read."""

    def __init__(self, section: BaseModel, names: set[str], prefix: str = "") -> None:
        self._section, self._names, self._prefix = section, names, prefix

    def __getattr__(self, key: str) -> Any:
        value = getattr(self._section, key)
        if isinstance(value, BaseModel):
            return Recorder(value, self._names, f"{self._prefix}{key}.")
        self._names.add(self._prefix + key)
        return value


# One process runs all stages, in order, and prints what each read and opened.
RECORD = """
import builtins, io, json, runpy, sys
from pathlib import Path
from experiment.common import parameters
from tests.pipeline.test_contract import STAGES, Recorder, command

right = parameters.load_parameters
opened, names = set(), set()
parameters.load_parameters = lambda path=None: Recorder(right(), names)
top = str(Path.cwd())

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and "r" in (arguments[1] or ""):
        path = Path(arguments[0]).absolute()
        if path.is_relative_to(top):
            opened.add(path.relative_to(top).as_posix())

sys.addaudithook(hook)
for stage in STAGES:
    names.clear(), opened.clear()
    module, arguments = command(stage)
    sys.argv = [module, *arguments]
    # Anew each time, so that the stage takes the recording load_parameters.
    sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__")
    print(json.dumps([stage, sorted(names), sorted(opened)]))
"""


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[set[str], set[str]]]:
    """By stage: the parameters that it read, and the files of the workspace that it opened."""
    import json

    import numpy as np

    from tests.conftest import set_parameters, synthetic_arrays

    folder = tmp_path_factory.mktemp("recorded")
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (folder / "data/own").mkdir(parents=True)
    np.savez(folder / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    set_parameters(folder, data__dataset="data/own/tiny.npz", train__epochs=1)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{RECORD}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {stage: (set(names), set(opened)) for stage, names, opened in rows}


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "check"])
def test_params_are_the_parameters_that_are_read(
    stage: str, recorded: dict[str, tuple[set[str], set[str]]]
) -> None:
    assert set(STAGES[stage].get("params", [])) == recorded[stage][0]


def test_check_depends_on_all_of_the_parameters() -> None:
    assert "params.yaml" in STAGES["check"]["deps"]


@pytest.mark.parametrize("stage", STAGES)
def test_data_in_deps_is_the_data_that_is_opened(
    stage: str, recorded: dict[str, tuple[set[str], set[str]]]
) -> None:
    ours = ("data/", "plots/", "metrics/", "models/")
    written = set(outputs(stage))
    opened = {path for path in recorded[stage][1] if path.startswith(ours)} - written
    opened = {path for path in opened if not Path(path).name.startswith(".")}
    declared = {dep for dep in STAGES[stage]["deps"] if dep.startswith(ours)}
    # The mark of `check` orders the stages; it is not read.
    declared -= {"data/params.checked"}
    assert {path.replace("data/own/tiny.npz", "data/own") for path in opened} == declared


def test_lists_are_sorted_and_every_parameter_is_read_somewhere() -> None:
    for name, stage in STAGES.items():
        assert stage["deps"] == sorted(stage["deps"])
        assert outputs(name) == sorted(outputs(name)) or "metrics" in stage
        names = [n for n in stage.get("params", []) if isinstance(n, str)]
        assert names == sorted(names)
    read = {name for stage in STAGES.values() for name in stage.get("params", [])}
    sections = load_parameters(ROOT / "params.yaml").model_dump()
    assert read == {f"{section}.{key}" for section in sections for key in sections[section]}
    assert set(sections) == set(Parameters.model_fields)


def test_trainings_differ_in_the_rate_alone() -> None:
    without, *others = (STAGES[stage] for stage in TRAININGS)
    for other in others:
        assert other["deps"] == without["deps"]
        assert set(other["params"]) - set(without["params"]) <= {"train.dropout_rate"}
        assert set(without["params"]) <= set(other["params"])


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_plots_of_dvc_show_both_curves_of_a_metric_against_the_epoch(metric: str) -> None:
    (plot,) = (entry[metric] for entry in PIPELINE["plots"] if metric in entry)
    columns = [metric, f"val_{metric}"]
    assert plot == {
        "template": "curves",
        "title": metric.capitalize(),
        "x": "epoch",
        "x_label": "epoch",
        "y": {f"plots/{variant}.csv": columns for variant in VARIANTS},
        "y_label": AXIS_LABELS[metric],
    }


def test_data_and_models_are_dvcs_and_the_rest_is_gits() -> None:
    for stage in STAGES.values():
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            path, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            in_git = path.startswith(("docs/", "metrics/", "plots/"))
            assert options.get("cache", True) is not in_git, path


def test_only_what_trains_imports_tensorflow() -> None:
    for folder in ("experiment", "stages"):
        for path in (ROOT / folder).rglob("*.py"):
            heavy = {n.split(".")[0] for n in modules_imported_by(path)} & {"keras", "tensorflow"}
            # `files` names a type of Keras', for the type checker alone.
            assert not heavy or path.parent.name == "network" or path.name == "files.py", path


def test_stages_are_imported_without_tensorflow() -> None:
    modules = ", ".join(f"stages.{path.stem}" for path in (ROOT / "stages").glob("[!_]*.py"))
    code = f"import stages.__main__, {modules}, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_experiment_imports_no_other_folder() -> None:
    for path in (ROOT / "experiment").rglob("*.py"):
        first = {name.split(".")[0] for name in modules_imported_by(path)}
        assert not first & {"stages", "study", "bench", "gate", "tests", "dvc"}
