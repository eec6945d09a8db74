"""The losses of the closed loop: pure functions of tensors; running the model is somebody else's job.

Shapes: B queries, G contexts sampled per query, K demonstrations per context, L labels, D dimensions, T tokens. Masks: True = counts.
All losses are to be minimised. Those with probabilities are in nats, those with vectors have no unit.
"""

import torch

from core.errors import InvalidConfig

LOSSES: dict[str, tuple[str, str, str]] = {  # by name in the run log: unit, meaning, and "down" where less is better
    "rl": ("nats", "policy gradient loss; its size says little, its gradient matters", ""),
    "align": ("nats", "KL(p(y|x,C) || p(y|x)) where the context helped", "down"),
    "coherence": ("squared distance", "between the vectors of query and answer, in [0, 4]", "down"),
    "floor": ("deviation", "missing spread of the vectors", "down"),
    "reference": ("nats", "KL from the model before training", "down"),
    "writing": ("advantage", "clipped surrogate of the written demonstrations", ""),
    "answer": ("nats", "-log p(y*|x,C) of the gold label", "down"),
    "choice": ("nats", "objective over the scored candidates of a bank", "down"),
    "total": ("nats", "weighted sum that is minimised", ""),
}


def leave_one_out(rewards: torch.Tensor) -> torch.Tensor:
    """Advantages ``(B, G)``: each reward minus the mean of the other rewards of its query.

    The baseline of REINFORCE leave-one-out (Kool et al. 2019, "Buy 4 REINFORCE samples, get a baseline for free!", equation 8): it does
    not depend on the sample it is subtracted from, so the gradient stays unbiased. Raises ``InvalidConfig`` with fewer than two contexts.
    """
    count = rewards.shape[1]
    if count < 2:
        raise InvalidConfig(
            f"A group has {count} context; leave-one-out needs 2 or more, set policy.contexts=2 or more."
        )
    return (rewards - rewards.mean(1, keepdim=True)) * count / (count - 1)


def policy_gradient_loss(log_pi: torch.Tensor, advantages: torch.Tensor) -> torch.Tensor:
    """``L_rl = -E[A log pi(C|x)]``, a scalar: its gradient is the REINFORCE estimate of that of ``-E[R]``.

    ``log_pi`` ``(B, G)`` in nats, with gradient; ``advantages`` ``(B, G)`` are constants.
    """
    return -(advantages.detach() * log_pi).mean()


def clipped_writing_loss(
    log_now: torch.Tensor, log_then: torch.Tensor, advantages: torch.Tensor, contexts: int, clip: float = 0.2
) -> torch.Tensor:
    """The same reward for what wrote a demonstration: the clipped surrogate of whole sequences, a scalar.

    One entry ``(O,)`` for every time that a context shows a written pair: mean log-probability of the pair's tokens under the present
    weights and under those that wrote it, nats per token, and the context's advantage. ``contexts`` is B times G, over which the
    mean is taken. Clipped as in PPO (Schulman et al. 2017, arXiv 1707.06347, equation 7), with the length-normalised ratio of a
    sequence (Zheng et al. 2025, arXiv 2507.18071, equation 7). No entry: 0.
    """
    ratio = (log_now - log_then.detach()).exp()
    gain = advantages.detach()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).sum() / contexts


def kl_rows(log_p: torch.Tensor, log_q: torch.Tensor, counts: torch.Tensor | None = None) -> torch.Tensor:
    """KL(p || q) in nats over the last dimension, exact; rows of ``log_p`` and ``log_q`` are normalised log-probabilities.

    ``counts`` masks entries that belong to the support (True = counts); their log-probabilities may be -inf elsewhere.
    """
    if counts is not None:  # before the product: 0 times infinity has no gradient
        log_q, support = log_q.masked_fill(~counts, 0.0), log_p.masked_fill(~counts, 0.0)
        return (log_p.exp() * (support - log_q)).sum(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def alignment_loss(with_context: torch.Tensor, without: torch.Tensor, helped: torch.Tensor) -> torch.Tensor:
    """``L_align = E[KL(p(y|x,C) || p(y|x))]``, the published form and direction; exact over a closed label set; a scalar in nats.

    ``with_context`` ``(B, G, L)`` and ``without`` ``(B, L)`` are normalised log-probabilities; ``helped`` ``(B, G)`` says which contexts
    count (those that made the right answer likelier), the others add 0 to the mean. Pass ``with_context`` without a gradient: with
    gradients on both sides the minimum is to ignore the context.
    """
    return (kl_rows(with_context, without[:, None, :].expand_as(with_context)) * helped).mean()


def coherence_loss(queries: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """``L_coh = E[|Enc(x) - Enc(y)|^2]``, a scalar in [0, 4] from unit vectors ``(B, D)``.

    Pass ``answers`` without a gradient (an earlier or averaged encoder): one that is trained on both sides collapses to a constant.
    """
    return (queries - answers).pow(2).sum(-1).mean()


def variance_floor(vectors: torch.Tensor, floor: float) -> torch.Tensor:
    """How far the deviation of unit vectors ``(N, D)``, scaled by sqrt(D), lies below ``floor``: mean over dimensions, a scalar >= 0.

    VICReg's hinge (Bardes et al. 2022, arXiv 2105.04906, equation 1); evenly spread vectors deviate by 1. One vector: 0.
    """
    if floor <= 0 or len(vectors) < 2:
        return vectors.new_zeros(())
    deviation = (vectors * vectors.shape[1] ** 0.5).var(0).add(1e-6).sqrt()
    missing: torch.Tensor = (floor - deviation).clamp_min(0).mean()
    return missing
