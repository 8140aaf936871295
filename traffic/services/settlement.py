"""Channels are paid for what they brought: lines from what happened, each once, and a statement of a month."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from lending import queries as lending
from lending.common import clock
from lending.common.errors import NotFound
from lending.models import Application, Drawdown, Grant, Instalment, Loan
from lending.services import statements
from traffic.models import Attribution, Channel, ChannelOrder, ChannelStatement, SettlementLine
from traffic.models.settlement import LineKind, LineReason
from traffic.rules import settlement as rules
from users import queries as users
from users.models import Check
from users.services import acts

LOOK_BACK = timedelta(days=150)  # longer than anything is settled or clawed back after it happened
SETTLE, APPROVE = "traffic.settle_channel", "traffic.approve_channelstatement"


def _legs(row: ChannelStatement) -> dict[str, int]:
    return {"channel_fee_expense": row.total_cents, "channel_payable": -row.total_cents}


KIND = statements.Kind(ChannelStatement, SettlementLine, "channel", SETTLE, APPROVE, "channel_statement", _legs)


# --- lines --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Earned:
    """`of`: what it is for, once for good."""

    of: str
    reason: LineReason
    channel_code: str
    application_id: int
    currency: str
    at: datetime
    drawdown_id: int | None = None
    principal_cents: int = 0


def settle_due(*, at: datetime) -> int:
    """Write what channels earned since the last pass, and what they lost of it again; how many lines.

    A second pass writes nothing: one at a time, and every source is unique.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('channel settlement', 0))")
    terms = {str(row.pk): _terms(row) for row in Channel.objects.exclude(settle_kind="")}
    fees = list(_fees(terms, at))
    return len(SettlementLine.objects.bulk_create(fees)) + len(
        SettlementLine.objects.bulk_create(list(_clawbacks(terms, at)))
    )


def _terms(channel: Channel) -> rules.Terms:
    return rules.Terms(channel.settle_kind, channel.settle_rate, channel.settle_fee_cents, channel.clawback_terms)


def _fees(terms: dict[str, rules.Terms], at: datetime) -> Iterator[SettlementLine]:
    """Of what has no line yet, each once."""
    since, known = at - LOOK_BACK, set[str]()
    for one in (*_first_grants(since), *_paid_out(since), *_leads(since)):
        if one.of in known:
            continue
        known.add(one.of)
        agreed = terms[one.channel_code]
        amount = rules.fee(agreed, one.principal_cents)
        if amount <= 0:
            continue  # a share of next to nothing rounds to nothing
        yield SettlementLine(
            channel_id=one.channel_code,
            kind=LineKind.FEE,
            reason=one.reason,
            source=one.of,
            application_id=one.application_id,
            drawdown_id=one.drawdown_id,
            base_cents=one.principal_cents or None,
            rate=agreed.rate,
            amount_cents=amount,
            currency=one.currency,
            earned_at=one.at,
            on_date=clock.business_date(one.at),
        )


def _unpaid(of: str, path: str) -> Any:
    """No line has this source."""
    source = Concat(Value(f"{of}:"), Cast(OuterRef(path), TextField()))
    return ~Exists(SettlementLine.objects.filter(source=source))


def _first_grants(since: datetime) -> Iterator[_Earned]:
    """Limits of borrowers who had none before, by whose they were at the grant."""
    earlier = Grant.objects.filter(user_id=OuterRef("application__user_id"), created_at__lt=OuterRef("frozen_at"))
    unpaid = _unpaid("first_grant:user", "application__user_id")
    rows = Attribution.objects.filter(unpaid, ~Exists(earlier), channel__settle_kind=rules.CPA, frozen_at__gte=since)
    for row in rows.select_related("application__product").order_by("frozen_at", "pk"):
        application = row.application
        yield _Earned(
            of=f"first_grant:user:{application.user_id}",
            reason=LineReason.FIRST_GRANT,
            channel_code=str(row.channel_id),
            application_id=application.pk,
            currency=application.product.currency,
            at=row.frozen_at,
        )


