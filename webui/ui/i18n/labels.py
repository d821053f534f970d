"""Labels: which component shows which text, so that a change of language updates all in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block

from webui.ui.i18n.strings import Strings

# From a language to the properties of a component that are texts.
TextProperties = Callable[[Strings], dict[str, Any]]


class Labels:
    """Filled while the page is built, and read at each change of language."""

    def __init__(self, strings: Strings) -> None:
        """`strings` is the language in which the page is built."""
        self.strings = strings
        self._entries: list[tuple[Block, TextProperties]] = []

    def add(self, component: Block, **keys: str) -> None:
        """Set properties of the component to texts, by their keys: add(box, label="pages")."""
        self._add(component, lambda strings: {name: strings(key) for name, key in keys.items()})

    def add_value(self, component: Block, make_value: Callable[[Strings], str]) -> None:
        """Set the component's value to what `make_value` returns."""
        self._add(component, lambda strings: {"value": make_value(strings)})

    def add_choices(self, component: Block, choices: Sequence[tuple[str, Any]]) -> None:
        """Set the component's choices; each is the key of its text, and its value."""

        def properties(strings: Strings) -> dict[str, Any]:
            return {"choices": [(strings(key), value) for key, value in choices]}

        self._add(component, properties)

    def _add(self, component: Block, properties: TextProperties) -> None:
        self._entries.append((component, properties))
        for name, text in properties(self.strings).items():
            setattr(component, name, text)

    @property
    def components(self) -> list[Block]:
        return [component for component, _ in self._entries]

    def updates(self, strings: Strings) -> list[dict[str, Any]]:
        """Return one update for each of `components`."""
        return [gr.update(**properties(strings)) for _, properties in self._entries]
