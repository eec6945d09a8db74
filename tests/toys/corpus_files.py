"""A data folder with a few rows of our own a corpus, in the columns of the real files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def write(folder: Path, name: str, rows: Sequence[dict[str, Any]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path, index=False)


def sib200(folder: Path) -> None:
    folds = {"demo": ("train", range(4)), "dev_query": ("train", range(4, 7)), "dev": ("dev", range(7, 9))}
    labels = ("travel", "health", "sports")
    rows = [
        {
            "id": f"sib200/{code}/{n}",
            "index_id": n,
            "language": code,
            "split": split,
            "text": f"Sentence {n} in {'kik_Latn' if code == 'bam_Latn' and n in (1, 5) else code}.",
            "label": labels[n % 3],
            "devfold": fold,
        }
        for code in ("bam_Latn", "kik_Latn", "ita_Latn", "arb_Arab", "ars_Arab")
        for fold, (split, numbers) in folds.items()
        for n in numbers
    ]
    write(folder, "sib200/sib200_devlangs_train_dev.parquet", rows)


def afrisenti(folder: Path) -> None:
    texts = [
        ("train", "Good day", "positive"),
        ("train", "Bad road", "negative"),
        ("train", "Bad  ROAD", "negative"),  # once more
        ("train", "So so", "neutral"),
        ("train", "so so", "positive"),  # with another label
        ("dev", "Never used", "neutral"),
        ("test", "good day", "positive"),  # in the training split
        ("test", "New bus", "positive"),
        ("test", "New bus", "positive"),
        ("test", "Old bus", "negative"),
    ]
    rows = [
        {"id": f"afrisenti/{code}/{n}", "language": code, "split": split, "text": text, "label": label}
        for code in ("pcm_Latn", "hau_Latn")
        for n, (split, text, label) in enumerate(texts)
    ]
    write(folder, "sentiment/afrisenti.parquet", rows)


def nusax(folder: Path) -> None:
    rows = [
        {
            "id": f"nusax/{code}/{split}/{n}",
            "parallel_id": f"{split}/{n}",
            "language": code,
            "split": split,
            "text": f"Remark {split} {n} in {code}.",
            "label": ("positive", "negative", "neutral")[n],
        }
        for code in ("jav_Latn", "sun_Latn")
        for split in ("train", "test")
        for n in range(3)
    ]
    write(folder, "sentiment/nusax_senti.parquet", rows)


def brighter(folder: Path) -> None:
    given = [
        ("deu_Latn", "train", "joy"),
        ("deu_Latn", "train", "joy|fear"),
        ("deu_Latn", "train", ""),
        ("deu_Latn", "dev", "anger"),
        ("deu_Latn", "test", "anger"),
        ("deu_Latn", "test", ""),
        ("zul_Latn", "dev", "fear"),  # has no training split
        ("zul_Latn", "test", "sadness"),
        ("por_Latn-BR", "test", "joy"),
    ]
    rows = [
        {"id": f"brighter/{n}", "language": code, "split": split, "text": f"Remark {n}.", "label": label}
        for n, (code, split, label) in enumerate(given)
    ]
    write(folder, "emotion/brighter.parquet", rows)


def xcopa(folder: Path) -> None:
    rows = [
        {
            "id": f"xcopa/{kind}/{code}/{split}/{n}",
            "parallel_id": f"{split}/{n}",
            "kind": kind,
            "language": code,
            "split": split,
            "premise": f"The cup {n} fell.",
            "choice1": "Someone pushed it.",
            "choice2": "Someone pushed it." if n == 2 else "It broke.",
            "question": "effect" if code == "tha_Thai" else "cause",
            "question_majority": "cause",
            "label": "0",
        }
        for kind, code in (("human", "ita_Latn"), ("human", "tha_Thai"), ("mt_to_english", "eng_Latn"))
        for split in ("dev", "test")
        for n in range(3)
    ]
    write(folder, "commonsense/xcopa.parquet", rows)


def pawsx(folder: Path) -> None:
    given = [("dev", "1", False), ("dev", "0", False), ("test", "1", False), ("test", None, False), ("test", "0", True)]
    rows = [
        {
            "id": f"pawsx/{code}/{split}/{n}",
            "parallel_id": f"{split}/{n}",
            "language": code,
            "split": split,
            "sentence1": f"The cat {n} sleeps.",
            "sentence2": "NS" if untranslated else f"The cat {n} is asleep.",
            "label": label,
            "untranslated": untranslated,
        }
        for code in ("deu_Latn", "fra_Latn")
        for n, (split, label, untranslated) in enumerate(given)
    ]
    write(folder, "paraphrase/pawsx.parquet", rows)


def xquad(folder: Path) -> None:
    rows = [
        {
            "id": f"xquad/{code}/{title}",
            "parallel_id": title,
            "language": code,
            "split": "test",
            "title": title,
            "context": f"The {title} is red.",
            "question": f"What colour is the {title}?",
            "answer": "red",
        }
        for code in ("deu_Latn", "arb_Arab")
        for title in ("apple", "barn", "car", "door")
    ]
    write(folder, "qa/xquad.parquet", rows)


def mgsm(folder: Path) -> None:
    problems = [
        {
            "id": f"mgsm/{code}/{n}",
            "parallel_id": str(n),
            "language": code,
            "split": "test",
            "text": f"Two cats and {n} dogs?",
            "label": str(n + 2),
        }
        for code in ("deu_Latn", "eng_Latn")
        for n in range(3)
    ]
    exemplars = [
        {
            "id": f"mgsm-exemplar/{code}/{n}",
            "parallel_id": str(n),
            "language": code,
            "split": "exemplar",
            "text": f"{lead}: One cup and {n} more?",
            "label": f"Answer: 1 + {n} = {n + 1}. The answer is {n + 1}.",
            "cot": "",
        }
        for code, lead in (("deu_Latn", "Frage"), ("eng_Latn", "Question"))
        for n in range(1, 3)
    ]
    write(folder, "math/mgsm.parquet", problems)
    write(folder, "math/mgsm_exemplars.parquet", exemplars)


def ntrex(folder: Path) -> None:
    rows = [
        {
            "id": f"ntrex/{raw}/{kind}/{line}",
            "line": line,
            "doc_id": f"document-{line // 3}",
            "language": code,
            "kind": kind,
            "split": "test",
            "text": f"News {line} in {raw}.",
        }
        for raw, code, kind in (
            ("eng", "eng_Latn", "source"),
            ("eng-GB", "eng_Latn-GB", "ref"),
            ("deu", "deu_Latn", "ref"),
            ("fra", "fra_Latn", "ref"),
            ("spa", "spa_Latn", "ref"),
            ("spa2", "spa_Latn", "ref2"),
        )
        for line in range(12)
        if not (raw == "eng" and line in (0, 5))
    ]
    write(folder, "parallel/ntrex128.parquet", rows)