def _paid_out(since: datetime) -> Iterator[_Earned]:
    """Every drawdown that was paid, also one that came back: that is taken back by a line of its own."""
    credited = Attribution.objects.filter(channel__settle_kind=rules.CPS)
    unpaid = _unpaid("paid_out:drawdown", "drawdown_id")
    of_theirs = credited.values("application")
    rows = Loan.objects.filter(unpaid, opened_at__gte=since, drawdown__grant__application__in=of_theirs)
    found = list(rows.select_related("drawdown__grant", "product").order_by("opened_at", "pk"))
    applications = [row.drawdown.grant.application_id for row in found]
    whose = dict(credited.filter(application__in=applications).values_list("application_id", "channel_id"))
    for row in found:
        yield _Earned(
            of=f"paid_out:drawdown:{row.drawdown_id}",
            reason=LineReason.PAID_OUT,
            channel_code=str(whose[row.drawdown.grant.application_id]),
            application_id=row.drawdown.grant.application_id,
            currency=row.product.currency,
            at=row.opened_at,
            drawdown_id=row.drawdown_id,
            principal_cents=row.principal_cents,
        )


def _leads(since: datetime) -> Iterator[_Earned]:
    """Orders whose borrower has completed and submitted them, and whose name and number belong together."""
    passed = Check.objects.filter(user_id=OuterRef("application__user_id"), kind="id2", state="passed")
    rows = ChannelOrder.objects.filter(
        _unpaid("lead:application", "application_id"),
        Exists(passed),
        channel__settle_kind=rules.CPL,
        received_at__gte=since,
        application__submitted_at__isnull=False,
    )
    for row in rows.select_related("application__product").order_by("pk"):
        yield _Earned(
            of=f"lead:application:{row.application_id}",
            reason=LineReason.LEAD,
            channel_code=str(row.channel_id),
            application_id=row.application_id,
            currency=row.application.product.currency,
            at=row.application.submitted_at or row.received_at,
        )


def _clawbacks(terms: dict[str, rules.Terms], at: datetime) -> Iterator[SettlementLine]:
    for channel, agreed in terms.items():
        standing = SettlementLine.objects.filter(
            channel=channel, kind=LineKind.FEE, earned_at__gte=at - LOOK_BACK, reversed_by=None
        )
        doubtful = standing.filter(_doubt(standing, agreed, at)).select_related("application", "drawdown__loan")
        for line in doubtful.order_by("pk"):
            why = rules.lost(agreed, _facts(line, agreed, at))
            if why:
                yield _back(line, LineReason(why), at)


def _doubt(standing: QuerySet[SettlementLine], terms: rules.Terms, at: datetime) -> Any:
    """Lines that may be lost, found by the database at one go: the rule then looks at these alone."""
    found: Any = Q(drawdown__status="RETURNED") | Q(drawdown__loan__status="CANCELLED")
    limits = {name: timedelta(days=days) for name, days in terms.clawback.items()}
    if most := limits.get("first_overdue_days"):
        last = ExpressionWrapper(F("due_date") + most, output_field=DateTimeField())
        due = Instalment.objects.filter(loan__drawdown=OuterRef("drawdown"), number=1)
        late = due.filter(due_date__lt=clock.business_date(at) - most).filter(Q(paid_at=None) | Q(paid_at__gt=last))
        found |= Exists(late)
    if most := limits.get("fraud_days"):
        recent = standing.filter(earned_at__gte=at - most).values_list("application__user_id", flat=True)
        found |= Q(application__user__in=users.on_black_list(recent, at))
        seen = {"user": OuterRef("application__user"), "reasons__overlap": _fraud_codes()}
        found |= Exists(Application.objects.filter(**seen, decided_at__gte=OuterRef("earned_at")))
        found |= Exists(Drawdown.objects.filter(**seen, status="DECLINED", status_at__gte=OuterRef("earned_at")))
    if most := limits.get("duplicate_days"):
        before = Application.objects.filter(
            user=OuterRef("application__user"), pk__lt=OuterRef("application"), submitted_at__lt=OuterRef("earned_at")
        )
        found |= Exists(before.filter(submitted_at__gte=OuterRef("earned_at") - most))
    return found


def _back(line: SettlementLine, why: LineReason, at: datetime) -> SettlementLine:
    return SettlementLine(
        channel_id=line.channel_id,
        kind=LineKind.CLAWBACK,
        reason=why,
        source=f"clawback:{line.pk}",
        application_id=line.application_id,
        drawdown_id=line.drawdown_id,
        reverses=line,
        base_cents=line.base_cents,
        rate=line.rate,
        amount_cents=-line.amount_cents,
        currency=line.currency,
        earned_at=at,
        on_date=clock.business_date(at),
    )


