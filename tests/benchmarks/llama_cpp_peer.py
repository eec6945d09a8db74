"""llama.cpp beside our scorer: label scores in the way that its own multiple-choice tools take, with what answers share read once.

For each context one batch: tokens of the context belong to the sequences of all its labels, tokens of a label to its own, and logits are
asked for at the positions of the labels alone (as tools/perplexity does for HellaSwag). What a context shares with the one before stays
in the key-value memory, so shared demonstrations are read once. The tokens are ours, so both read the same.

Blocks are multiplied as the file has them: the AMX kernels of repacked blocks trap in some virtual machines (``use_extra_bufts``).
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.scoring.trie import Target, build_trie, shared_length

BATCH = 2048  # tokens of one call


class LlamaCpp:
    """Scores the answers to one context after the other."""

    def __init__(self, path: Path, answers: int, threads: int = 1) -> None:
        """``answers``: most answers to one context."""
        import llama_cpp.llama_cpp as api

        self._api: Any = api
        api.llama_backend_init()
        # Its log goes to standard error line by line; a reference is kept, for the library calls it until the end.
        self._quiet = api.llama_log_callback(lambda _level, _text, _data: None)
        api.llama_log_set(self._quiet, ctypes.c_void_p(0))
        of_model = api.llama_model_default_params()
        of_model.use_extra_bufts = False
        self._model = api.llama_model_load_from_file(str(path).encode(), of_model)
        settings = api.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = 4096, BATCH, 512
        settings.n_threads = settings.n_threads_batch = threads
        settings.n_seq_max, settings.kv_unified, settings.swa_full = answers, True, True
        self._context = api.llama_init_from_model(self._model, settings)
        assert self._context, "llama.cpp made no context"
        self._words = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self._model))
        self._batch = api.llama_batch_init(BATCH, 0, answers)
        self._answers = answers
        self._kept: tuple[int, ...] = ()  # tokens in the memory that all sequences share

    def forget(self) -> None:
        """Empty the key-value memory."""
        self._keep(0)

    def _keep(self, count: int) -> None:
        self._api.llama_memory_seq_rm(self._api.llama_get_memory(self._context), -1, count, -1)
        self._kept = self._kept[:count]

    def score(self, contexts: Sequence[Sequence[Target]]) -> list[np.ndarray]:
        """Log-probabilities, one array ``(answers,)`` per context, nats."""
        order = sorted(range(len(contexts)), key=lambda i: contexts[i][0].tokens)
        results: list[np.ndarray] = [np.empty(0)] * len(contexts)
        for index in order:
            results[index] = self._score(contexts[index])
        return results

    def _score(self, targets: Sequence[Target]) -> np.ndarray:
        ranks = sorted(range(len(targets)), key=lambda i: targets[i].inputs)
        trie = build_trie([targets[i].inputs for i in ranks], 0)
        common = shared_length(targets[ranks[0]].inputs, targets[ranks[-1]].inputs)
        # The token before an answer is read again, for its logits.
        base = min(shared_length(self._kept, targets[0].tokens), min(target.first for target in targets) - 1, common)
        self._keep(base)
        asked = {node for i, path in zip(ranks, trie.paths, strict=True) for node in path[targets[i].first - 1 :]}
        readers: dict[int, list[int]] = {}
        for sequence, path in enumerate(trie.paths):
            for node in path[base:]:
                readers.setdefault(node, []).append(sequence)
        nodes = sorted(readers)
        rows = self._read(nodes, trie, readers, asked, common)
        self._kept = targets[0].inputs[:common]
        values = np.zeros(len(targets))
        for i, path in zip(ranks, trie.paths, strict=True):
            target = targets[i]
            for position in range(target.first, len(target.tokens)):
                values[i] += rows[path[position - 1]][target.tokens[position]]
        return values

    def _read(
        self, nodes: list[int], trie: Any, readers: dict[int, list[int]], asked: set[int], common: int
    ) -> dict[int, torch.Tensor]:
        """Log-probabilities over all words after each of the nodes that are ``asked``."""
        assert len(nodes) <= BATCH
        batch = self._batch
        batch.n_tokens = len(nodes)
        for row, node in enumerate(nodes):
            # What all share belongs to all sequences there are, so that a next context with more answers finds it.
            sequences = range(self._answers) if trie.depths[node] < common else readers[node]
            batch.token[row], batch.pos[row] = trie.tokens[node], trie.depths[node]
            batch.n_seq_id[row] = len(sequences)
            for number, sequence in enumerate(sequences):
                batch.seq_id[row][number] = sequence
            batch.logits[row] = node in asked
        status = self._api.llama_decode(self._context, batch)
        assert status == 0, f"llama_decode gave {status}"
        logs = {}
        for row, node in enumerate(nodes):
            if node in asked:
                pointer = self._api.llama_get_logits_ith(self._context, row)
                logits = torch.from_numpy(np.ctypeslib.as_array(pointer, shape=(self._words,)))
                logs[node] = logits.log_softmax(-1)
        return logs
