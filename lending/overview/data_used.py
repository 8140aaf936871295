"""Which data about a borrower was used, from whom or for whom, and on which agreement it stood."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import funding.queries
import risk.queries
from traffic.queries import distribution
from users import queries as users


@dataclass(frozen=True, slots=True)
class DataUse:
    """One use. kind: source (credit data), check (identity, card), lender, platform (another one, chosen), message
    (all texts sent, as one), or phone (taken from the borrower's own: messages, address book, devices).

    state: answered | sent | reused (`reused_from_at`) | dead | pending | agreed | refused | not_asked: no live consent
    | not_authorised: nor what the source needs beside it | counted: on arrival, and not kept itself | seen: devices.
    asked_for: application | drawdown | identity | card | loan | offer | contact. `times` > 1 only for messages and
    devices. The consent is the very one it stood on; all its fields are empty where nothing was sent, but the `code`
    that it would have needed.
    """

    kind: str
    source: str
    name_en: str
    name_zh: str
    vendor: str
    asked_for: str
    pulled_at: datetime
    state: str
    times: int = 1
    reused_from_at: datetime | None = None
    consent_code: str = ""
    consent_id: UUID | None = None
    consent_version: str = ""
    consent_title_en: str = ""
    consent_title_zh: str = ""
    consent_given_at: datetime | None = None
    consent_withdrawn_at: datetime | None = None


CHECK_STATES = {"passed": "answered", "failed": "answered", "dead": "dead", "pending": "pending"}
LENDER_STATES = {"ACCEPTED": "agreed", "COMMITTED": "agreed", "REFUSED": "refused", "RELEASED": "answered"}


def data_used(*, user_id: int, at: datetime) -> tuple[DataUse, ...]:
    """Every use, newest first."""
    given = {row.consent.id: row for row in users.consents_as_given(user_id, at)}
    titles = {row.code: row for row in users.documents(at)}
    uses = [
        *_sources(user_id, given),
        *_checks(user_id, given),
        *_authorisations(user_id, given),
        *_lenders(user_id, given),
        *_platforms(user_id, given),
        *_messages(user_id, given),
        *_phones(user_id, given),
    ]
    uses.sort(key=lambda use: use.pulled_at, reverse=True)
    return tuple(_titled(use, titles) for use in uses)


def _titled(use: DataUse, titles: Mapping[str, users.DocumentView]) -> DataUse:
    """Nothing was sent and no consent is named: the one that it needed, by the title it has now."""
    document = titles.get(use.consent_code)
    if use.consent_id is not None or document is None:
        return use
    return replace(use, consent_title_en=document.title_en, consent_title_zh=document.title_zh)


def _stands_on(use: DataUse, given: users.GivenConsent | None) -> DataUse:
    if given is None:
        return use
    return replace(
        use,
        consent_code=given.consent.code,
        consent_id=given.consent.public_id,
        consent_version=given.consent.version,
        consent_title_en=given.document.title_en,
        consent_title_zh=given.document.title_zh,
        consent_given_at=given.consent.given_at,
        consent_withdrawn_at=given.consent.withdrawn_at,
    )


Given = Mapping[int, users.GivenConsent]


def _sources(user_id: int, given: Given) -> Iterator[DataUse]:
    for row in risk.queries.data_used(user_id):
        use = DataUse(
            kind="source",
            source=row.source,
            name_en=row.name_en,
            name_zh=row.name_zh,
            vendor=row.vendor,
            asked_for=row.asked_for,
            pulled_at=row.pulled_at,
            state=row.state,
            reused_from_at=row.reused_from_at,
            consent_code=row.consent_code,
        )
        yield _stands_on(use, given.get(row.consent_id or 0))


def _checks(user_id: int, given: Given) -> Iterator[DataUse]:
    register = users.source_facts()
    for row in users.checks_used(user_id):
        source = register[row.source or row.kind]
        use = DataUse(
            kind="check",
            source=source.code,
            name_en=source.name_en,
            name_zh=source.name_zh,
            vendor=row.recipient,
            asked_for="card" if row.kind == "card4" else "identity",
            pulled_at=row.checked_at or row.asked_at,
            state="not_asked" if row.failure == "consent withdrawn" else CHECK_STATES[row.state],
        )
        yield _stands_on(use, given.get(row.consent_id))


def _authorisations(user_id: int, given: Given) -> Iterator[DataUse]:
    """Beginning one tells the carrier's service name, ID number and phone."""
    rows = users.operator_uses(user_id)
    register = users.source_facts() if rows else {}
    for row in rows:
        source = register[users.OPERATOR_SOURCE]
        use = DataUse(
            kind="check",
            source=source.code,
            name_en=source.name_en,
            name_zh=source.name_zh,
            vendor=row.recipient,
            asked_for="application",
            pulled_at=row.at,
            state="dead" if row.why == "no_answer" else "pending" if row.is_under_way else "answered",
        )
        yield _stands_on(use, given.get(row.consent_id))


def _lenders(user_id: int, given: Given) -> Iterator[DataUse]:
    for row in funding.queries.shares_of(user_id):
        use = DataUse(
            kind="lender",
            source="lender",
            name_en="Your application, to a lender",
            name_zh="向出借人提供的申请资料",
            vendor=row.recipient,
            asked_for="loan",
            pulled_at=row.decided_at or row.created_at,
            state=LENDER_STATES.get(row.state, "pending") if row.sent else _unsent(row.state),
        )
        yield _stands_on(use, given.get(row.consent_id))


def _platforms(user_id: int, given: Given) -> Iterator[DataUse]:
    for row in distribution.told_of(user_id):
        use = DataUse(
            kind="platform",
            source="platform",
            name_en="Your name, phone, amount and term, to a platform you chose",
            name_zh="向您选择的平台提供的姓名、手机号、金额与期限",
            vendor=row.recipient,
            asked_for="offer",
            pulled_at=row.at,
            state=row.state,
        )
        yield _stands_on(use, given.get(row.consent_id))


def _unsent(state: str) -> str:
    return "not_asked" if state == "RELEASED" else "pending"


FROM_PHONES = {
    "sms": ("Your text messages, as counts", "您的短信（仅统计数值）"),
    "contacts": ("Your address book, as counts", "您的通讯录（仅统计数值）"),
    "device": ("Your devices", "您的设备"),
}


def _phones(user_id: int, given: Given) -> Iterator[DataUse]:
    """What the borrower's own phone sent and is still held. It stays with us."""
    for row in users.collected_used(user_id):
        name_en, name_zh = FROM_PHONES[row.kind]
        use = DataUse(
            kind="phone",
            source=row.kind,
            name_en=name_en,
            name_zh=name_zh,
            vendor=users.COLLECTOR,
            asked_for="application",
            pulled_at=row.at,
            state="seen" if row.kind == "device" else "counted",
            times=row.times,
        )
        yield _stands_on(use, given.get(row.consent_id))


def _messages(user_id: int, given: Given) -> Iterator[DataUse]:
    """Every text message needs the number: one line for all of them, on the agreement of the account."""
    told = users.messages_sent(user_id)
    if not told.count or told.latest_at is None:
        return
    source = users.source_facts()["sms"]
    use = DataUse(
        kind="message",
        source=source.code,
        name_en=source.name_en,
        name_zh=source.name_zh,
        vendor=source.recipient,
        asked_for="contact",
        pulled_at=told.latest_at,
        state="sent",
        times=told.count,
        consent_code=source.consent_code,
    )
    agreed = [row for row in given.values() if row.consent.code == source.consent_code]
    yield _stands_on(use, next((row for row in agreed if row.consent.given_at <= told.latest_at), None))
