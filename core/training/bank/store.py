"""Label scores of prompts on disk: every prompt is scored once per model, through kills, restarts and several processes.

A store is a folder with ``identity.json`` (the model's fingerprint and the format) and files that only grow, one a process:
``scores-00.jsonl`` has a line a prompt, with the key of prompt and answers and log p(answer | prompt) of each answer, in nats. A line that
a kill tore is passed over; its prompt is scored again.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from core.errors import InvalidConfig, InvalidData
from core.scoring import Request, Scores

FORMAT = 1
IDENTITY = "identity.json"
BANK = "bank"  # folder of a run's scores
CHUNK = 96  # prompts that are scored together, and then written down
Report = Callable[[float], None]


class Stopped(Exception):
    """The work was asked to stop; what is scored is on disk."""


def key_of(request: Request) -> str:
    """32 hex digits of prompt and answers: whatever prompt variant or text made them, equal ones share a score."""
    text = "\0".join((request.context, *request.answers))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class ScoreStore:
    """Scores by prompt and answers of one model."""

    def __init__(self, folder: Path, fingerprint: str, process: int = 0) -> None:
        """``process`` names the file that this process writes. Raises ``InvalidData`` for a folder of another model or format."""
        self.folder, self.path = folder, folder / f"scores-{process:02d}.jsonl"
        self._identity = {"format": FORMAT, "model": fingerprint}
        self._check(fingerprint)
        self._scores: dict[str, np.ndarray] = {}
        self.read()

    def _check(self, fingerprint: str) -> None:
        path, expected = self.folder / IDENTITY, self._identity
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.is_file():
                partial = path.with_suffix(f".{os.getpid()}")
                partial.write_text(json.dumps(expected), encoding="utf-8")
                partial.replace(path)
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidData(
                f"The score bank {self.folder} cannot be opened ({error}); name another folder."
            ) from error
        if stored != expected:
            raise InvalidData(
                f"The score bank {self.folder} holds scores of the model {stored.get('model')!r} in format {stored.get('format')!r}, and "
                f"here it is {fingerprint!r} in format {FORMAT}; name another folder for this model."
            )

    def __len__(self) -> int:
        return len(self._scores)

    def read(self) -> None:
        """Take in what every process has written."""
        for path in sorted(self.folder.glob("scores-*.jsonl")):
            self._scores.update(_lines(path))

    def borrow(self, folder: Path, requests: Sequence[Request], write: bool = True) -> int:
        """Take in what another store of the same model, which is only read, holds of ``requests``; how many were new.

        ``write`` writes them down here, so that this store needs the other no more: true in one process of several. Raises
        ``InvalidData`` where ``folder`` holds no scores of this model.
        """
        path = folder / IDENTITY
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidData(
                f"{folder} holds no score bank ({error}); name a run of train.py fit that has one."
            ) from error
        if stored != self._identity:
            raise InvalidData(
                f"The score bank {folder} is of the model {stored.get('model')!r} in format {stored.get('format')!r}, and here it is "
                f"{self._identity['model']!r} in format {FORMAT}; its scores say nothing of this one."
            )
        missing = {key_of(request): request for request in requests if not self.knows(request)}
        rows = {
            key: row for other in sorted(folder.glob("scores-*.jsonl")) for key, row in _lines(other) if key in missing
        }
        if rows and write:
            self.add([missing[key] for key in rows], list(rows.values()))
        self._scores.update(rows)
        return len(rows)

    def knows(self, request: Request) -> bool:
        """Whether the scores are here."""
        return key_of(request) in self._scores

    def scores(self, requests: Sequence[Request]) -> np.ndarray:
        """``log p(answer | prompt)`` ``(R, L)``, nats, not normalised over the answers. ``KeyError`` for one that was never scored."""
        return np.stack([self._scores[key_of(request)] for request in requests])

    def add(self, requests: Sequence[Request], rows: Sequence[np.ndarray]) -> None:
        """Write down the scores of a chunk. Raises ``InvalidData`` when the disk refuses."""
        entries = {
            key_of(request): np.asarray(row, dtype=np.float64) for request, row in zip(requests, rows, strict=True)
        }
        lines = [json.dumps({"key": key, "scores": row.tolist()}) for key, row in entries.items()]
        try:
            torn = self.path.is_file() and not self.path.read_bytes().endswith(b"\n")
            with self.path.open("a", encoding="utf-8") as file:
                file.write(("\n" if torn else "") + "\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InvalidData(
                f"The score bank {self.path} could not be written ({error.strerror}); free space and run the same command again: what is "
                "scored stays."
            ) from error
        self._scores.update(entries)


def lent_banks(folder: Path | None, queries: int) -> tuple[Path, ...]:
    """The banks that ``--bank`` names for runs with ``bank.queries`` of ``queries``. Raises ``InvalidConfig`` where nothing can be lent."""
    if folder is None:
        return ()
    if not queries:
        raise InvalidConfig(
            f"--bank {folder} was given, but bank.queries is 0: such a run has no bank; set bank.queries, or leave --bank out."
        )
    if not (banks := banks_in(folder)):
        raise InvalidConfig(
            f"{folder} holds no score bank; name a run of train.py fit that learnt from one, or a folder of such runs."
        )
    return tuple(banks)


def banks_in(folder: Path) -> list[Path]:
    """Score banks of a folder: itself, that of a run, or those of the runs in it."""
    folders = [folder, folder / BANK, *sorted(folder.glob(f"*/{BANK}"))]
    return [one for one in folders if any(one.glob("scores-*.jsonl"))]


def _lines(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    for line in path.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
            yield str(entry["key"]), np.array(entry["scores"], dtype=np.float64)
        except (ValueError, KeyError, TypeError):  # empty, or torn by a kill
            continue


def fill(
    store: ScoreStore,
    scorer: Scores,
    requests: Iterable[Request],
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    process: int = 0,
    processes: int = 1,
) -> int:
    """Score what the store lacks of ``requests``; how many prompts this process scored. Raises ``Stopped`` when ``stop`` says so.

    Prompts are sorted, so that those with a common beginning are scored together and the scorer computes it once. Chunks are cut from the
    whole list and a chunk that lacks a score is scored whole, by process ``chunk % processes``: the batch that a prompt is scored in, and
    with it the rounding, is then the same for one process and for many, and before and after a kill. Call ``store.read`` when all are done.
    """
    distinct = sorted(dict.fromkeys(requests), key=lambda request: (request.context, request.answers))
    chunks = [distinct[start : start + CHUNK] for start in range(0, len(distinct), CHUNK)]
    own = [c for c in chunks[process::processes] if not all(store.knows(request) for request in c)]
    count = 0
    for number, chunk in enumerate(own):
        if stop():
            raise Stopped
        store.add(chunk, _scored_alone(scorer, chunk))
        count += len(chunk)
        report((number + 1) / len(own))
    return count


def _scored_alone(scorer: Scores, chunk: Sequence[Request]) -> list[np.ndarray]:
    """Scores that depend on the chunk alone: nothing that the scorer remembers changes the batch it makes."""
    forget = getattr(scorer, "forget", None)
    if forget is not None:
        forget()
    return scorer.score(chunk)
