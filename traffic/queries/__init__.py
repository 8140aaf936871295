"""Reads of channels and what they were told."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from lending import queries as lending
from lending.common.compiled import compiled
from lending.common.errors import Conflict, NotFound
from lending.common.held import Held, Rows, all_rows
from lending.common.remembered import one_look, remembered
from lending.models import Application, ApplicationStatus, Drawdown, DrawdownStatus, GrantStatus, Loan, LoanStatus
from traffic.models import (
    Attribution,
    Channel,
    ChannelOrder,
    JoinLink,
    Lead,
    LeadState,
    Offer,
    OfferSearch,
    PartnerStatus,
    Platform,
    PlatformLine,
    PushState,
    SettlementLine,
    StatusPush,
    Touch,
)
from traffic.models.lead import ASKING, UNSENT
from users import queries as users

VISIT = "channel"  # in the web session of who came by a channel's link
OWN = "OWN"
FOR_GOOD = 9999  # the year of a refusal that has no end


class NotGranted(Conflict):
    code, title = "not_granted", "There is no limit yet"


def pushes_by_state(application_ids: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """How many status pushes of these applications are in each state, most first."""
    states = StatusPush.objects.filter(application_id__in=application_ids).values_list("state", flat=True)
    return tuple(Counter(states).most_common())


@dataclass(frozen=True, slots=True)
class Earned:
    channel_code: str
    reason: str
    count: int
    total_cents: int


def earned_by_channel(application_ids: Sequence[int]) -> tuple[Earned, ...]:
    """What these applications have brought their channels, clawbacks too."""
    rows = SettlementLine.objects.filter(application_id__in=application_ids).order_by("channel_id", "reason")
    counted = rows.values_list("channel_id", "reason").annotate(Count("pk"), Sum("amount_cents"))
    return tuple(Earned(*row) for row in counted)


def failed_pushes() -> int:
    """Statuses that were given up."""
    return StatusPush.objects.filter(state=PushState.FAILED).count()


def unknown_leads() -> int:
    """Told to a platform, and nobody knows whether it arrived."""
    return Lead.objects.filter(state=LeadState.UNKNOWN).count()


def is_telling(user_id: int) -> bool:
    """Whether a platform is being told of somebody, or has not said what came of it."""
    return Lead.objects.filter(user_id=user_id, state__in=[*UNSENT, *ASKING]).exists()


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a channel's stream, oldest first. `last_seq`: where the next one begins, by `after`."""

    events: tuple[dict[str, Any], ...]
    last_seq: int
    has_more: bool


def events_after(channel_code: str, after: int, *, limit: int) -> Page:
    """What the channel was told after this number. A number is given while the channel's row is locked, so none that
    is committed later is smaller: a reader who goes on from the last one misses nothing."""
    rows = StatusPush.objects.filter(channel__party_id=channel_code, seq__gt=after).order_by("seq")
    told = list(rows.values_list("payload", flat=True)[: limit + 1])
    page = tuple(told[:limit])
    return Page(page, page[-1]["seq"] if page else after, len(told) > limit)


@dataclass(frozen=True, slots=True)
class DrawdownWord:
    drawdown_id: UUID
    status: str
    amount_cents: int
    currency: str
    loan_id: UUID | None


@dataclass(frozen=True, slots=True)
class Brought:
    """A channel's application as the channel sees it: words of the dictionary, nothing about the person."""

    application_id: UUID
    order_id: str
    status: str
    product: str
    amount_cents: int | None
    currency: str
    months: int | None
    received_at: datetime
    details_taken: bool
    missing: tuple[str, ...]
    limit_cents: int | None
    annual_rate: str | None
    reason_classes: list[str]
    reapply_at: datetime | None
    drawdowns: tuple[DrawdownWord, ...]


@dataclass(frozen=True, slots=True)
class AskedFor:
    expires_at: datetime | None
    items: tuple[lending.SupplementItemView, ...]


def application_of(channel_code: str, public_id: UUID) -> lending.ApplicationView:
    """One of the channel's own. Raises NotFound, also for another's."""
    found = Application.objects.filter(public_id=public_id, channel_code=channel_code).values_list("pk", flat=True)
    if not found:
        raise NotFound("There is nothing of yours at this address.")
    return lending.application(found[0])


def ordered(channel_code: str, public_id: UUID) -> lending.ApplicationView:
    """One that the channel has brought itself, and so may act for. Raises NotFound, also for another's."""
    application = application_of(channel_code, public_id)
    if not ChannelOrder.objects.filter(application_id=application.id, channel__party_id=channel_code).exists():
        raise NotFound("There is no order of yours with this application.")
    return application


