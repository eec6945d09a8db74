"""Remembers which component shows which interface text, so that one click changes the language of all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from app.texts import Texts, catalogue

Said = str | Callable[[Texts], Any]  # "section.key", or what makes a value of the texts (choices, for example)


@dataclass(frozen=True)
class Binding:
    """One property of one component, and what it shows."""

    component: Any
    prop: str  # "label", "value", "placeholder", "info", "choices", ...
    said: Said


@dataclass
class Localised:
    """All bindings of a page."""

    bindings: list[Binding] = field(default_factory=list)

    def bind(self, component: Any, **said: Said) -> Any:
        """Register ``component`` with ``prop="section.key"`` pairs; returns it."""
        self.bindings += [Binding(component, prop, value) for prop, value in said.items()]
        return component

    @property
    def components(self) -> list[Any]:
        """Every bound component once, in order."""
        return list(dict.fromkeys(binding.component for binding in self.bindings))

    def updates(self, tag: str) -> list[Any]:
        """One update per component, in the order of ``components``."""
        texts = catalogue(tag)
        changes: dict[Any, dict[str, Any]] = {component: {} for component in self.components}
        for binding in self.bindings:
            said = binding.said
            changes[binding.component][binding.prop] = texts(said) if isinstance(said, str) else said(texts)
        return [gr.update(**changes[component]) for component in self.components]
