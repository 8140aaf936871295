"""What people write: refused at its field where it could not be seen on a screen, or not be printed on a contract.

Letters of every script, marks, figures, symbols and emoji may be written; what cannot be seen may not, because it can
make two different texts look alike or turn the reading direction of the page around it.
"""

import unicodedata
from collections.abc import Callable, Mapping

from lending.common.errors import Invalid

# Controls, formats, surrogates, private use, unassigned; line and paragraph separators.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
YOUNGER = range(0x20000, 0x3FFFE)  # Chinese characters that Unicode took in after this Python's tables
JOINERS = "\u200c\u200d"  # inside emoji, and needed by several scripts
BREAKS = "\n\r\t"


class UnusableText(Invalid):
    """Data `characters`: code points by field."""

    code, title = "unusable_text", "A character cannot be used here"


_unprintable: Callable[[str], list[str]] | None = None


def set_printer(unprintable: Callable[[str], list[str]]) -> None:
    """Say how to find the characters of a text that contracts cannot print: those as U+ code points."""
    global _unprintable
    _unprintable = unprintable


def unseen(text: str, allowed: str = "") -> list[str]:
    """The characters of `text` that nobody would see, as U+ code points."""
    found = {
        char
        for char in text
        if unicodedata.category(char) in UNSEEN and char not in allowed and ord(char) not in YOUNGER
    }
    return [f"U+{ord(char):04X}" for char in sorted(found)]


def check_lines(texts: Mapping[str, str | None]) -> None:
    """By field, one line each. Raises UnusableText naming the fields."""
    _refuse({field: unseen(text or "") for field, text in texts.items()}, "Cannot be seen")


def check_words(texts: Mapping[str, str | None]) -> None:
    """As `check_lines`, where line breaks and joiners are part of writing."""
    _refuse({field: unseen(text or "", BREAKS + JOINERS) for field, text in texts.items()}, "Cannot be seen")


def check_printed(texts: Mapping[str, str | None]) -> None:
    """By field, what will stand on a contract. Raises UnusableText naming the fields."""
    if _unprintable is not None:
        _refuse({field: _unprintable(text or "") for field, text in texts.items()}, "Cannot be printed on a contract")


def _refuse(found: Mapping[str, list[str]], why: str) -> None:
    wrong = {field: points for field, points in found.items() if points}
    if wrong:
        raise UnusableText(
            fields={field: f"{why}: {', '.join(points)}." for field, points in wrong.items()}, characters=wrong
        )
