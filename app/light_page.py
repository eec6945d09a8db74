"""The page of Gradio without work that nobody sees the outcome of.

Gradio makes every output of an event anew at each of its steps, those too that no value was returned for: half a millisecond to one
each, on the thread that serves everybody, for the 30 outputs of a question at each of its answers.

For its deep links, which this app has not, it keeps the configuration of every component for every visitor: a tenth of a second of
processor time as she comes, and a copy of all that she reads and sends.
"""

from copy import copy
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig


class _VisitorConfig(BlocksConfig):  # type: ignore[misc] # Gradio's types are not read
    """The components of one visitor's page. Their configurations go with the page, and none is kept for her."""

    @staticmethod
    def config_for_block(*_: Any) -> dict[str, Any]:
        return {}


class _PageConfig(BlocksConfig):  # type: ignore[misc]
    """The components of the page; Gradio copies it for every visitor."""

    def __copy__(self) -> BlocksConfig:
        made = super().__copy__()
        made.__class__ = _VisitorConfig
        return made


class Page(gr.Blocks):  # type: ignore[misc]
    """``gr.Blocks`` that works on the outputs a handler returned, and keeps of a visitor what its handlers ask for: their states."""

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        self.default_config.__class__ = _PageConfig

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What the browser is sent for every output; ``predictions`` as the handler returned them."""
        by_output = isinstance(predictions, dict) and all(key in block_fn.outputs for key in predictions)
        returned = [one for one in block_fn.outputs if by_output and one in predictions]
        if len(returned) in (0, len(block_fn.outputs)) or block_fn.batch:
            whole: list[Any] = await super().postprocess_data(block_fn, predictions, state)
            return whole
        part = copy(block_fn)
        part.outputs = returned
        values = predictions if len(returned) > 1 else predictions[returned[0]]  # of one output Gradio takes the value
        sent = dict(zip(returned, await super().postprocess_data(part, values, state), strict=True))
        return [sent[one] if one in sent else None if one.stateful else gr.skip() for one in block_fn.outputs]
