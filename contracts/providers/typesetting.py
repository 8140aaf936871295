"""HTML to PDF by WeasyPrint, with one font configuration and one parsed style per process.

Pango's font map is not made for several threads, and rendering holds the interpreter anyway: one document at a time
in a process. More contracts a second means more worker processes.
"""

import threading
from functools import cache, lru_cache
from typing import Any

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

from contracts.providers import typefaces

_one_at_a_time = threading.RLock()


class _NothingOutside(URLFetcher):
    """A contract loads nothing: no picture, no style, no file."""

    def fetch(self, url: str, headers: Any = None) -> Any:
        raise ValueError(f"a contract loads nothing from outside: {url}")


@cache
def _fonts() -> tuple[FontConfiguration, CSS]:
    configuration = FontConfiguration()
    # The families are the machine's, not the template's: a text stays the same when a font is cut another way.
    own = f"{typefaces.stylesheet()}\nhtml {{ font-family: {typefaces.families()} }}"
    return configuration, CSS(string=own, font_config=configuration)


@lru_cache(maxsize=16)
def _parsed(style: str) -> CSS:
    return CSS(string=style, font_config=_fonts()[0], url_fetcher=_NothingOutside())


def pdf(*, html: str, style: str) -> bytes:
    """Set one document. Raises typefaces.FontsMissing; what the HTML asks from outside is left out."""
    with _one_at_a_time:
        configuration, faces = _fonts()
        document = HTML(string=html, url_fetcher=_NothingOutside())
        made: bytes = document.write_pdf(stylesheets=[faces, _parsed(style)], font_config=configuration)
    return made
