"""Markdown of strangers as HTML that does no harm (marketplace §2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}

_TITLES = re.compile(r"^(#{1,5} )", re.MULTILINE)
_ATTRIBUTES = {"a": {"href"}, "code": {"class"}}


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - with the first page

    return MarkdownIt("commonmark", {"html": False}).enable("table").enable("strikethrough")


@lru_cache(maxsize=256)
def rendered(text: str, *, within: bool = False) -> Markup:
    """Sanitised HTML; `within` a page that has a title of its own, titles are one step lower."""
    import nh3  # noqa: PLC0415 - with the first page

    if within:
        text = _TITLES.sub(r"#\1", text)
    clean = nh3.clean(_parser().render(text), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto"})
    return Markup(clean)  # noqa: S704 - nh3 has taken out what does harm
