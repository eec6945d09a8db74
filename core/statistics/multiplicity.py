"""Many tests at once."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjustment: at most ``level`` of all true hypotheses together are rejected by ``p <= level``.

    The i-th smallest of m values (from 0) is multiplied by m - i, never made smaller than the one before it, and cut at 1. Same order
    as ``p_values``.
    """
    adjusted = [1.0] * len(p_values)
    before = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        before = max(before, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = before
    return adjusted
