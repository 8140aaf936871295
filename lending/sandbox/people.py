"""Who a request is about, and which row of the sample answers for them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import applicants
from .store import Store

PERSONAS = Path(__file__).parent / "personas.json"
ID_NAMES = ("id_number", "sfzh", "certNo", "certifId")
PHONE_NAMES, CARD_NAMES = ("phone", "sjh", "phoneNo"), ("card_number", "accNo")

FATES = {"92": "closed_card", "93": "returned", "94": "refused"}


@dataclass(frozen=True)
class Person:
    """demo: an identity of `applicants`; `batch` is then its batch. Otherwise `row` was chosen by the digits."""

    row: int
    demo: bool
    batch: int = -1
    id_number: str = ""

    def fate(self) -> str:
        """What happens to the money of somebody who is no demo identity, by digits 15 and 16 of their number."""
        return "" if self.demo else FATES.get(self.id_number[14:16], "")


@cache
def personas() -> dict[str, tuple[int, ...]]:
    """Rows by the shipped strategy's verdict: approved, referred, declined. Written by `sandbox --rebuild-personas`."""
    return {verdict: tuple(rows) for verdict, rows in json.loads(PERSONAS.read_text(encoding="utf-8")).items()}


def person_of_id(id_number: str) -> Person:
    """The row behind an ID number: its own for a demo identity, else one whose verdict the sequence digits ask for."""
    found = applicants.row_of(id_number)
    if found:
        return Person(row=found[0], demo=True, batch=found[1], id_number=id_number)
    verdict = {"90": "referred", "91": "declined"}.get(id_number[14:16], "approved")
    rows = personas()[verdict]
    return Person(row=rows[_hash(id_number) % len(rows)], demo=False, id_number=id_number)


class People:
    """Finds a person by ID number; by phone or card where these came with an ID number once, or carry a row."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, body: Mapping[str, Any]) -> Person | None:
        """None where the request names nobody. Handles sent together with an ID number are remembered."""
        subject = next(
            (body[name] for name in ("subject", "applicant", "holder") if isinstance(body.get(name), Mapping)), body
        )
        id_number, phone, card = (_first(subject, names) for names in (ID_NAMES, PHONE_NAMES, CARD_NAMES))
        if id_number:
            for handle in filter(None, (phone, card)):
                self._store.remember_person(handle, id_number)
            return person_of_id(id_number)
        return self._by_handle(card, applicants.row_of_card) or self._by_handle(phone, applicants.row_of_phone)

    def _by_handle(self, handle: str, decode: Any) -> Person | None:
        if not handle:
            return None
        if found := decode(handle):
            return Person(row=found[0], demo=True, batch=found[1])
        known = self._store.person(handle)
        if known:
            return person_of_id(known)
        rows = personas()["approved"]
        return Person(row=rows[_hash(handle) % len(rows)], demo=False)


def _first(subject: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := subject.get(name), str)), "")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
