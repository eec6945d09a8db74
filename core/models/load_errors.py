"""Why a model could not be loaded, in one sentence: what was seen, and what to do."""

from importlib.metadata import version

import torch

from core.models.devices import ran_out


def load_failure(name: str, precision: str, device: torch.device, error: Exception) -> str:
    """The sentence for what transformers, safetensors or the Hub raised while ``name`` was loaded."""
    text = str(error)
    reason = text.strip().split("\n")[0][:200]
    if ran_out(error):
        return f"The model {name!r} in {precision} does not fit into the memory of {device}; choose nf4, or a smaller model."
    if "trust_remote_code" in text:
        return f"The model {name!r} would run code of its own, which is never allowed here; choose a model that transformers knows."
    if "safetensors" in text.lower() or type(error).__name__ == "SafetensorError":
        return f"The weights of {name!r} are missing, truncated or not safetensors ({reason}); restore or convert the folder."
    if "Unrecognized configuration class" in text:
        return f"The model {name!r} is not a causal language model, so it cannot continue a text; choose one that is."
    if "Unrecognized model" in text or "does not recognize this architecture" in text:
        return (
            f"The config.json of {name!r} names no kind of model that transformers {version('transformers')} knows; choose a causal "
            "language model that it does."
        )
    if "is not a valid model identifier" in text:
        return f"The Hub has no model {name!r}, or it is private; check the spelling, or name a folder."
    if "connect to" in text and "huggingface.co" in text:
        return f"The model {name!r} could not be fetched, because the Hub cannot be reached from here; choose a model that is here."
    return f"The model {name!r} could not be loaded ({type(error).__name__}: {reason}); check the folder or the Hub id."
