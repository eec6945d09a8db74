"""The page of Gradio, where an output that a handler leaves as it is costs nothing.

Gradio makes every output of an event anew at each of its steps, those too that no value was returned for: half a millisecond to one
each, on the thread that serves everybody, for the 30 outputs of a question at each of its answers.
"""

from copy import copy
from typing import Any

import gradio as gr


class Page(gr.Blocks):  # type: ignore[misc] # Gradio's types are not read
    """``gr.Blocks`` that works on the outputs a handler returned."""

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
