"""Language: all that the page needs to know of one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHINESE_FONTS = ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC")


@dataclass(frozen=True, slots=True)
class Language:
    """`code` is the start of a browser's language tag, `name` what the menu shows.

    `texts` are the page's own. `errors` and `reasons` are templates by the name of the class in
    webui/errors.py and webui/reasons.py; a class that is missing keeps its English template.
    `page_mentions` are patterns, of one group each, for the number of a page that an answer in this
    language mentions. `fonts` follow the system's own: Chinese characters look different in
    Chinese and in Japanese. `is_read_by_bundled_model` is True for the languages in which the
    recipe of the bundled model trains it.
    """

    code: str
    name: str
    texts: Mapping[str, str]
    errors: Mapping[str, str]
    reasons: Mapping[str, str]
    page_mentions: tuple[str, ...]
    fonts: tuple[str, ...] = CHINESE_FONTS
    is_read_by_bundled_model: bool = False
