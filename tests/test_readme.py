"""What the READMEs, in English and in Japanese, say is what the repository has and does."""

import json
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT, Run, set_parameters
from tests.repository import git, ran, recipe

README, JAPANESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)
PARAMS = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
STUDY = json.loads((ROOT / "metrics/study.json").read_text(encoding="utf-8"))
CONTRASTS = json.loads((ROOT / "metrics/study_claims.json").read_text("utf-8"))["contrasts"]
RATE = PARAMS["train"]["dropout_rate"]

in_both = pytest.mark.parametrize("readme", [README, JAPANESE], ids=["README.md", "README.ja.md"])


def change(estimate: dict[str, float], digits: int, unit: str = "") -> str:
    """As `+0.205 points [+0.130 to +0.327]`."""
    mean, low, high = (
        f"{estimate[key]:+.{digits}f}".replace("-", "−") for key in ("mean", "low", "high")
    )
    return f"{mean}{unit} [{low} to {high}]"


def compared(dataset: str, metric: str, images: int = 48_000) -> dict[str, float]:
    """The difference that Dropout makes, and what is without and with it, in percent or nats."""
    name = f"{dataset},dense,rate={RATE},n={images},units={PARAMS['model']['dense_units']}"
    scale = 100 if "accuracy" in metric else 1
    return {key: scale * value for key, value in STUDY["differences"][name][metric].items()}


def expected_table() -> list[str]:
    """The cells of figures, row by row, as in English."""
    gains = [compared(name, "test_accuracy") for name in ("mnist", "fashion_mnist")]
    rises = [compared(name, "validation_loss_rise") for name in ("mnist", "fashion_mnist")]
    return [
        *(f"{g['without']:.2f} % | {g['with']:.2f} % | {change(g, 3, ' points')} |" for g in gains),
        *(f"{r['without']:.4f} | {r['with']:.4f} | {change(r, 4)} |" for r in rises),
    ]


def in_english(readme: str) -> str:
    """The same figures, written as in English; a line's end is a blank."""
    return " ".join(readme.replace("〜", "to").replace(" ポイント", " points").split())


def figures_of_answers() -> list[str]:
    """Every figure of the answers, as in English."""
    few = compared("mnist", "test_accuracy", images=1_000)
    kept = [CONTRASTS[name]["fresh_seeds"] for name in ("P8", "S8")]
    files = (f"metrics/{variant}.json" for variant in ("no_dropout", "dropout"))
    return [
        f"{compared('mnist', 'test_accuracy')['mean']:.3f}",
        f"{compared('fashion_mnist', 'test_accuracy')['mean']:.3f}",
        f"{few['without']:.2f} %",
        f"{few['with']:.2f} %",
        change(few, 3, " points"),
        f"{CONTRASTS['S5']['fresh_seeds']['mean']:.0f} %",
        change(kept[0], 3, " points"),
        change(kept[1], 3),
        *(f"{100 * STUDY['noise'][file]['test_accuracy']:.3f}" for file in files),
    ]


@in_both
def test_table_has_the_figures_of_the_study(readme: str) -> None:
    table = readme.partition("<!-- figures")[2].split("\n\n")[0]
    found = [in_english(line.split(" | ", 1)[1]) for line in table.splitlines()[3:]]
    assert found == expected_table()
    assert f"| {PARAMS['train']['epochs']} epochs" in README.replace("after ", "")
    assert f"Dropout, rate {RATE} |" in README
    assert f"ドロップアウト率 {RATE} |" in JAPANESE


@in_both
def test_answers_have_the_figures_of_the_study_in_order(readme: str) -> None:
    text = in_english(readme[readme.index("\n- **") :])
    for figure in figures_of_answers():
        before, found, text = text.partition(figure)
        assert found, f"{figure} after {before[:60]}"


