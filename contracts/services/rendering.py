"""A template and its values to a PDF. The template is Django's language in a sandbox of its own: no tags beyond the
built-in ones, no loaders, no includes, and a name that has no value stops it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.template import Context, Engine, TemplateSyntaxError
from django.template import Template as Page

from contracts.models import Template
from contracts.providers import typefaces, typesetting
from contracts.rules import names, variables


class _Refused(str):
    """What Django asks for a name without value; formatting it raises instead."""

    def __mod__(self, name: Any) -> str:
        raise variables.MissingVariable(f"Missing: {name}.", variables=[str(name)])


_engine = Engine(string_if_invalid=_Refused("%s"), autoescape=True)


@lru_cache(maxsize=64)
def _page(source: str) -> Page:
    return Page(source, engine=_engine)


def check_text(source: str, declared: Mapping[str, str]) -> None:
    """What it says can be filled in with what it declares. Raises FaultyText, UndeclaredName, UnusedVariable."""
    names.check(source, declared)
    try:
        _page(source)
    except TemplateSyntaxError as error:
        raise names.FaultyText(f"{error}.", part=str(error)) from error


def html(*, template: Template, values: dict[str, Any], number: str) -> str:
    """The filled-in page. Raises MissingVariable, WrongVariable."""
    shown = variables.shown(template.variables, variables.taken(template.variables, values))
    head = {"number": number, "title_zh": template.title_zh, "title_en": template.title_en}
    return _page(template.source).render(Context(head | {"version": template.version} | shown))


def pdf(*, template: Template, values: dict[str, Any], number: str) -> bytes:
    """Raises MissingVariable, WrongVariable, UnsettableCharacter, FontsMissing."""
    page = html(template=template, values=values, number=number)
    typefaces.check_settable(variables.text_of(values))
    return typesetting.pdf(html=page, style=template.style)
