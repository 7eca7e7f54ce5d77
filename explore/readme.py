"""The blocks of the READMEs that tell results: the ten answers, and what Dropout changes."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiment.data.known import label_of
from experiment.support.markdown import fill_blocks, table
from explore.words import LANGUAGES, answer_questions, fill, load_words
from study.contrasts import BASE, FASHION

PROGRAM = "explore"  # in the marks of the blocks: <!-- explore: answers -->


def fill_readmes(results: Mapping[str, Any]) -> None:
    """Fill the README of each language.

    Args:
        results: metrics/results.json.
    """
    for language in LANGUAGES:
        words = load_words(language)
        fill_blocks(Path(words["readme"]["file"]), PROGRAM, make_blocks(words, results))


def make_blocks(words: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, str]:
    """Return the blocks of a language by name."""
    texts, marks = words["readme"], words["answers"]["marks"]
    lines = [
        texts["answer"].format(**answer | {"mark": marks[answer["mark"]]})
        for answer in answer_questions(words, results)
    ]
    rows = []
    for metric, (label, value, change) in texts["rows"].items():
        for dataset in (BASE.dataset, FASHION):
            found = results["changes"][dataset][metric]
            values = [fill(value, {"value": found[name]}) for name in ("without", "with")]
            rows.append([f"{label_of(dataset)}: {label}", *values, fill(change, found)])
    if words["lang"] == "en":  # Japanese has no blanks at which a line could end
        lines = [textwrap.fill(line, 100, subsequent_indent="  ") for line in lines]
    return {"answers": "\n".join(lines), "changes": table(texts["header"], rows)}