def test_words_of_the_answers_follow_from_the_study() -> None:
    """Other runs may change them; then both READMEs must say so."""
    verdicts = {name: contrast["verdict"] for name, contrast in CONTRASTS.items()}
    said = {
        "P1": "undecided", "P2": "undecided",  # accuracy, corrected
        "P3": "supported", "S11": "undecided",  # few images: in points, not as a share
        "S12": "undecided",  # larger networks
        "P6": "undecided", "P7": "undecided",  # rates
        "P8": "undecided", "S8": "undecided", "S5": "contradicted",  # early stopping
        "S9a": "supported", "S9b": "supported", "S10a": "supported", "S10b": "supported",
    }  # fmt: skip
    assert verdicts | said == verdicts
    for name in ("P1", "P2"):
        low, high = CONTRASTS[name]["p_corrected"]
        assert 0.05 < low <= high < 0.07  # narrowly
        assert CONTRASTS[name]["fresh_seeds"]["low"] > 0
    for name in ("P1", "P2", "P6", "P7"):
        assert CONTRASTS[name]["all_seeds"]["low"] > 0
    sizes = (100, 500, 1_000, 5_000, 10_000, 48_000)
    assert max(sizes, key=lambda n: compared("mnist", "test_accuracy", n)["mean"]) == 1_000
    gain = compared("mnist", "test_accuracy")["mean"] / 100
    assert 0.5 < STUDY["noise"]["metrics/no_dropout.json"]["test_accuracy"] / gain < 2


@pytest.mark.parametrize("page", [README, JAPANESE], ids=["README", "ja"])
def test_no_figure_beside_the_tested_ones(page: str) -> None:
    """Those with a decimal point, or of two digits or more, outside of code and blocks."""
    text = re.sub(r"^<!-- speed: .*?^<!-- /speed -->$", "", page, flags=re.DOTALL | re.M)
    text = re.sub(r"<!-- figures.*?\n\n", "", text, flags=re.DOTALL)
    text = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", "", text, flags=re.DOTALL)

    def figures(said: str) -> set[str]:
        return {figure for figure in re.findall(r"\d+(?:[.,]\d+)*", said) if len(figure) > 1}

    known = figures(" ".join(figures_of_answers()))
    known |= {f"3.{minor}" for minor in python_versions()}
    known |= {str(CONTRASTS[name]["all_seeds"]["seeds"]) for name in ("P1", "P2")}
    known |= {"0.3", "0.5", "1,000", "3.0"}  # rates of claim C8, images of the small set, a licence
    assert figures(text) - known == set()


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
        assert recipe(target)


def test_stages_are_named_in_the_order_of_dvc_yaml() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for readme, between in ((README, ", "), (JAPANESE, "、")):
        named = between.join(f"`{name}`" for name in stages)
        assert named in " ".join(readme.split()), readme[:20]


def test_both_readmes_have_the_same_commands_code_and_links() -> None:
    def commands(readme: str) -> list[str]:
        return [line.partition("#")[0].strip() for line in re.findall(r"^\$ .*", readme, re.M)]

    assert commands(JAPANESE) == commands(README)
    links, japanese = ({*re.findall(r"\]\(([^)]+)\)", readme)} for readme in (README, JAPANESE))
    assert links - {"README.ja.md"} == japanese - {"README.md"}
    assert "(README.ja.md)" in README.splitlines()[2]
    assert "(README.md)" in JAPANESE.splitlines()[2]


def test_japanese_has_one_word_for_each_set_of_images() -> None:
    assert not re.search(r"(訓練|検証|テスト)データ", JAPANESE)


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)


def test_commands_that_change_one_thing_work_in_their_order(repository: Path, run: Run) -> None:
    """In a clone whose networks learn nothing, so that it takes seconds.

    Instead of the editor, the test changes params.yaml; instead of `make`, it runs the command of
    that target, since the environment is there already.
    """
    clone = repository
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
        _, _, program, *arguments = recipe(*arguments)  # python -m program ...
    variables_of_code = {} if program in ("gate", "dvc") else {"PYTHONPATH": ""}
    done = run(clone, program, *arguments, **variables_of_code)
    allowed = (0, 1) if program == "gate" else (0,)  # a rate may well be worse
    assert done.returncode in allowed, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
