"""Where two sources say different things about one borrower, or many borrowers share what should be one's own.

Nothing here decides: each finding says what was said, what was seen, and how much it weighs. Money in cents a month.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

SERIOUS, CHECK, NOTE = "serious", "check", "note"
SEVERITIES = (SERIOUS, CHECK, NOTE)

INCOME_SHORT, INCOME_HALF = Decimal("0.8"), Decimal("0.5")
INSTALMENTS_MORE, INSTALMENTS_MATTER_CENTS = Decimal("1.2"), 20_000
MONTHS_EMPLOYED = {"under_1y": 0, "1_4y": 12, "4_7y": 48, "over_7y": 84}  # at the least, as declared
MONTHS_AT_WORK_SEEN = 6  # a carrier sees half a year or so
FEW_CONTACTS = 2
MANY_ACCOUNTS = 3


@dataclass(frozen=True)
class Facts:
    """What is known; None where nobody said. `*_place`: the name of a province; counts are of other borrowers."""

    declared_income_cents: int | None = None
    verified_income_cents: int | None = None
    declared_instalments_cents: int | None = None
    reported_instalments_cents: int | None = None
    open_credits: int | None = None
    home_place: str = ""
    phone_place: str = ""
    employment: str = ""
    employer: str = ""
    work_months: int | None = None
    home_months: int | None = None
    phone_match: str | None = None
    identity_state: str | None = None
    contacts: int = 0
    contact_numbers: int = 0
    own_number_named: bool = False
    named_by: int = 0
    device_accounts: int | None = None
    device_emulator: bool | None = None
    same_device: int | None = None
    same_contact: int | None = None
    same_card: int | None = None
    same_address: int | None = None


@dataclass(frozen=True)
class Contradiction:
    """`said` and `seen` are sentences without personal data; the sources are words a reviewer knows."""

    code: str
    severity: str
    title: str
    said: str
    said_by: str
    seen: str
    seen_by: str


def found(facts: Facts, money: Callable[[int], str]) -> tuple[Contradiction, ...]:
    """The heaviest first. `money` writes an amount in cents."""
    every = [*_income(facts, money), *_debts(facts, money), *_place_and_work(facts), *_who(facts), *_shared(facts)]
    return tuple(sorted(every, key=lambda row: SEVERITIES.index(row.severity)))


def _income(facts: Facts, money: Callable[[int], str]) -> Iterator[Contradiction]:
    said, seen = facts.declared_income_cents, facts.verified_income_cents
    if said is None or seen is None or seen >= INCOME_SHORT * said:
        return
    severity = SERIOUS if seen < INCOME_HALF * said else CHECK
    title = "收入 Income stated is not seen on the account"
    yield Contradiction("income", severity, title, money(said), "borrower", money(seen), "bank flow")


def _debts(facts: Facts, money: Callable[[int], str]) -> Iterator[Contradiction]:
    said, seen = facts.declared_instalments_cents or 0, facts.reported_instalments_cents
    title = "他处月还 Instalments elsewhere are higher than stated"
    if seen is not None and seen > INSTALMENTS_MORE * said and seen - said >= INSTALMENTS_MATTER_CENTS:
        severity = SERIOUS if seen > 2 * said and said > 0 else CHECK
        yield Contradiction("instalments", severity, title, money(said), "borrower", money(seen), "credit bureau")
    elif facts.open_credits and not said and seen is None:
        open_credits = f"{facts.open_credits} open credits"
        yield Contradiction(
            "credits", CHECK, title, "owes nothing elsewhere", "borrower", open_credits, "credit bureau"
        )


def _place_and_work(facts: Facts) -> Iterator[Contradiction]:
    home, phone = facts.home_place, facts.phone_place
    if home and phone and not phone.startswith(home):
        title = "住址与号码 Address and phone are of different provinces"
        yield Contradiction("place", NOTE, title, f"lives in {home}", "borrower", f"number of {phone}", "number range")
    least, seen = MONTHS_EMPLOYED.get(facts.employment), facts.work_months
    if least and seen is not None and seen < min(least, MONTHS_AT_WORK_SEEN):
        title = "工作 Time at work is shorter than stated"
        told = f"{least} months or more in the job"
        yield Contradiction("work", CHECK, title, told, "borrower", f"{seen} months at the place", "phone carrier")
    if facts.employment == "unemployed" and facts.employer:
        title = "雇主 Not employed, yet an employer is named"
        yield Contradiction("employer", CHECK, title, "not employed", "borrower", "an employer is named", "borrower")
    if facts.employment in MONTHS_EMPLOYED and not facts.employer:
        title = "雇主 Employed, yet no employer is named"
        yield Contradiction("employer", NOTE, title, "employed", "borrower", "no employer", "borrower")


def _who(facts: Facts) -> Iterator[Contradiction]:
    if facts.identity_state == "failed":
        title = "身份 Name and ID number do not agree"
        yield Contradiction("identity", SERIOUS, title, "own identity", "borrower", "no match", "identity check")
    if facts.phone_match not in (None, "", "consistent"):
        title = "手机号 The phone is not registered in the borrower's name"
        seen = str(facts.phone_match).replace("_", " ")
        yield Contradiction("phone", SERIOUS, title, "own phone", "borrower", seen, "phone registration")
    if facts.own_number_named:
        title = "联系人 The borrower is named as their own contact"
        yield Contradiction("contact", SERIOUS, title, "a contact", "borrower", "the borrower's own number", "contacts")
    elif facts.contacts and facts.contact_numbers < facts.contacts:
        title = "联系人 Several contacts share one number"
        numbers = f"{facts.contact_numbers} numbers"
        yield Contradiction("contact", CHECK, title, f"{facts.contacts} contacts", "borrower", numbers, "contacts")
    elif facts.contacts < FEW_CONTACTS:
        title = "联系人 Few contacts"
        wanted = f"{FEW_CONTACTS} or more are usual"
        yield Contradiction("contact", NOTE, title, f"{facts.contacts} named", "borrower", wanted, "practice")
    if facts.named_by:
        title = "联系人 Other borrowers name this one as their contact"
        seen = _people(facts.named_by)
        yield Contradiction("named", CHECK, title, "no link stated", "borrower", seen, "contacts of others")


def _shared(facts: Facts) -> Iterator[Contradiction]:
    if facts.device_emulator:
        title = "设备 The phone is an emulator"
        yield Contradiction("emulator", SERIOUS, title, "own phone", "borrower", "emulator", "device")
    if facts.device_accounts is not None and facts.device_accounts >= MANY_ACCOUNTS:
        title = "设备 Many accounts on one phone"
        seen = f"{facts.device_accounts} accounts in seven days"
        yield Contradiction("accounts", CHECK, title, "own phone", "borrower", seen, "device")
    for code, count, severity, title in (
        ("same_device", facts.same_device, SERIOUS, "设备 The phone is shared with other borrowers"),
        ("same_card", facts.same_card, SERIOUS, "银行卡 The bank card is shared with other borrowers"),
        ("same_contact", facts.same_contact, CHECK, "联系人 A contact's number is named by other borrowers"),
        ("same_address", facts.same_address, NOTE, "住址 Other borrowers live at the same address"),
    ):
        if count:
            yield Contradiction(code, severity, title, "one's own", "borrower", _people(count), "our own records")


def _people(count: int) -> str:
    return "1 other borrower" if count == 1 else f"{count} other borrowers"
