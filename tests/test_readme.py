"""What the READMEs, in English and in Japanese, say is what the repository has and does."""

import json
import os
import re
import shlex
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML
from scipy import stats

from gate.runs import noise_of, read_runs
from gate.settings import load_settings
from gate.snapshot import Snapshot
from tests.conftest import ROOT, Run, set_parameters
from tests.repository import git, ran

README, JAPANESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)
RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8")
PARAMS = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
STUDY = json.loads((ROOT / "metrics/study.json").read_text(encoding="utf-8"))
CLAIMS = json.loads((ROOT / "metrics/study_claims.json").read_text(encoding="utf-8"))
RATE = PARAMS["train"]["dropout_rate"]

in_both = pytest.mark.parametrize("readme", [README, JAPANESE], ids=["README.md", "README.ja.md"])


def signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def change(estimate: dict[str, float], digits: int, unit: str = "") -> str:
    """As `+0.205 points [+0.130 to +0.327]`."""
    mean, low, high = (signed(estimate[key], digits) for key in ("mean", "low", "high"))
    return f"{mean}{unit} [{low} to {high}]"


def compared(dataset: str, metric: str, images: int = 48_000) -> tuple[dict[str, float], ...]:
    """Without Dropout, with it, and the difference; accuracies in percent."""
    without = f"{dataset},none,rate=0.0,n={images},units=128"
    with_it = f"{dataset},dense,rate={RATE},n={images},units=128"
    scale = 100 if "accuracy" in metric else 1
    found = (
        STUDY["settings"][without],
        STUDY["settings"][with_it],
        STUDY["differences"][with_it],
    )
    return tuple({key: scale * value for key, value in f[metric].items()} for f in found)


def expected_table() -> list[str]:
    """The cells of figures, row by row, as in English."""
    rows = []
    for dataset in ("mnist", "fashion_mnist"):
        a, b, difference = compared(dataset, "test_accuracy")
        gain = change(difference, 3, " points")
        rows.append(f"{a['mean']:.2f} % | {b['mean']:.2f} % | {gain} |")
    for dataset in ("mnist", "fashion_mnist"):
        a, b, difference = compared(dataset, "validation_loss_rise")
        rows.append(f"{a['mean']:.4f} | {b['mean']:.4f} | {change(difference, 4)} |")
    return rows


def gain_at_lowest_loss(dataset: str) -> dict[str, float]:
    """In validation accuracy, at each run's epoch of lowest validation loss; points."""
    accuracy: dict[float, dict[int, float]] = {0.0: {}, RATE: {}}
    for path in (ROOT / "study/runs").glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        run, curve = content["run"], content["curve"]
        full = run["dataset"] == dataset and run["train_samples"] == 48_000
        if full and (run["placement"], run["dropout_rate"]) in (("none", 0.0), ("dense", RATE)):
            best = int(np.argmin(curve["val_loss"]))
            accuracy[run["dropout_rate"]][run["seed"]] = 100 * curve["val_accuracy"][best]
    without, with_it = accuracy.values()
    gains = [with_it[seed] - without[seed] for seed in without.keys() & with_it.keys()]
    mean, error = statistics.fmean(gains), stats.sem(gains)
    low, high = stats.t.interval(0.95, len(gains) - 1, mean, error)
    return {"mean": mean, "low": low, "high": high}


def in_english(readme: str) -> str:
    """The same figures, written as in English; a line's end is a blank."""
    return " ".join(readme.replace("〜", "to").replace(" ポイント", " points").split())


def noise() -> list[float]:
    """Standard deviation of the accuracy on test images over seeds, of each network."""
    settings = load_settings((ROOT / "gate.yaml").read_text(encoding="utf-8")).runs
    assert settings
    table = (ROOT / settings.file).read_text(encoding="utf-8")
    runs = read_runs(settings, Snapshot("here", files={settings.file: table}))
    found = noise_of(runs, None).deviations
    return [value for (_, key), value in found.items() if key == "test_accuracy"]


@in_both
def test_table_has_the_figures_of_the_study(readme: str) -> None:
    table = readme.partition("<!-- figures")[2].split("\n\n")[0]
    found = [in_english(line.split(" | ", 1)[1]) for line in table.splitlines()[3:]]
    assert found == expected_table()
    assert f"| {PARAMS['train']['epochs']} epochs" in README.replace("after ", "")
    assert f"Dropout, rate {RATE} |" in README
    assert f"ドロップアウト率 {RATE} |" in JAPANESE


@in_both
def test_answers_have_the_figures_of_the_study(readme: str) -> None:
    text = in_english(readme)
    few_without, few_with, few = compared("mnist", "test_accuracy", images=1_000)
    assert f"{few_without['mean']:.2f} %" in text
    assert f"{few_with['mean']:.2f} %" in text
    assert change(few, 3, " points") in text
    for dataset in ("mnist", "fashion_mnist"):
        gain = compared(dataset, "test_accuracy")[2]
        assert f"{gain['mean']:.3f}" in readme.partition("\n- ")[2]
    assert change(gain_at_lowest_loss("mnist"), 2, " points") in text
    assert change(gain_at_lowest_loss("fashion_mnist"), 2) in text
    rise = CLAIMS["C4"]["parts"][0]["figure"]["mean"]
    assert f" {100 * rise:.0f} %" in text
    for deviation in noise():
        assert f" {100 * deviation:.3f}" in text