def drawdown_of(channel_code: str, public_id: UUID) -> lending.DrawdownView:
    """Of one of the channel's orders. Raises NotFound, also for another's."""
    return lending.drawdown(
        _of_an_order(Drawdown.objects.filter(public_id=public_id), "grant__application", channel_code)
    )


def loan_of(channel_code: str, public_id: UUID, at: datetime | None = None) -> lending.LoanView:
    """As `drawdown_of`."""
    rows = Loan.objects.filter(public_id=public_id)
    loan_id = _of_an_order(rows, "drawdown__grant__application", channel_code)
    return lending.loan_for(lending.loan(loan_id).user_id, public_id, at)


def _of_an_order(rows: QuerySet[Any], application: str, channel_code: str) -> int:
    orders = ChannelOrder.objects.filter(channel__party_id=channel_code).values("application_id")
    found = rows.filter(**{f"{application}__channel_code": channel_code, f"{application}__in": orders})
    pk: int | None = found.values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound("There is nothing of yours at this address.")
    return pk


def cards_of(channel_code: str, user_id: int) -> tuple[users.CardView, ...]:
    """Those that the channel added for this borrower; it learns nothing of others."""
    orders = ChannelOrder.objects.filter(channel__party_id=channel_code, application__user_id=user_id)
    mine = set(orders.values_list("cards", flat=True))
    return tuple(card for card in users.cards(user_id) if card.id in mine)


def card_of(channel_code: str, card_id: UUID, *, user_id: int | None = None) -> users.CardView:
    """One that the channel added; for `user_id` where that is given. Raises NotFound, also for another's."""
    card = users.card(user_id, card_id)
    if card.id not in {one.id for one in cards_of(channel_code, card.user_id)}:
        raise NotFound("There is no such card.")
    return card


def limit_of(application: lending.ApplicationView) -> lending.GrantView:
    """What the application has brought. Raises NotGranted."""
    for grant in lending.grants_of(application.user_id):
        if grant.application_id == application.id:
            return grant
    raise NotGranted()


def consent_context(application_public_id: UUID) -> str:
    """What consents are given for that a channel brings: one given elsewhere before is not for its application."""
    return f"order:{application_public_id}"


@remembered
def words_by_state() -> dict[str, str]:
    """The word that partners have for "application:DRAFT", "drawdown:PAID", …"""
    return {source: row.code for row in PartnerStatus.objects.all() for source in row.sources}


def products_of(channel_code: str) -> tuple[str, ...]:
    return tuple(Channel.objects.get(party_id=channel_code).products)


@dataclass(frozen=True, slots=True)
class Word:
    """`sources`: the states it stands for."""

    code: str
    name_zh: str
    sources: tuple[str, ...]


def dictionary() -> tuple[Word, ...]:
    """Every word that partners see, in the order of a borrower's way."""
    rows = PartnerStatus.objects.all()
    subjects = (
        ("application", ApplicationStatus),
        ("drawdown", DrawdownStatus),
        ("loan", LoanStatus),
        ("grant", GrantStatus),
    )
    way = [f"{name}:{state}" for name, states in subjects for state in states.values]
    found = [Word(row.code, row.name_zh, tuple(row.sources)) for row in rows]
    return tuple(sorted(found, key=lambda word: min(map(way.index, word.sources))))


def by_order(channel_code: str, order_id: str) -> UUID:
    """Raises NotFound."""
    mine = ChannelOrder.objects.filter(channel__party_id=channel_code, external_id=order_id)
    found = mine.values_list("application__public_id", flat=True).first()
    if found is None:
        raise NotFound("There is no such order of yours.")
    return found


def order_id_of(application_id: int) -> str:
    """The channel's own id; "" where it has none."""
    found = ChannelOrder.objects.filter(application_id=application_id).values_list("external_id", flat=True).first()
    return found or ""


def status_of(channel_code: str, public_id: UUID) -> Brought:
    """Raises NotFound, also for another's."""
    return _brought(application_of(channel_code, public_id))


def status_of_id(application_id: int) -> Brought:
    """As `status_of`, for whoever knows already whose it is."""
    return _brought(lending.application(application_id))


