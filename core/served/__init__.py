"""A model behind an OpenAI-compatible server, as an engine beside the local one.

It writes, and scores labels where the server returns log-probabilities of a prompt. Its hidden states stay with the server, so what is
chosen by them is refused, or done by those of the tiny model where somebody says so.
"""

from core.served.model import ServedModel
from core.served.scorer import ServedScorer
from core.served.settings import PREFIX, ServedConfig, served_config
from core.served.workbench import served_workbench

__all__ = ["PREFIX", "ServedConfig", "ServedModel", "ServedScorer", "served_config", "served_workbench"]