def test_words_of_the_answers_follow_from_the_study() -> None:
    """Other figures may change them; then both READMEs must say so."""
    for dataset in ("mnist", "fashion_mnist"):
        assert compared(dataset, "test_accuracy")[2]["low"] > 0
        assert compared(dataset, "validation_loss_rise")[2]["high"] < 0
    gains = {
        images: compared("mnist", "test_accuracy", images)[2]["mean"]
        for images in (100, 500, 1_000, 5_000, 10_000, 48_000)
    }
    assert max(gains, key=lambda images: gains[images]) == 1_000
    assert [CLAIMS[name]["verdict"] for name in ("C4", "C6", "C8")] == [
        "contradicted", "supported", "supported",
    ]  # fmt: skip
    assert gain_at_lowest_loss("fashion_mnist")["low"] < 0
    gain = compared("mnist", "test_accuracy")[2]["mean"] / 100
    largest = max(noise())
    assert 0.5 < largest / gain < 2


@pytest.mark.parametrize("page", [README, JAPANESE, RESULTS], ids=["README", "ja", "results"])
def test_no_figure_beside_the_tested_ones(page: str) -> None:
    """Those with a decimal point, or of two digits or more, outside of code and blocks."""
    text = re.sub(r"^<!-- (study|speed): .*?^<!-- /\1 -->$", "", page, flags=re.DOTALL | re.M)
    text = re.sub(r"<!-- figures.*?\n\n", "", text, flags=re.DOTALL)
    text = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", "", text, flags=re.DOTALL)
    found = {figure for figure in re.findall(r"\d+(?:[.,]\d+)*", text) if len(figure) > 1}
    few = compared("mnist", "test_accuracy", images=1_000)
    tested = [few[2], *map(gain_at_lowest_loss, ("mnist", "fashion_mnist"))]
    known = {
        f"{abs(e[key]):.{digits}f}"
        for e in tested
        for key in ("mean", "low", "high")
        for digits in (2, 3)
    }
    known |= {f"{e['mean']:.2f}" for e in few[:2]}
    known |= {f"{compared(d, 'test_accuracy')[2]['mean']:.3f}" for d in ("mnist", "fashion_mnist")}
    known |= {f"{100 * deviation:.3f}" for deviation in noise()}
    known |= {f"{100 * CLAIMS['C4']['parts'][0]['figure']['mean']:.0f}"}
    known |= {str(value) for section in PARAMS.values() for value in section.values()}
    known |= {f"3.{minor}" for minor in python_versions()}
    known |= set(re.findall(r"\d\.\d", CLAIMS["C8"]["claim"]))
    # Images of the small set, seeds, the largest pixel, a licence, volume and year of an article.
    known |= {"1,000", "10", "255", "3.0", "15", "2014"}
    assert found - known == set()


def python_versions() -> range:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)
    assert bounds
    return range(int(bounds[1]), int(bounds[2]))


@in_both
def test_commands_of_make_exist(readme: str) -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", readme))
    assert {"repro", "test", "study", "verify", "help"} <= named
    for target in named:
        assert recipe_of(target) is not None, target


