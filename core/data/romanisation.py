"""Texts in Latin letters, by ``uroman`` (Hermjakob et al. 2018, P18-4003), which reads Japanese characters as Chinese ones."""

from functools import lru_cache
from typing import Any

from core.errors import ModelUnavailable


@lru_cache(maxsize=20_000)
def romanised(text: str, code: str) -> str:
    """``text``, in the language ``code``, in Latin letters; one that is in them stays as it is. Raises ``ModelUnavailable`` without ``uroman``."""
    return text if code.split("-")[0].endswith("_Latn") else str(_uroman().romanize_string(text, lcode=code[:3]))


@lru_cache(maxsize=1)
def _uroman() -> Any:
    try:
        import uroman
    except ImportError as error:
        raise ModelUnavailable(
            "uroman is not installed; run 'pip install uroman', or choose another strategy than romanised."
        ) from error
    return uroman.Uroman()
