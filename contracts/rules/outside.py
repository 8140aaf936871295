"""What a template's text or style would load or run: nothing may be, since a contract is whole in itself. Pure.

The printer leaves such a thing out, so a text that counts on it is refused before anybody approves it.
"""

import re
from html.parser import HTMLParser

from lending.common.errors import Invalid


class LoadsFromOutside(Invalid):
    """Data `part`: the tag, attribute or rule that asks for it."""

    code, title = "loads_from_outside", "A contract loads no picture, style, script or file"


TAGS = frozenset("script link base iframe frame object embed img picture source image video audio".split())
ATTRIBUTES = frozenset("src srcset background poster xlink:href".split())
_RULE = re.compile(r"@import\b|\burl\s*\(|\bimage-set\s*\(", re.IGNORECASE)


def check(source: str, style: str) -> None:
    """Raises LoadsFromOutside."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    for part in (*reader.found, *_RULE.findall(style)):
        raise LoadsFromOutside(f"{part.strip()} is not possible here.", part=part.strip())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name in ATTRIBUTES or name.startswith("on"):
                self.found.append(name)
            elif name == "style":
                self.found += _RULE.findall(value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.found += _RULE.findall(data)
