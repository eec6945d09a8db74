"""Sentence vectors of the model as it was before the closed-loop run that it carries, on the same weights where they allow it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.models.embeddings import SentenceVectors
from core.models.loading import LanguageModel, load_model
from core.models.soft_prompts import soft_prompt_of
from core.models.trained_run import ADAPTER, WEIGHTS

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def untrained_vectors(vectors: SentenceVectors) -> SentenceVectors:
    """Vectors of the layer of ``vectors`` by the weights that the run of their model began with, exactly.

    An adapter is switched off while they are computed; a run that taught the policy alone left the weights as they were, so that what
    ``vectors`` remembers serves both; only where it changed all weights the model it began with is loaded beside them, which takes its
    memory once more.
    """
    model, layer, trained = vectors.model, vectors.layer, vectors.model.trained
    if trained is not None and (trained.folder / WEIGHTS).is_dir():
        return SentenceVectors(load_model(replace(model.config, run="")), layer)
    plain = replace(model, trained=None)  # the same network under the same lock
    if trained is not None and trained.states_of_base:
        return vectors.shared_with(plain)
    if trained is not None and (trained.folder / ADAPTER).is_dir():
        return AdapterOff(plain, layer)
    return vectors.shared_with(plain)


def own_vectors(model: LanguageModel, layer: int | None) -> SentenceVectors:
    """The vectors that ``model`` chooses by: by its weights in place, or without the adapter where a run's adapter learnt answers alone."""
    of_base = model.trained is not None and model.trained.states_of_base
    return (AdapterOff if of_base else SentenceVectors)(model, layer)


class AdapterOff(SentenceVectors):
    """Vectors without the network's adapter."""

    def _means(self, encoded: list[list[int]]) -> np.ndarray:
        with adapter_off(self.model.network):  # the caller holds the model's lock
            return super()._means(encoded)


@contextmanager
def adapter_off(network: "PreTrainedModel") -> Iterator[None]:
    """The network without its adapter or soft prompt; after it everything is as before, also what may learn."""
    if (soft := soft_prompt_of(network)) is not None:
        soft.active = False
        try:
            yield
        finally:
            soft.active = True
        return
    learning = {name: weight.requires_grad for name, weight in network.named_parameters()}
    network.disable_adapters()
    try:
        yield
    finally:
        network.enable_adapters()  # makes the adapter learn, whether it did or not
        for name, weight in network.named_parameters():
            weight.requires_grad_(learning[name])
