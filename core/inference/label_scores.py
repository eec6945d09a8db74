"""Scores of labels for answering: raw and calibrated, by one rule for labels of different lengths.

The rule: see ``core.scoring.labels``. Calibration: see ``core.scoring.calibration``. Tasks whose items bring their own choices have no
label words in common, so that they have no prior either. Shapes: L labels. Scores in nats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.inference.label_priors import LabelPriors
from core.prompting import PromptWriter, combined, requests_of
from core.records import PLAIN, Demonstration, Framing, Query, Selection
from core.scoring import Request, Scores
from core.scoring.calibration import contextual, domain, log_softmax, with_prior_belief
from core.scoring.labels import LabelScore, label_scores

CALIBRATIONS = ("none", "contextual", "domain", "prior-belief")
CONTENT_FREE = "N/A"  # the query of contextual calibration (Zhao et al. 2021, section 5)


@dataclass(frozen=True)
class Ask:
    """One query in one context, whose labels are to be scored."""

    query: Query
    demonstrations: tuple[Demonstration, ...]  # those in the prompt, best first
    code: str  # language of the answer
    framing: Framing = PLAIN
    count: int | None = None  # demonstrations that the prior is estimated with; None: as many as there are here


@dataclass(frozen=True)
class LabelScores:
    """Of one ask."""

    raw: np.ndarray  # (L,) up to one constant
    calibrated: np.ndarray  # (L,) the raw ones where nothing is calibrated


class LabelScorer:
    """Scores the labels of one task by one model."""

    def __init__(
        self,
        writer: PromptWriter,
        scorer: Scores,
        priors: LabelPriors,
        calibration: str = "none",
        rule: LabelScore = "sum",
        temperature: float = 1.0,
    ) -> None:
        """``writer``, ``scorer`` and ``priors`` belong to the same model; ``rule``: how token log-probabilities become one score.

        ``temperature`` divides the log-probabilities that come out, calibrated or not.
        """
        self.writer, self.scorer, self.priors = writer, scorer, priors
        self.calibration, self.rule, self.temperature = calibration, rule, temperature

    def scores(self, asks: Sequence[Ask], besides: Sequence[Request] = ()) -> list[LabelScores]:
        """Raw and calibrated scores of every ask, all in one call of the scorer; ``besides`` is scored along, for later."""
        extended = [*asks, *self._companions(asks)]
        raw = self.raw([self.requests(ask) for ask in extended], besides)
        by_ask = dict(zip(map(_key, extended), raw, strict=True))
        return [LabelScores(row, self._calibrated(ask, row, by_ask)) for ask, row in zip(asks, raw, strict=False)]

    def raw(
        self,
        requests: Sequence[Sequence[Request]],
        besides: Sequence[Request] = (),
        progress: Callable[[float], None] | None = None,
    ) -> list[np.ndarray]:
        """One score ``(L,)`` a label for the requests of each prompt; several requests of one ask are averaged."""
        flat = [request for several in requests for request in several]
        each = iter(label_scores(self.scorer, [*flat, *besides], self.rule, progress))
        return [combined([next(each) for _ in several]) for several in requests]

    def requests(self, ask: Ask) -> list[Request]:
        """What is scored for an ask; its labels are only compared with each other."""
        selection = Selection("", ask.demonstrations, framing=ask.framing)
        requests = requests_of(self.writer, ask.query, selection, ask.code)
        return [replace(request, relative=True) for request in requests]

    def calibrated(self, asks: Sequence[Ask], raw: Sequence[np.ndarray]) -> list[np.ndarray]:
        """``raw`` scores of ``asks`` calibrated as set; what that takes besides is scored in one call."""
        companions = self._companions(asks)
        by_ask = dict(zip(map(_key, asks), raw, strict=True))
        more = self.raw([self.requests(ask) for ask in companions])
        by_ask |= dict(zip(map(_key, companions), more, strict=True))
        return [self._calibrated(ask, row, by_ask) for ask, row in zip(asks, raw, strict=True)]

    def _companions(self, asks: Sequence[Ask]) -> list[Ask]:
        """What has to be scored besides: content-free queries, or the same queries without demonstrations."""
        if self.calibration == "contextual":
            return [_content_free(ask) for ask in asks]
        if self.calibration == "prior-belief" and not self.writer.task.own_choices:
            return [_zero_shot(ask) for ask in asks]
        return []

    def _calibrated(self, ask: Ask, raw: np.ndarray, by_ask: dict[tuple[object, ...], np.ndarray]) -> np.ndarray:
        values = self._evidence(ask, raw, by_ask)
        return values if self.temperature == 1.0 else log_softmax(values / self.temperature)

    def _evidence(self, ask: Ask, raw: np.ndarray, by_ask: dict[tuple[object, ...], np.ndarray]) -> np.ndarray:
        if self.calibration == "none" or (self.writer.task.own_choices and self.calibration != "contextual"):
            return raw
        if self.calibration == "contextual":
            return np.asarray(contextual(raw[None], by_ask[_key(_content_free(ask))])[0])
        evidence = domain(raw, self._prior(ask))
        if self.calibration == "domain" or not ask.demonstrations:
            return evidence
        belief = _zero_shot(ask)
        return with_prior_belief(evidence, domain(by_ask[_key(belief)], self._prior(belief)))

    def _prior(self, ask: Ask) -> np.ndarray:
        count = len(ask.demonstrations) if ask.count is None or not ask.demonstrations else ask.count
        return log_softmax(self.priors.prior(ask.query, count, ask.code, ask.framing))


def _content_free(ask: Ask) -> Ask:
    nothing = ask.framing.query and replace(ask.framing.query, text=CONTENT_FREE, item=None)
    query = replace(ask.query, text=CONTENT_FREE, item=None)
    translation = ask.framing.translation and CONTENT_FREE
    return replace(ask, query=query, framing=replace(ask.framing, query=nothing, translation=translation))


def _zero_shot(ask: Ask) -> Ask:
    return replace(ask, demonstrations=(), framing=PLAIN, count=None)


def _key(ask: Ask) -> tuple[object, ...]:
    framing = ask.framing
    aligners = tuple(sorted(framing.aligners.items()))
    return (
        ask.query,
        ask.demonstrations,
        ask.code,
        framing.query,
        aligners,
        framing.labels,
        framing.instruction,
        framing.codes,
        framing.style,
        framing.translation,
    )