def recipe_of(target: str) -> str | None:
    """The first command of a target of the Makefile that has a text in `make help`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*## .*\n(?:\t@?(.*))?", makefile, re.MULTILINE)
    return found and (found[1] or "")


def test_stages_are_named_in_the_order_of_dvc_yaml() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for readme, between in ((README, ", "), (JAPANESE, "、")):
        named = between.join(f"`{name}`" for name in stages)
        assert named in " ".join(readme.split()), readme[:20]


def test_both_readmes_have_the_same_commands_code_and_links() -> None:
    def commands(readme: str) -> list[str]:
        return [line.partition("#")[0].strip() for line in re.findall(r"^\$ .*", readme, re.M)]

    def code(readme: str) -> list[str]:
        return re.findall(r"```python\n.*?```", readme, re.DOTALL)

    def links(readme: str) -> set[str]:
        return set(re.findall(r"\]\(([^)]+)\)", readme)) - {"README.md", "README.ja.md"}

    assert commands(JAPANESE) == commands(README)
    assert code(JAPANESE) == code(README)
    assert links(JAPANESE) == links(README)
    assert "(README.ja.md)" in README.splitlines()[2]
    assert "(README.md)" in JAPANESE.splitlines()[2]


def test_japanese_has_one_word_for_each_set_of_images() -> None:
    assert not re.search(r"(訓練|検証|テスト)データ", JAPANESE)


@pytest.mark.parametrize(
    "page",
    sorted(
        path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
    ),
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / Path(page).parent / target).exists(), target


def test_commands_that_change_one_thing_work_in_their_order(
    finished_by_stand_in: Path, tmp_path: Path, run: Run
) -> None:
    """In a clone whose networks learn nothing, so that it takes seconds.

    Instead of the editor, the test changes params.yaml; instead of `make`, it runs the command of
    that target, since the environment is there already.
    """
    clone = tmp_path / "clone"
    shutil.copytree(finished_by_stand_in, clone, symlinks=True)
    gate = (ROOT / "gate.yaml").read_text(encoding="utf-8")  # whose anchor is in this history only
    (clone / "gate.yaml").write_text(re.sub("(?m)^anchor:.*", "", gate), encoding="utf-8")
    git(clone, "add", "gate.yaml")
    git(clone, "commit", "--quiet", "--message=gate")
    section = README.partition("## Change one thing")[2].partition("\n## ")[0]
    outputs = {
        " ".join(line.split()[:2]): run_as_written(line, clone, run)
        for line in re.findall(r"^\$ (.*)", section, re.MULTILINE)
    }
    assert list(outputs) == [
        "source .venv/bin/activate", "git switch", "nano params.yaml", "make repro", "git commit",
        "dvc params", "dvc metrics", "dvc plots", "make gate", "make report",
    ]  # fmt: skip
    assert ran(outputs["make repro"]) == ["check", "train_dropout", "plot"]
    assert "train.dropout_rate" in outputs["dvc params"]
    assert "metrics/dropout.json" in outputs["dvc metrics"]
    assert "metrics/no_dropout.json" not in outputs["dvc metrics"]
    assert git(clone, "diff", "--name-only", "main", "rate-0.2", "--", "plots/dropout.csv")
    assert (clone / "dvc_plots/index.html").is_file()
    assert (clone / "report/index.html").is_file()
    assert git(clone, "status", "--porcelain") == ""


def run_as_written(line: str, clone: Path, run: Run) -> str:
    """What a command of the README prints; see the test."""
    command, _, comment = (part.strip() for part in line.partition("#"))
    program, *arguments = shlex.split(command)
    if program == "source":
        return ""
    if program == "nano":
        name, value = comment.split(": ")
        set_parameters(clone, **{f"train__{name}": float(value)})
        return ""
    if program == "git":
        return git(clone, *arguments)
    if program == "make":
        target, *variables = arguments
        recipe = recipe_of(target)
        assert recipe
        given = dict(variable.split("=") for variable in variables)
        optional = r"\$\(if \$\((\w+)\),((?:[^()]|\$\(\w+\))*)\)"
        recipe = re.sub(optional, lambda found: found[2] if found[1] in given else "", recipe)
        recipe = re.sub(r"\$\((\w+)\)", lambda found: given[found[1]], recipe)
        program, *arguments = shlex.split(recipe.removeprefix("python -m "))
    variables_of_code = {} if program in ("gate", "dvc") else {"PYTHONPATH": ""}
    done = run(clone, program, *arguments, **variables_of_code)
    allowed = (0, 1) if program == "gate" else (0,)  # a rate may well be worse
    assert done.returncode in allowed, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_own_images_from_a_folder_of_pngs(in_workspace: Path, run: Run) -> None:
    random = np.random.default_rng(0)
    for part, images in (("train", 30), ("test", 9)):
        for place, label in enumerate(("cat", "dog")):
            folder = in_workspace / "pictures" / part / label
            folder.mkdir(parents=True)
            for number in range(images):
                pixels = random.integers(0, 100, (40, 32, 3), dtype=np.uint8)
                pixels[place * 20 : place * 20 + 20] += 100
                Image.fromarray(pixels).save(folder / f"{number}.png")
    (in_workspace / "pictures/train/.DS_Store").touch()
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code
    script = in_workspace / "make_pictures.py"
    script.write_text(code[1])
    done = run(in_workspace, "make_pictures", PYTHONPATH=os.curdir)
    assert done.returncode == 0, done.stderr
    # With the folder, which Git has, DVC fails; tests/pipeline/test_own_data.py runs it.
    assert all("`--copy-paths data/own/pictures.npz`" in readme for readme in (README, JAPANESE))
    with np.load("data/own/pictures.npz") as arrays:
        assert arrays["x_train"].shape == (60, 28, 28)
        assert arrays["y_test"].tolist() == [0] * 9 + [1] * 9
        upper, lower = arrays["x_train"][:, :10], arrays["x_train"][:, 18:]
        assert ((upper.mean((1, 2)) > lower.mean((1, 2))) == (arrays["y_train"] == 0)).all()
    set_parameters(
        in_workspace,
        data__dataset="data/own/pictures.npz",
        preprocess__validation_from="stratified",
    )
    for stage in ("check", "download", "preprocess"):
        done = run(in_workspace, f"stages.{stage}")
        assert done.returncode == 0, done.stderr
    with np.load("data/processed/validation.npz") as arrays:
        assert set(arrays["labels"].tolist()) == {0, 1}
