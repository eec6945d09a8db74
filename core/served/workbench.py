"""The workbench of a served model: it answers, and the tiny model stands beside it for what needs weights at hand."""

from pathlib import Path

from core.data.pool import Pool
from core.models.loading import ModelConfig, load_model
from core.models.sentence_encoder import SentenceEncoder
from core.served.client import ModelServer
from core.served.model import ServedModel
from core.served.scorer import ServedScorer
from core.served.settings import ServedConfig
from core.workbench import Workbench

UNSEEN = (
    "What is chosen or measured by the model's own hidden states needs its weights, and the model is behind a server, which tells none; "
    "choose another strategy, such as knn or bm25, or let the tiny model's states stand for them (vectors: tiny)."
)


def served_workbench(
    settings: ServedConfig,
    encoder: SentenceEncoder | None = None,
    cache: Path | None = None,
    pools: dict[str, Pool] | None = None,
    server: ModelServer | None = None,
) -> Workbench:
    """Ask the server for its model and put the workbench together. Raises ``ServerUnavailable`` and ``ModelUnavailable``."""
    model = ServedModel(settings, server)
    return Workbench(
        model,
        encoder or SentenceEncoder(),
        cache=cache,
        pools=pools,
        scorer=ServedScorer(model),
        states=load_model(ModelConfig()),
        unseen="" if settings.vectors else UNSEEN,
    )
