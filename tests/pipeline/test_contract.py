"""The contract of `dvc.yaml`: deps and params are what the code uses.

Both are derived here, by following imports and by recording what is read, and not listed again.
"""

import importlib
import re
import subprocess
import sys
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from pydantic import BaseModel
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.style import AXIS_LABELS
from experiment.variants import VARIANTS
from tests.conftest import ROOT, make_workspace, set_parameters

PIPELINE: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, dict[str, Any]] = PIPELINE["stages"]
TRAININGS = [f"train_{variant}" for variant in VARIANTS]


def command(stage: str) -> tuple[str, list[str]]:
    """Module and arguments of a stage's command."""
    words = STAGES[stage]["cmd"].split()
    assert words[:2] == ["python", "-m"]
    return words[2], words[3:]


def outputs(stage: str) -> dict[str, dict[str, bool]]:
    """By path, the options of each."""
    entries = [*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", [])]
    return {k: v for e in entries for k, v in (e if isinstance(e, dict) else {e: {}}).items()}


def files_imported_by(module: str) -> set[Path]:
    """The files of this repository that a module needs, itself included; without empty ones."""
    finder = ModuleFinder(path=[str(ROOT)])
    finder.run_script(str(ROOT.joinpath(*module.split(".")).with_suffix(".py")))
    files = [getattr(found, "__file__", None) for found in finder.modules.values()]
    paths = [Path(file) for file in files if file]
    return {path.relative_to(ROOT) for path in paths if path.stat().st_size > 0}


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


Recorded = dict[str, tuple[set[str], set[str], set[str]]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """By stage: the parameters that it read, the files that it opened, and those that it made."""
    folder = make_workspace(tmp_path_factory.mktemp("recorded") / "workspace")
    set_parameters(folder, train__epochs=1)
    names: set[str] = set()
    opened: set[str] = set()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and "r" in (arguments[1] or ""):
            path = folder / arguments[0]
            if path.is_relative_to(folder):
                opened.add(path.relative_to(folder).as_posix())

    sys.addaudithook(hook)  # Python has no way to remove one
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        parameters = load_parameters()
        for stage in STAGES:
            names.clear()
            opened.clear()
            name, arguments = command(stage)
            module = importlib.import_module(name)
            patch.setattr(sys, "argv", [name, *arguments])
            patch.setattr(module, "load_parameters", lambda: Recorder(parameters, names), False)
            before = {*Path().rglob("*.*")}
            module.main()
            made = {str(path) for path in {*Path().rglob("*.*")} - before if path.is_file()}
            found[stage] = (set(names), set(opened), made)
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_deps_params_and_outs(stage: str, recorded: Recorded) -> None:
    """They are the code that is imported, the data that are opened, the parameters that are read.

    Every file is in a declared file or folder, and nothing is declared that has none of them. The
    outputs are the files that are made.
    """
    paths = [Path(dep) for dep in STAGES[stage]["deps"]]
    code = {dep for dep in paths if dep.parts[0] in ("experiment", "stages")}
    imported = files_imported_by(command(stage)[0])
    # What cannot change a byte of a result: a reworded message trains nothing.
    imported = {path for path in imported if not path.is_relative_to("experiment/support")}
    assert {path for path in imported if not any(path.is_relative_to(dep) for dep in code)} == set()
    assert {dep for dep in code if not any(path.is_relative_to(dep) for path in imported)} == set()

    parameters, opened, made = recorded[stage]
    assert made == outputs(stage).keys()
    ours = ("data/", "plots/", "metrics/", "models/")
    opened = {path for path in opened if path.startswith(ours) and "/." not in path}
    # The mark of `check` orders the stages; it is not read.
    declared = {dep for dep in STAGES[stage]["deps"] if dep.startswith(ours)}
    declared -= {"data/params.checked"}
    dataset = "data/${data.dataset}"
    read = opened - outputs(stage).keys()
    assert {path.replace("data/own/tiny.npz", dataset) for path in read} == declared
    assert stage == "check" or {*STAGES[stage].get("params", [])} == parameters


def test_stages() -> None:
    """Each has a description and sorted parameters; `check` checks all that the others read.

    The trainings differ in the rate alone, and no edit of what fetches or draws trains. Data and
    models are DVC's, and the rest is Git's. Images stay until the new ones are whole.
    """
    assert list(STAGES) == ["check", "download", "preprocess", *TRAININGS, "plot"]
    for name, stage in STAGES.items():
        assert stage["desc"]
        assert stage.get("params", []) == sorted(stage.get("params", []))
        for path, options in outputs(name).items():
            assert options.get("cache", True) is path.startswith(("data/", "models/")), path
            assert options.get("persist", False) is path.endswith(".npz"), path
    assert "params.yaml" in STAGES["check"]["deps"]
    read = {name for stage in STAGES.values() for name in stage.get("params", [])}
    sections = load_parameters(ROOT / "params.yaml").model_dump()
    assert read == {f"{section}.{key}" for section in sections for key in sections[section]}
    for variant in VARIANTS:
        metrics = {f"metrics/{variant}.json": {"cache": False}}  # for `dvc metrics diff`
        assert STAGES[f"train_{variant}"]["metrics"] == [metrics]
    without, *others = (STAGES[stage] for stage in TRAININGS)
    for other in others:
        assert other["deps"] == without["deps"]
        assert {*other["params"]} - {*without["params"]} <= {"train.dropout_rate"}
        assert {*without["params"]} <= {*other["params"]}
    assert not {"experiment/data", "experiment/style.py"} & {*without["deps"]}


def test_plots_of_dvc() -> None:
    """They show all curves of a metric against the epoch, by the names of the variants.

    A variant that the template does not know has the name of its file.
    """
    for plot, metric in zip(PIPELINE["plots"], AXIS_LABELS, strict=True):
        shown, columns = plot[metric], [metric, f"val_{metric}"]
        assert shown["y"] == {f"plots/{variant}.csv": columns for variant in VARIANTS}
        labels = [shown[key] for key in ("template", "title", "x", "x_label", "y_label")]
        expected = ["curves", metric.capitalize(), "epoch", "epoch", AXIS_LABELS[metric]]
        assert labels == expected
    template = (ROOT / ".dvc/plots/curves.json").read_text(encoding="utf-8")
    named = dict(re.findall(r"datum\.filename === '(\w+)\.csv' \? '([^']+)'", template))
    assert {} != named == {name: VARIANTS[name].label for name in named}


def test_imports() -> None:
    """Only what trains imports TensorFlow, and `experiment` imports no other folder."""
    others = {"stages", "study", "tools", "gate", "tests", "dvc"}
    for path in (*ROOT.glob("experiment/**/*.py"), *ROOT.glob("stages/*.py")):
        first = {*re.findall(r"(?m)^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"))}
        assert path.parent.name == "network" or not first & {"keras", "tensorflow"}, path
        assert path.parent.name == "stages" or not first & others, path
    modules = ", ".join(f"stages.{path.stem}" for path in (ROOT / "stages").glob("[!_]*.py"))
    code = f"import stages.__main__, {modules}, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", ["__pycache__", ".model.py.swp", ".DS_Store", "model.py~"])
def test_leftovers_beside_the_code_are_no_dependency(name: str) -> None:
    folder = ROOT / "experiment/network"
    with Repo(str(ROOT)) as repo:
        is_ignored = repo.dvcignore.is_ignored
        assert is_ignored(repo.fs, str(folder / name))
        assert not is_ignored(repo.fs, str(folder / "model.py"))
