"""Scores of very many candidates in two passes: float16 copies of all of them first, then float32 for those that may be chosen.

Among a million candidates a choice costs what it takes to read their vectors from memory, so copies of half the size are read.
The choice is the one of float32: every candidate that the rounding could have kept out of it is scored again.

Shapes: N candidates, D dimensions.
"""

from concurrent.futures import ThreadPoolExecutor

import torch

MANY = 50_000  # candidates; fewer are read whole in a few milliseconds

# Most that a cosine of float16 copies is off, for D up to 4,096. Rounding changes a component by at most 2^-11 of itself, on both
# sides, so the sum by 2 * 2^-11 = 9.8e-4 (the sum of |z_j x_j| is at most 1 for unit vectors); its result is rounded by 4.9e-4 again,
# and 4,096 float32 additions add at most 2.5e-4.
SLACK = 2e-3


def halved(vectors: torch.Tensor) -> torch.Tensor | None:
    """Float16 copies ``(N, D)`` of unit vectors on a CPU for a first pass; None where all can be read whole at once."""
    if len(vectors) < MANY or vectors.device.type != "cpu":
        return None
    return vectors.half()


def coarse_cosines(query: torch.Tensor, halves: torch.Tensor) -> torch.Tensor:
    """Cosines ``(N,)`` of a unit vector ``(D,)`` with every row of ``halves`` ``(N, D)``, float32, each at most ``SLACK`` off."""
    rounded, threads = query.half(), torch.get_num_threads()
    if threads == 1:
        return (halves @ rounded).float()
    with ThreadPoolExecutor(threads) as pool:  # PyTorch multiplies a float16 matrix by a vector on one thread
        return torch.cat(list(pool.map(lambda part: (part @ rounded).float(), halves.chunk(threads))))


def highest(keys: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the ``count`` highest ``keys`` ``(N,)``, best first, as ``topk`` but without sorting through all of them.

    The ``count`` highest lie in the ``count`` blocks with the highest maxima.
    """
    size = 1024
    blocks = len(keys) // size
    if count * 4 > blocks:
        return keys.topk(count).indices
    tops = keys[: blocks * size].view(blocks, size).amax(1).topk(count).indices
    inside = (tops[:, None] * size + torch.arange(size, device=keys.device)).flatten()
    places = torch.cat([inside, torch.arange(blocks * size, len(keys), device=keys.device)])
    return places[keys[places].topk(count).indices]
