"""Parallel text for pre-training, read from a folder of Parquet files or a data set on the Hub that holds the same files.

Reads NTREX-128, TICO-19, Tatoeba, storybooks, public-domain Bible verses and the ``demo`` fold of SIB-200. Leaves out whatever an
evaluation uses: every SIB-200 item outside ``demo`` in any language, any text equal to one of those, and the Tatoeba pairs held out for
measuring retrieval and translation.

The parallel text has few distinct English sentences, while the teacher can give a vector to any piece of them. So English words and
fragments are further text for the encoder: they teach what single words mean and how meanings add up, in every language, because
translations share the English words.
"""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.data.matching import normal_form
from core.errors import InvalidData

LENGTHS = (2, 3, 4, 6)  # words of a fragment
_WORD = re.compile(r"[A-Za-z][a-z'-]+")


def english_fragments(sentences: list[str], size: int, seed: int = 0) -> list[str]:
    """All words of ``sentences`` and at most ``size`` fragments of them, sorted, each once, none a sentence itself."""
    rng = random.Random(seed)
    words = {word for sentence in sentences for word in _WORD.findall(sentence)}
    fragments = []
    for sentence in sentences:
        parts = sentence.split()
        for _ in range(2):
            length = rng.choice(LENGTHS)
            if len(parts) > length + 1:
                begin = rng.randrange(len(parts) - length + 1)
                fragments.append(" ".join(parts[begin : begin + length]).strip('.,;:"()'))
    rng.shuffle(fragments)
    return sorted(({*fragments[:size]} | words) - {*sentences, ""})


HUB = "hub:"
PARTS = ("sib200", "parallel", "sentiment")  # folders of the data that the recipe and its measurements read


def data_folder(name: str) -> Path:
    """The folder of ``name``: itself, or where ``hub:owner/name`` was downloaded to (the Hub's own cache).

    Nothing is downloaded for a folder. Raises ``InvalidData`` naming what is missing.
    """
    if not name.startswith(HUB):
        folder = Path(name)
        if not folder.is_dir():
            raise InvalidData(f"There is no folder {name!r}; name one with Parquet files, or write hub:owner/name.")
        return folder
    from huggingface_hub import snapshot_download

    try:
        folder_path = snapshot_download(
            name.removeprefix(HUB), repo_type="dataset", allow_patterns=[f"{part}/*.parquet" for part in PARTS]
        )
    except (OSError, ValueError) as error:
        raise InvalidData(
            f"{name} could not be fetched ({type(error).__name__}: {error}); check the name, or set HF_HUB_OFFLINE=0."
        ) from error
    return Path(folder_path)


COLUMNS = ["source", "document", "group", "language", "text", "english"]
HELD_OUT_SHARE = 20  # one English Tatoeba sentence in 20 is held out, with all its translations


@dataclass(frozen=True)
class Corpus:
    """Text to learn from and text to measure with; both have the columns ``COLUMNS``.

    ``group`` names one meaning: rows of a group are translations of each other, ``english`` is their English side
    (empty where there is none). ``document`` names the text that consecutive rows belong to.
    """

    train: pd.DataFrame
    held_out: pd.DataFrame


def is_held_out(english: str) -> bool:
    """Whether a Tatoeba pair with this English side is kept for measurement; depends on the text alone."""
    return int(hashlib.sha256(english.strip().casefold().encode()).hexdigest(), 16) % HELD_OUT_SHARE == 0


def load_corpus(folder: Path, languages: Sequence[str]) -> Corpus:
    """Read the corpus in ``languages`` (FLORES-200 codes). Raises ``InvalidData`` when a file is missing."""
    codes = set(languages)
    tatoeba = _tatoeba(_read(folder, "parallel/tatoeba_laser"), codes)
    measured = tatoeba["english"].map(is_held_out)
    parts = [
        _ntrex(_read(folder, "parallel/ntrex128"), codes),
        _tico(_read(folder, "parallel/tico19"), codes),
        tatoeba[~measured],
        _storybooks(_read(folder, "parallel/storybooks"), codes),
        _bible(_read(folder, "parallel/bible_public_domain"), codes),
    ]
    sib = _read(folder, "sib200/sib200_devlangs_train_dev")
    parts.append(_sib_demo(sib, codes))
    forbidden = forbidden_texts(sib)
    train = pd.concat(parts, ignore_index=True)
    train["text"] = train["text"].str.strip()
    train = train[(train["text"] != "") & ~train["text"].map(normal_form).isin(forbidden)]
    train = train[~train["english"].map(normal_form).isin(forbidden - {""})]
    return Corpus(train.reset_index(drop=True), tatoeba[measured].reset_index(drop=True))


def forbidden_texts(sib: pd.DataFrame) -> frozenset[str]:
    """Normal forms of all SIB-200 sentences outside the ``demo`` fold, in every language: never trained on."""
    return frozenset(sib.loc[sib["devfold"] != "demo", "text"].map(normal_form))


def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise InvalidData(f"{path} is missing; --data must name a folder that holds {name}.parquet (see README, Data).")
    frame = pd.read_parquet(path)
    frame["language"] = frame["language"].str.split("-").str[0]
    return frame


def _with_english(frame: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    """Add each group's English side and keep the wanted languages."""
    english = frame[frame["language"] == "eng_Latn"].drop_duplicates("group").set_index("group")["text"]
    frame = frame[frame["language"].isin(keep)].copy()
    frame["english"] = frame["group"].map(english).fillna("")
    return frame.drop_duplicates(["group", "language"])[COLUMNS]


def _ntrex(frame: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    frame = frame[frame["kind"].isin(["source", "ref"])].sort_values(["language", "line"], kind="stable")
    frame = frame.assign(
        source="NTREX-128", document="ntrex/" + frame["doc_id"], group=frame["line"].map("ntrex/{}".format)
    )
    return _with_english(frame, keep)


def _tico(frame: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    frame = frame.assign(source="TICO-19", document="tico/" + frame["seg_id"].str.split(":").str[0])
    return _with_english(frame.assign(group="tico/" + frame["seg_id"]), keep)


def _tatoeba(frame: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    frame = frame[frame["language"].isin(keep)]
    frame = frame.assign(source="Tatoeba", document=frame["id"], group=frame["id"], english=frame["text_eng"])
    return frame[COLUMNS]


def _storybooks(frame: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    pages = frame["story"] + "/" + frame["n_pages"].astype(str)
    group = "story/" + pages + "/" + frame["page"].astype(str)
    return _with_english(frame.assign(source="Storybooks", document="story/" + pages, group=group), keep)


def _bible(frame: pd.DataFrame, keep: set[str], most: int = 3000) -> pd.DataFrame:
    """At most ``most`` verses a language, of the modern English translation: the register is archaic."""
    frame = frame[~frame["translation"].isin(["eng-ylt"])]
    chapter = frame["verse_id"].str.rsplit(".", n=1).str[0]
    frame = frame.assign(source="Bible", document="bible/" + chapter, group="bible/" + frame["verse_id"])
    modern = set(frame.loc[frame["language"] == "eng_Latn", "group"])
    frame = frame[frame["group"].isin(modern)]
    return _with_english(frame, keep).groupby("language").head(most)


def _sib_demo(frame: pd.DataFrame, keep: set[str]) -> pd.DataFrame:
    frame = frame[frame["devfold"] == "demo"]
    group = frame["index_id"].map("sib/{}".format)
    return _with_english(frame.assign(source="SIB-200 demo", document=group, group=group), keep)