def _facts(line: SettlementLine, terms: rules.Terms, at: datetime) -> rules.Facts:
    """Reads no more than the terms ask about."""
    today, user_id = clock.business_date(at), line.application.user_id if line.application else 0
    facts = rules.Facts(earned_at=line.earned_at, today=today)
    if line.drawdown is not None:
        loan = line.drawdown.loan
        cancelled = loan.status == "CANCELLED"
        first = Instalment.objects.filter(loan=loan).order_by("number").first()
        return rules.Facts(
            earned_at=line.earned_at,
            today=today,
            returned=line.drawdown.status == "RETURNED",
            cancelled_at=(loan.withdrawal_requested_at or loan.closed_at) if cancelled else None,
            first_due=first.due_date if first else None,
            first_paid=clock.business_date(first.paid_at) if first and first.paid_at else None,
        )
    if "fraud_days" in terms.clawback:
        return rules.Facts(line.earned_at, today, fraud_at=_fraud_of(user_id, line.earned_at, at))
    if "duplicate_days" in terms.clawback:
        before = Application.objects.filter(
            user_id=user_id, submitted_at__lt=line.earned_at, pk__lt=line.application_id
        )
        latest = before.order_by("-submitted_at").values_list("submitted_at", flat=True).first()
        return rules.Facts(line.earned_at, today, earlier_at=latest)
    return facts


def _fraud_codes() -> list[str]:
    return [row.code for row in lending.reasons() if row.cls == "F"]


def _fraud_of(user_id: int, since: datetime, at: datetime) -> datetime | None:
    """When a refusal of class F came, or now where a black list names the borrower."""
    codes = _fraud_codes()
    after = Application.objects.filter(user_id=user_id, decided_at__gte=since, reasons__overlap=codes)
    drawn = Drawdown.objects.filter(user_id=user_id, status_at__gte=since, status="DECLINED", reasons__overlap=codes)
    found = [*after.values_list("decided_at", flat=True), *drawn.values_list("status_at", flat=True)]
    if any(hit.kind == "black" for hit in users.list_hits(user_id, at)):
        found.append(at)
    return min((moment for moment in found if moment), default=None)


# --- statements ---------------------------------------------------------------------------------------------------


def draft_statement(*, channel_code: str, month: date, reason: str, by: str, at: datetime) -> int:
    """Of everything up to the end of that month which no statement has; its id. `month`: any day of it.

    Raises NotFound, MonthNotOver, StatementExists, NothingToSettle, SeveralCurrencies, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=SETTLE)
    if not Channel.objects.filter(party_id=channel_code).exclude(settle_kind="").exists():
        raise NotFound("There is no such channel that is paid.")
    statements.month_over(month, at)
    settle_due(at=at)  # which also makes a second drafter wait
    return statements.draft(KIND, whose=channel_code, month=month, reason=reason, by=by, at=at)


def approve_statement(*, statement_id: int, reason: str, by: str, at: datetime) -> None:
    """By somebody who neither drafted nor adjusted it; its journal is posted, once. Raises NotFound, NotADraft,
    SamePerson, StatementChanged, NotAllowed, ReasonRequired."""
    statements.approve(KIND, statement_id=statement_id, reason=reason, by=by, at=at)


def adjust_statement(*, statement_id: int, amount_cents: int, reason: str, by: str, at: datetime) -> None:
    """A line by hand on a draft: above zero, the channel is owed more. Raises NotFound, NotADraft, NothingAdjusted,
    NotAllowed, ReasonRequired."""
    columns = {"reason": LineReason.ADJUSTMENT, "earned_at": at}
    said: dict[str, Any] = {"reason": reason, "by": by, "at": at, "columns": columns}
    statements.adjust(KIND, statement_id=statement_id, amount_cents=amount_cents, **said)


def discard_statement(*, statement_id: int, reason: str, by: str, at: datetime) -> None:
    """Its lines are open again. Raises NotFound, NotADraft, NotAllowed, ReasonRequired."""
    statements.discard(KIND, statement_id=statement_id, reason=reason, by=by, at=at)
