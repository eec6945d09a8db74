"""The names of strategies in the words of the interface: a catalogue's translation, or the strategy's own English title."""

from app.texts import Texts
from core.selection.strategies import STRATEGIES


def strategy_title(texts: Texts, name: str) -> str:
    """The name that people read, by the name that records have."""
    title = STRATEGIES[name].title if name in STRATEGIES else name  # a record may have one of another version
    return texts.entries.get(f"explore.strategy_{name}") or title
