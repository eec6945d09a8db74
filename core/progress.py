"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # share of the work that is done, in [0, 1], and what is being done


def silent(_share: float, _stage: str = "") -> None:
    """Progress that nobody follows."""
