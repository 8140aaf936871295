"""Other papers of the house, set with the fonts of the contracts."""

from contracts.providers import typesetting


def paper(*, html: str, style: str) -> bytes:
    """A PDF of a page that is no contract; it loads nothing from outside. Raises FontsMissing."""
    return typesetting.pdf(html=html, style=style)
