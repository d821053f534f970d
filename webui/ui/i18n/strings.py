"""Strings: the page's texts in one language, and how numbers are written. Knows no component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.errors import WebUIError
from webui.protocol import ModelInfo
from webui.reasons import Reason
from webui.ui.i18n.en import ENGLISH
from webui.ui.i18n.ja import JAPANESE
from webui.ui.i18n.language import Language
from webui.ui.i18n.zh import CHINESE

# Another language is one file, and one entry here. Browsers whose language is missing get English.
LANGUAGES: dict[str, Language] = {
    language.code: language for language in (ENGLISH, CHINESE, JAPANESE)
}
SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI")


@dataclass(frozen=True, slots=True)
class Strings:
    """The texts of the language with the code `language`: `strings("new_chat")` is one of them."""

    language: str = ENGLISH.code

    def __call__(self, key: str, **params: object) -> str:
        return self._language.texts[key].format(**params)

    @property
    def _language(self) -> Language:
        return LANGUAGES.get(self.language, ENGLISH)

    def readable_by(self, model: ModelInfo) -> Strings:
        """Return the texts that `model` can read: English ones if it does not know the language."""
        is_read = not model.bundled or self._language.is_read_by_bundled_model
        return self if is_read else Strings()

    @property
    def fonts(self) -> tuple[str, ...]:
        return (*SYSTEM_FONTS, *self._language.fonts, "sans-serif")

    @property
    def font_family(self) -> str:
        """The fonts as a CSS value."""
        return ", ".join(f'"{font}"' if " " in font else font for font in self.fonts)

    def error(self, error: WebUIError) -> str:
        """Return what happened and what to do."""
        return self._format(self._language.errors, error, error.template, error.params)

    def reason(self, reason: Reason) -> str:
        """Return why a model cannot be loaded."""
        return self._format(self._language.reasons, reason, reason.template, reason.params)

    def _format(
        self, templates: Mapping[str, str], value: object, english: str, params: dict[str, object]
    ) -> str:
        """Format the template of the class of `value`, or of its nearest base that has one."""
        names = (base.__name__ for base in type(value).__mro__)
        template = next((templates[name] for name in names if name in templates), english)
        translated = {
            name: self.reason(param) if isinstance(param, Reason) else param
            for name, param in params.items()
        }
        return template.format(**translated)

    def seconds(self, seconds: float) -> str:
        """Return "0.4 s" below ten seconds, "18 s" above."""
        return self("seconds", seconds=f"{seconds:.1f}" if seconds < 9.95 else f"{seconds:.0f}")

    def duration(self, seconds: float) -> str:
        """Return "18 s" below a minute and a half, "12 min" above."""
        if seconds < 90:
            return self.seconds(max(seconds, 10))
        return self("minutes", minutes=round(seconds / 60))

    def tokens(self, count: int) -> str:
        return self("tokens", count=f"{count:,}")


def language_of(accept_language: str) -> str:
    """Return the code of the language that a browser asks for first, by its Accept-Language header.

    A first language that is missing here is English, whatever follows it.
    """
    code = accept_language.strip().lower()[:2]
    return code if code in LANGUAGES else ENGLISH.code


def error_text(accept_language: str, error: WebUIError) -> str:
    """Return what happened and what to do, in the language that a browser asks for first."""
    return Strings(language_of(accept_language)).error(error)


def file_size(size: int) -> str:
    """Return a size such as "2.1 MB"; a megabyte is 1024 * 1024 bytes, as in the limits."""
    for unit, scale in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size >= scale:
            return f"{size / scale:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"
