"""What ships with the project, put together: pool, tasks, model, encoder. The app and ``train.py`` start from here."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path

from core.data.examples import read_examples
from core.data.pool import Pool, check_pool
from core.data.prompt_variants import NATIVE
from core.data.tasks import Task, load_tasks
from core.errors import InvalidQuery
from core.inference.predictor import Predictor, Settings
from core.models.catalogue import ModelCard, cards, settled_name
from core.models.engine import Engine
from core.models.loading import ASSETS, LanguageModel, ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.models.untrained import own_vectors
from core.prompting import PromptConfig
from core.records import Example
from core.scoring import Scorer, Scores
from core.selection.policy import PolicyConfig
from core.selection.pool_index import PoolIndex

POOL_OF_TASK = {"topic": "topic", "sentiment": "sentiment", "translation": "topic"}


class Workbench:
    """One model with the bundled tasks and pools, or with a pool of the user's; predictors are made on demand."""

    def __init__(
        self,
        model: Engine,
        encoder: SentenceEncoder,
        settings: Settings | None = None,
        cache: Path | None = None,
        pools: dict[str, Pool] | None = None,
        assets: Path = ASSETS,
        scorer: Scores | None = None,
        states: LanguageModel | None = None,
        unseen: str = "",
    ) -> None:
        """``cache``: folder for vectors; ``pools``: by task, instead of the bundled ones.

        For a model whose weights are elsewhere: ``scorer`` scores by it, ``states`` is the model here that lends tokens to BM25 and, unless
        ``unseen`` says why not, its states to what needs some.
        """
        self.model, self.encoder, self.cache = model, encoder, cache
        self.settings = settings or settings_of(model)
        self.assets = assets
        own = states or model
        assert isinstance(own, LanguageModel), "a model elsewhere needs states"
        self.scorer: Scores = scorer or Scorer(own)
        self.vectors = own_vectors(own, layer_of(own))
        self._unseen = unseen
        self._pools = {name: self._after_run(name, pool) for name, pool in (pools or {}).items()}
        for name, pool in self._pools.items():
            check_pool(pool, self.tasks[name].labels if name in self.tasks else ())
        self._indexes: dict[str, PoolIndex] = {}
        self._predictors: dict[str, Predictor] = {}

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """Bundled tasks by name."""
        return load_tasks(self.assets)

    def predictor(self, task: str) -> Predictor:
        """The predictor of a task."""
        if task not in self.tasks:
            raise InvalidQuery(f"There is no task {task!r}; choose one of {', '.join(self.tasks)}.")
        if task not in self._predictors:
            self._predictors[task] = Predictor(
                self.tasks[task],
                self.index(task),
                self.scorer,
                self.settings,
                self.tasks.get("translation"),
                self.cache,
            )
        return self._predictors[task]

    def index(self, task: str) -> PoolIndex:
        """The pool of a task with its vectors; tasks that share a pool share its vectors."""
        name = task if task in self._pools else POOL_OF_TASK.get(task, task)
        if name not in self._indexes:
            cache = self.cache / f"{self.vectors.model.states_fingerprint}-{name}.npz" if self.cache else None
            self._indexes[name] = PoolIndex(self.pool(name), self.vectors, self.encoder, cache, self._unseen)
        return self._indexes[name]

    def pool(self, name: str) -> Pool:
        """A pool by name."""
        if name not in self._pools:
            self._pools[name] = self._after_run(name, Pool(tuple(bundled_examples(name, self.assets))))
        return self._pools[name]

    def _after_run(self, name: str, pool: Pool) -> Pool:
        """A pool as the model's closed-loop run on its task left it, whichever pool it is: written pairs in, retired examples out."""
        trained = self.model.trained
        if trained is None or name not in (trained.task, POOL_OF_TASK.get(trained.task)):
            return pool
        there = {example.id for example in pool.examples}
        remaining = [example for example in pool.examples if example.id not in trained.retired]
        written = [example for example in trained.written if example.id not in there]
        return replace(pool, examples=(*remaining, *written))


def layer_of(model: LanguageModel) -> int | None:
    """Whose states are the model's own vectors: a run's layer, else the layer that the model's card names; None: the middle one."""
    if model.trained is not None:
        return model.trained.layer
    card = card_of(model)
    return card.layer if card is not None and card.layer >= 0 else None


def settings_of(model: Engine) -> Settings:
    """The settings that a model is used with unless others are given: those its closed-loop run ended with, and its card's."""
    settings = _by_card(model)
    if model.projection is None or model.trained is None:
        return settings
    redundancy = float(model.trained.manifest["config"]["policy"]["redundancy"])
    return replace(settings, policy=PolicyConfig(model.trained.temperature, redundancy))


def card_of(model: Engine) -> ModelCard | None:
    """The card of a known model, by its name or the name of its folder."""
    return cards().get(Path(settled_name(model.config.name)).name)


def _by_card(model: Engine) -> Settings:
    """Prompt variant and calibration that the model's card names, see assets/models/cards."""
    card = card_of(model)
    if card is None:
        return Settings()
    return Settings(prompt=PromptConfig.of(card.prompt or NATIVE), calibration=card.calibration or "none")


@lru_cache(maxsize=4)
def bundled_examples(name: str, assets: Path = ASSETS) -> Sequence[Example]:
    """The bundled sentences of a task, all languages; read once a process, because every opening of the page asks for them."""
    return tuple(read_examples(assets / "demonstrations" / name))


def open_workbench(config: ModelConfig, encoder: str = "bundled", cache: Path | None = None) -> Workbench:
    """Load a model and put the workbench together."""
    return Workbench(load_model(config), SentenceEncoder(encoder), cache=cache)
