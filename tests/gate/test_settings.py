import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import CannotCompareError
from gate.revisions import Workspace
from gate.settings import Settings, load_settings
from tests.conftest import ROOT
from tests.gate.conftest import GATE


def load(folder: Path, text: str | bytes) -> Settings:
    (folder / "gate.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_settings(Workspace(folder))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("blocks: true", "blocks: 1", "accuracy: blocks: expected a valid boolean; found 1"),
        ("blocks: true", "block: true", "accuracy: block: there is no such setting; did you mean blocks?"),
        ("better: higher", "better: more", "accuracy: better: expected 'higher' or 'lower'; found 'more'"),
        ("{absolute: 0.01}", "{absolute: -1}", "margin: absolute: expected greater than or equal to 0; found -1"),
        ("{absolute: 0.01}", "{absolute: .nan}", "margin: absolute: expected a finite number; found nan"),
        ("{absolute: 0.01}", "{absolute: '1'}", "margin: absolute: expected a valid number; found '1'"),
        ("{absolute: 0.01}", "{}", "expected one of absolute, relative, deviations, but found none"),
        ("{absolute: 0.01}", "{absolute: 1, relative: 1}", "but found absolute and relative"),
        ("{absolute: 0.01}", "{absolute: 1, without_study: 1}", "expected `without_study` beside"),
        ("blocks: true", "blocks: false", "expected a metric with `blocks: true`; found none"),
        ("pairs: 5", "pairs: 4", "seeds: pairs: expected greater than or equal to 5; found 4"),
        ("level: 0.05", "level: 0.5", "seeds: level: expected less than 0.5; found 0.5"),
        ("stale_results: refuse", "", "stale_results: expected a value, found none; add it"),
        ("stale_results: refuse", "stale_results: no", "expected 'refuse' or 'inform'; found 'no'"),
        ("    metrics/a.json: {dataset", "    b: {dataset", "seeds.rows: expected metrics/a.json, which has"),
    ],
)  # fmt: skip
def test_wrong_setting_is_refused_in_one_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    right = GATE.replace("blocks: true", "blocks: true, over_seeds: {absolute: 0.1}")
    assert load(tmp_path, right)
    assert old in right
    with pytest.raises(CannotCompareError) as error:
        load(tmp_path, right.replace(old, new, 1))
    assert str(error.value).startswith("gate.yaml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_it_is_said_how_many_more_settings_are_wrong(tmp_path: Path) -> None:
    text = GATE.replace("blocks", "block").replace("pairs: 5", "pairs: 4")
    with pytest.raises(CannotCompareError, match=r"accuracy: block: .* \(and 4 more\)$"):
        load(tmp_path, text)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCompareError, match=r"gate.yaml: no such file; run this at the top"):
        load_settings(Workspace(tmp_path))


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_any_file_is_refused_in_one_line(text: str | bytes) -> None:
    import tempfile

    content = text.encode(errors="replace") if isinstance(text, str) else text
    with tempfile.TemporaryDirectory() as folder, pytest.raises(CannotCompareError) as error:
        load(Path(folder), content)
    assert "\n" not in str(error.value)


def test_committed_gate_names_metrics_that_exist_and_leaves_one_out() -> None:
    settings = load_settings(Workspace(ROOT))
    for file, rules in settings.metrics.items():
        metrics = json.loads((ROOT / file).read_text(encoding="utf-8"))
        assert metrics.keys() - rules.keys() == {"best_epoch"}
        assert rules.keys() <= metrics.keys()


def test_committed_margins_without_a_study_are_of_the_measured_noise() -> None:
    """Five of the study's standard deviations over seeds, in two digits."""
    noise = json.loads((ROOT / "metrics/study.json").read_text(encoding="utf-8"))["noise"]
    for file, rules in load_settings(Workspace(ROOT)).metrics.items():
        for key, rule in rules.items():
            if rule.margin.without_study is None:
                continue
            assert rule.margin.deviations == 5
            assert rule.margin.without_study == float(f"{5 * noise[file][key]:.2g}")
