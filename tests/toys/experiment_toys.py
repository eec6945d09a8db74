"""Queries for experiments at toy size."""

from dataclasses import replace

from toys import toy_examples

from core.records import Example
from core.training.config import ContextConfig, FitConfig, OptimConfig, WatchConfig, WritingConfig


def other_queries() -> list[Example]:
    """The toy items once more, under names of their own, so that none of them is its own answer."""
    return [replace(e, id=f"q-{e.id}", item=f"q-{e.item}", text=f"{e.text} {e.text}") for e in toy_examples()]


SHORT = FitConfig(
    policy=ContextConfig(k=2, contexts=2, candidates=12),
    optim=OptimConfig(iterations=1, queries=2, rank=2, warm_up=0, bf16=False),
    writing=WritingConfig(pairs=0),
    watch=WatchConfig(every=1, queries=3, save_every=1, fixed=0),
)
