"""Remembers which component shows which interface text, so that one click changes the language of all."""

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from app.texts import Texts, catalogue


@dataclass(frozen=True)
class Binding:
    """One property of one component, and the text it shows."""

    component: Any
    prop: str  # "label", "value", "placeholder", "info", ...
    key: str


@dataclass
class Localised:
    """All bindings of a page."""

    bindings: list[Binding] = field(default_factory=list)

    def bind(self, component: Any, **keys: str) -> Any:
        """Register ``component`` with ``prop="section.key"`` pairs; returns it."""
        self.bindings += [Binding(component, prop, key) for prop, key in keys.items()]
        return component

    @property
    def components(self) -> list[Any]:
        """Every bound component once, in order."""
        return list(dict.fromkeys(binding.component for binding in self.bindings))

    def updates(self, tag: str) -> list[Any]:
        """One update per component, in the order of ``components``."""
        texts: Texts = catalogue(tag)
        changes: dict[Any, dict[str, str]] = {component: {} for component in self.components}
        for binding in self.bindings:
            changes[binding.component][binding.prop] = texts(binding.key)
        return [gr.update(**changes[component]) for component in self.components]
