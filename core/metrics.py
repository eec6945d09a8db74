"""Accuracy and macro-F1, pure functions over gold and predicted labels."""

from collections.abc import Sequence


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of equal labels, in [0, 1]; needs at least one item."""
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def macro_f1(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> float:
    """Mean over ``labels`` of F1 = 2 TP / (2 TP + FP + FN), in [0, 1].

    A label that is neither in gold nor predicted has no F1 and is left out of the mean.
    """
    values = []
    for label in labels:
        hit = sum(g == p == label for g, p in zip(gold, predicted, strict=True))
        off = sum((g == label) != (p == label) for g, p in zip(gold, predicted, strict=True))
        if hit or off:
            values.append(2 * hit / (2 * hit + off))
    return sum(values) / len(values)
