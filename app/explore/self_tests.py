"""Self-tests of translation that were run since the start, by weights, prompt, strategy and direction; shared by all visitors."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from core.inference.predictor import Predictor
from core.inference.self_test import Direction, SelfTest, self_test
from core.records import Prediction
from core.workbench import POOL_OF_TASK, bundled_examples

TRANSLATION = "translation"
MOST = 500  # remembered; the oldest goes first
Key = tuple[str, str, Direction]


@dataclass
class SelfTests:
    """What was found, and how it is found. May be shared by threads."""

    _done: "OrderedDict[Key, SelfTest]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, prediction: Prediction, target: str) -> SelfTest | None:
        """The self-test of a translation's model, prompt, strategy and direction; None where none was run."""
        with self._lock:
            return self._done.get(_key(prediction, target))

    def run(self, predictor: Predictor, prediction: Prediction, target: str) -> SelfTest:
        """Run it for the way in which ``prediction`` was made by ``predictor``, and remember it. Raises ``CoreError``."""
        key = _key(prediction, target)
        result = self_test(predictor, key[-1], bundled_examples(POOL_OF_TASK[TRANSLATION]))
        with self._lock:
            self._done[key] = result
            while len(self._done) > MOST:
                self._done.popitem(last=False)
        return result


def untested(tests: SelfTests, prediction: Prediction) -> tuple[str, ...]:
    """The target languages of a translation that nobody ran a self-test for; () for another task."""
    if prediction.task != TRANSLATION:
        return ()
    return tuple(answer.language for answer in prediction.answers if tests.of(prediction, answer.language) is None)


def _key(prediction: Prediction, target: str) -> Key:
    made = prediction.provenance
    direction = Direction(
        prediction.query.language,
        target,
        made["strategy"],
        int(made["k"]),
        prediction.pool_languages,
        int(made["seed"]),
    )
    return made["fingerprint"], f"{made['prompt']} {made['order']} {made['temperature']}", direction
