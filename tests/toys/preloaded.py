"""What forked processes of the tests have imported already, see `programs`: the libraries of the model, of training and of the app."""

import gc

import accelerate  # noqa: F401
import peft  # noqa: F401
import safetensors.torch  # noqa: F401
import torch  # noqa: F401
import toys  # noqa: F401
import transformers.models.llama.modeling_llama  # noqa: F401

import core.training.run  # noqa: F401
from app.server import import_gradio

import_gradio()

import app.explore.api_routes  # noqa: E402
import app.launching  # noqa: E402
import app.page  # noqa: E402
import app.services  # noqa: E402, F401

gc.freeze()
