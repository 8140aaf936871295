"""Chinese of the borrower site: collect what pages say into the catalogue, see that nothing is missing, compile it.

`python -m lending.management.translations update | check | compile`; no gettext of the system is needed. English is
in the code; `compile` is run at set-up. Also collected: titles and field messages of named errors, which pages show.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "lending" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
MARKED = {"gettext", "gettext_lazy", "_", "ngettext", "pgettext", "pgettext_lazy"}
IN_TEMPLATE = re.compile(r"(n?p?gettext)\(((?:u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|[\s,]|count)*)\)")
PAGES = (
    "base.html",
    "problem.html",
    "403.html",
    "404.html",
    "offline.html",
    "parts",
    "contracts/site",
    "lending",
    "users",
    "traffic",
)
BACK_OFFICE = {
    "csv_import.html",
    "list_import.html",
    "list_look_up.html",
    "collectors.py",
    "lists.py",
    "tags.py",
    "csvfile.py",
    "listfile.py",
    "reveal.html",
    "tag_put.html",
    "office",
    "office.py",
    "acts.py",
    "configuration.py",
    "drills.py",
    "freshness.py",
    "source_form.html",
    "sources.py",
    "statements.py",
}
# Whose refusals a borrower or a partner's engineer can read.
TOLD = (
    "lending/common/documents",
    "lending/common/errors",
    "lending/common/links",
    "lending/common/money",
    "lending/common/problem",
    "lending/common/signed",
    "lending/common/text",
    "lending/common/web",
    "lending/services",
    "lending/rules/offer",
    "users/services",
    "users/rules",
    "contracts/pages",
    "contracts/services/evidence",
    "contracts/services/sets",
    "funding/services/collections",
    "lending/pages",
    "users/pages",
    "traffic/pages",
    "traffic/queries",
    "traffic/services/agreements",
    "traffic/services/calls",
    "traffic/services/cards",
    "traffic/services/intake",
    "traffic/services/keys",
    "traffic/services/leads",
    "traffic/services/offers",
    "traffic/services/prechecks",
    "lending/templatetags",
)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Found = tuple[str | tuple[str, str], str | None]  # message (or singular, plural) and context


def collected() -> dict[Found, list[str]]:
    """Everything that pages say in English, and the files that say it."""
    found: dict[Found, list[str]] = {}
    for path in _sources():
        says = _of_template(path) if path.suffix == ".html" else _of_module(path)
        for message in says:
            places = found.setdefault(message, [])
            if (place := str(path.relative_to(ROOT))) not in places:
                places.append(place)
    return found


def _sources() -> Iterator[Path]:
    for name in TOLD:
        place = ROOT / name
        yield from _borrowers(sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")])
    for name in PAGES:
        place = ROOT / "templates" / name
        yield from _borrowers([place] if place.suffix else sorted(place.rglob("*.html")))


def _borrowers(paths: Sequence[Path]) -> Iterator[Path]:
    """Those that borrowers read."""
    return (path for path in paths if not BACK_OFFICE & set(path.relative_to(ROOT).parts))


def _of_template(path: Path) -> Iterator[Found]:
    from django.utils.translation.template import templatize

    for function, arguments in IN_TEMPLATE.findall(templatize(path.read_text(), origin=str(path))):
        texts = [node.value for node in ast.walk(ast.parse(f"({arguments},)")) if isinstance(node, ast.Constant)]
        yield from _message(function, texts)


def _of_module(path: Path) -> Iterator[Found]:
    is_door = "pages" in path.parts or path.name == "web.py" or "templatetags" in path.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if is_door and isinstance(node, ast.Call) and _name(node.func) in MARKED:
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield from _message(_name(node.func), texts)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [_name(target) for target in node.targets[0].elts]
            if "title" in names and isinstance(node.value, ast.Tuple):
                yield from _constant(node.value.elts[names.index("title")])
        elif isinstance(node, ast.keyword) and node.arg == "fields" and isinstance(node.value, ast.Dict):
            for text in node.value.values:
                yield from _constant(text)


def _constant(node: ast.expr) -> Iterator[Found]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, None


def _message(function: str, texts: Sequence[object]) -> Iterator[Found]:
    words = [text for text in texts if isinstance(text, str)]
    if function.startswith("pgettext"):
        yield words[1], words[0]
    elif function == "ngettext":
        yield (words[0], words[1]), None
    elif words:
        yield words[0], None


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _read() -> Catalog:
    if not CATALOGUE.exists():
        return Catalog(locale="zh_Hans")
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def update() -> int:
    """Add what is new with an empty translation, drop what nobody says any more."""
    before = _read()
    # A date of its own would make every run a change.
    after = Catalog(
        locale="zh_Hans", header_comment="# Chinese of the borrower site.", creation_date=EPOCH, fuzzy=False
    )
    for (message, context), places in sorted(collected().items(), key=lambda row: (row[1], str(row[0]))):
        key = message[0] if isinstance(message, tuple) else message
        known = before.get(key, context)
        after.add(message, known.string if known else "", locations=[(place, 1) for place in places], context=context)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, after, width=120, include_lineno=False)
    return 0


def check() -> int:
    """1 where a text has no Chinese, or the catalogue and the code do not say the same."""
    catalogue = _read()
    said = {(key[0] if isinstance(key, tuple) else key, context) for key, context in collected()}
    known = {(row.id[0] if isinstance(row.id, tuple) else row.id, row.context): row for row in catalogue if row.id}
    wrong = [f"not in the catalogue: {text!r}" for text, context in said - set(known)]
    wrong += [f"said nowhere any more: {text!r}" for text, context in set(known) - said]
    wrong += [f"no Chinese: {text!r}" for (text, context), row in known.items() if not _is_complete(row.string)]
    wrong += [
        f"other places to fill: {text!r}"
        for (text, _), row in known.items()
        if _is_complete(row.string) and _fills(text) != _fills(_flat(row.string))
    ]
    print("\n".join(sorted(wrong)))
    return 1 if wrong else 0


def _is_complete(text: object) -> bool:
    return all(text) if isinstance(text, tuple) else bool(text)


def _flat(text: object) -> str:
    return str(text[-1] if isinstance(text, (tuple, list)) and text else text)


def _fills(text: object) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", _flat(text)))


def compile_catalogue() -> int:
    with CATALOGUE.with_suffix(".mo").open("wb") as file:
        write_mo(file, _read())
    return 0


def main() -> int:
    settings.configure(USE_I18N=True) if not settings.configured else None
    return {"update": update, "check": check, "compile": compile_catalogue}[sys.argv[1]]()


if __name__ == "__main__":
    sys.exit(main())
