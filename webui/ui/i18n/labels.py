"""Which component says what: one list, from which a change of language updates everything in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block

from webui.ui.i18n.strings import Strings

Words = Callable[[Strings], dict[str, Any]]


class Labels:
    """Filled while the page is built, read when somebody changes the language."""

    def __init__(self, first: Strings) -> None:
        self.first = first
        self._words: list[tuple[Block, Words]] = []

    def add(self, component: Block, **keys: str) -> None:
        """Each keyword is a property of the component, its value the key of a text: add(box, label="pages")."""
        self._add(component, lambda strings: {name: strings(key) for name, key in keys.items()})

    def add_made(self, component: Block, make: Callable[[Strings], str]) -> None:
        """For a component whose value is made from several texts."""
        self._add(component, lambda strings: {"value": make(strings)})

    def add_choices(self, component: Block, choices: Sequence[tuple[str, Any]]) -> None:
        """For a component to choose from: the key of each choice's text, and its value."""
        self._add(
            component,
            lambda strings: {"choices": [(strings(key), value) for key, value in choices]},
        )

    def _add(self, component: Block, words: Words) -> None:
        self._words.append((component, words))
        for name, text in words(self.first).items():
            setattr(component, name, text)

    @property
    def components(self) -> list[Block]:
        return [component for component, _ in self._words]

    def updates(self, strings: Strings) -> list[dict[str, Any]]:
        return [gr.update(**words(strings)) for _, words in self._words]