def _brought(application: lending.ApplicationView) -> Brought:
    order = next(iter(_orders(application_id=application.id)), None)
    with one_look():
        words, currency = words_by_state(), lending.product(application.product_code).currency
    granted, declined = application.status == "GRANTED", application.status == "DECLINED"
    terms = application.terms if granted else None
    again = application.reapply_at if declined else None
    return Brought(
        application_id=application.public_id,
        order_id=order.external_id if order else "",
        status=words[f"application:{application.status}"],
        product=application.product_code,
        amount_cents=application.amount_cents,
        currency=currency,
        months=application.months,
        received_at=application.created_at,
        details_taken=order.details_taken if order else False,
        missing=users.missing_details(application.user_id) if order and application.status == "DRAFT" else (),
        limit_cents=terms.amount_cents if terms else None,
        annual_rate=str(terms.annual_rate) if terms else None,
        reason_classes=sorted({one.cls for one in lending.reasons(application.reasons)}) if declined else [],
        reapply_at=again if again and again.year < FOR_GOOD else None,
        drawdowns=tuple(_drawdown_words(application.id, currency, words)) if granted else (),
    )


@compiled
def _orders(application_id: int) -> QuerySet[ChannelOrder]:
    return ChannelOrder.objects.filter(application_id=application_id)


def _drawdown_words(application_id: int, currency: str, words: Mapping[str, str]) -> Iterator[DrawdownWord]:
    rows = Drawdown.objects.filter(grant__application_id=application_id).select_related("loan").order_by("pk")
    for row in rows:
        loan = getattr(row, "loan", None)
        word = _word(words, row.status, loan.status if loan else "")
        yield DrawdownWord(row.public_id, word, row.amount_cents, currency, loan.public_id if loan else None)


def _word(words: Mapping[str, str], drawdown: str, loan: str) -> str:
    """A loan that is simply being repaid has no word of its own: its drawdown's stands. What becomes of one that is
    overdue, between us and a guarantor, is no change for the borrower."""
    if loan in ("COMPENSATED", "WRITTEN_OFF"):
        loan = "OVERDUE"
    return words.get(f"loan:{loan}") or words[f"drawdown:{drawdown}"]


def word_of(drawdown: lending.DrawdownView) -> str:
    """The drawdown's word, or that of its loan."""
    loan = lending.loan_for(drawdown.user_id, drawdown.loan_public_id) if drawdown.loan_public_id else None
    return _word(words_by_state(), drawdown.status, loan.status if loan else "")


def supplement_of(channel_code: str, public_id: UUID) -> AskedFor:
    """What is asked for now. Raises NotFound."""
    application = application_of(channel_code, public_id)
    for row in lending.supplements_of(application.id):
        if row.answered_at is None and row.closed_at is None:
            return AskedFor(row.expires_at, row.items)
    return AskedFor(None, ())


def channel_of_visit(code: str | None, product_code: str) -> str:
    """The channel whose link opened this visit, for a product of its own; else our own door."""
    theirs = Channel.objects.filter(party_id=code or "", products__contains=[product_code])
    return str(code) if theirs.exists() else OWN


def is_configured() -> bool:
    """Whether bootstrap came to its end once: platforms are the last thing it loads."""
    return Platform.objects.exists()


HELD = (
    Held(StatusPush, "application__user_id", only=("word", "payload", "state", "sent_at", "created_at")),
    Held(ChannelOrder, "application__user_id", only=("channel", "external_id", "received_at")),
    Held(Touch, "user_id"),
    Held(JoinLink, "user_id", only=("channel", "made_at", "used_at")),
    Held(Attribution, "application__user_id", only=("channel", "first", "last", "frozen_at")),
    Held(SettlementLine, "application__user_id", only=("channel", "reason", "amount_cents", "currency", "on_date")),
    Held(OfferSearch, "application__user_id", only=("trigger", "result", "at")),
    Held(Offer, "user_id", without=("search", "score")),
    Held(
        Lead,
        "user_id",
        only=("platform", "consent", "state", "amount_cents", "created_at", "sent_at", "decided_at", "paid_at"),
    ),
    Held(PlatformLine, "lead__user_id", only=("platform", "reason", "amount_cents", "currency", "on_date")),
)
LEFT_OUT = {
    "traffic.PrecheckSubject": "The phone's number as a channel's key hashes it; computed from the account",
    "traffic.ChannelStatement": "Sums of a month over many borrowers",
    "traffic.PlatformPayment": "What a platform pays in advance, for no borrower yet",
}


def held(user_id: int) -> Rows:
    """What this app holds about a borrower, as it is handed over to them."""
    return all_rows(HELD, user_id)
