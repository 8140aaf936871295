"""What the platform earns with lenders and guarantors: lines from what was collected and from months that are over."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Exists, Max, Min, OuterRef, Q, Sum

from funding.models import Claim, FunderLine, FunderSettlement
from funding.models.settlement import OF_MONTHS, LineKind
from funding.queries.clearing import lent_under
from funding.rules import settlement as rules
from lending.common import clock
from lending.models import Entry, Instalment, Loan, LoanStatus, Repayment

AT_ONCE = 500  # loans whose ledger is read in one statement
OWN_BOOK = "own"
OF_MONTH = {rules.BALANCE: LineKind.COST, rules.OWN: LineKind.PROVISION}
OF_INTEREST = {rules.COLLECTED: LineKind.SHARE, rules.BALANCE: LineKind.INTEREST, rules.OWN: LineKind.OWN}
Agreed = Mapping[str, FunderSettlement]


def settle_due(*, at: datetime) -> int:
    """Write a line for every repayment and claim that has none and for every loan of the month that is over; take
    back what a cancelled loan had brought. How many lines; a second pass writes none.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('funder settlement', 0))")
    agreed = {
        str(row.pk): row for row in FunderSettlement.objects.filter(basis__in=OF_INTEREST).select_related("programme")
    }
    written = _write(_collected(agreed, at)) + _write(_claimed(agreed, at))
    for until in _month_ends(at):
        written += _write(_months(agreed, until, at))
    return written + _write(_taken_back(at))


def _write(lines: Iterator[FunderLine]) -> int:
    return len(FunderLine.objects.bulk_create(list(lines)))


def terms_of(row: FunderSettlement) -> rules.Terms:
    return rules.Terms(
        row.basis, row.rate or Decimal(0), row.fee_back, row.none_over_dpd, tuple(row.provision), row.due_workday
    )


def _collected(agreed: Agreed, at: datetime) -> Iterator[FunderLine]:
    """Of every repayment that has no line. From a claim on, interest is the guarantor's, and no more shared."""
    claimed = Claim.objects.filter(loan=OuterRef("loan"), at__lte=OuterRef("posted_at"))
    rows = (
        Repayment.objects.filter(~Exists(FunderLine.objects.filter(repayment=OuterRef("pk"))))
        .filter(Q(guarantee_fee_cents__gt=0) | Q(~Exists(claimed), interest_cents__gt=0))
        .exclude(loan__status=LoanStatus.CANCELLED)
        .annotate(programme=lent_under("loan__drawdown"), after_claim=Exists(claimed))
        .filter(programme__in=agreed)
    )
    for row in rows.select_related("loan__product").order_by("pk"):
        whose = agreed[row.programme]
        on_date = clock.business_date(row.received_at)
        if row.interest_cents and not row.after_claim:
            yield _of_interest(whose, row.loan, row.interest_cents, on_date, at, repayment=row)
        if row.guarantee_fee_cents and whose.fee_back is not None:
            yield FunderLine(
                programme_id=whose.pk,
                party_id=row.loan.guarantor_code,
                kind=LineKind.FEE_BACK,
                source=f"{LineKind.FEE_BACK}:repayment:{row.pk}",
                loan=row.loan,
                repayment=row,
                base_cents=row.guarantee_fee_cents,
                rate=whose.fee_back,
                amount_cents=rules.fee_back(terms_of(whose), row.guarantee_fee_cents),
                currency=row.loan.product.currency,
                on_date=on_date,
                at=at,
            )


def _claimed(agreed: Agreed, at: datetime) -> Iterator[FunderLine]:
    """The interest a guarantor paid in the borrower's place."""
    lined = FunderLine.objects.filter(loan=OuterRef("loan"), source__startswith=f"{LineKind.INTEREST}:claim:")
    rows = (
        Claim.objects.filter(~Exists(lined), interest_cents__gt=0)
        .annotate(programme=lent_under("loan__drawdown"))
        .filter(programme__in=[code for code, row in agreed.items() if row.basis == rules.BALANCE])
    )
    for row in rows.select_related("loan__product").order_by("pk"):
        yield _of_interest(agreed[row.programme], row.loan, row.interest_cents, row.business_date, at, claim=row)


def _of_interest(
    whose: FunderSettlement,
    loan: Loan,
    interest_cents: int,
    on_date: date,
    at: datetime,
    *,
    repayment: Repayment | None = None,
    claim: Claim | None = None,
) -> FunderLine:
    """Shared where a part was agreed; else all of it the platform's: of the balance's cost, or of its own book."""
    terms, kind = terms_of(whose), OF_INTEREST[whose.basis]
    amount_cents, dpd = interest_cents, None
    if terms.basis == rules.COLLECTED and repayment:
        lines = list(loan.instalments.values_list("due_date", "paid_at"))
        dpd = rules.days_past_due(lines, before=repayment.received_at, on=on_date)
        amount_cents = rules.platform_share(terms, interest_cents=interest_cents, dpd=dpd)
    return FunderLine(
        programme_id=whose.pk,
        party_id=whose.programme.funder_id,
        kind=kind,
        source=f"{kind}:claim:{claim.pk}" if claim else f"{kind}:repayment:{repayment.pk if repayment else 0}",
        loan=loan,
        repayment=repayment,
        base_cents=interest_cents,
        rate=terms.rate if terms.basis == rules.COLLECTED else Decimal(1),
        dpd=dpd,
        amount_cents=amount_cents,
        currency=loan.product.currency,
        on_date=on_date,
        at=at,
    )


# --- a month that is over -----------------------------------------------------------------------------------------


def _month_ends(at: datetime) -> Sequence[date]:
    """Of months that are over, from the latest that has lines on; where none has, from the first loan on."""
    told = FunderLine.objects.filter(kind__in=OF_MONTHS, reverses=None).aggregate(last=Max("on_date"))["last"]
    since = told or Loan.objects.aggregate(first=Min("value_date"))["first"]
    end, ends = clock.business_date(at).replace(day=1) - timedelta(days=1), []
    while since and end >= since:
        ends.append(end)
        end = end.replace(day=1) - timedelta(days=1)
    return ends[::-1]


def _months(agreed: Agreed, until: date, at: datetime) -> Iterator[FunderLine]:
    """What the balance cost, or what is to be set aside more for it, up to the end of a month."""
    for code, whose in agreed.items():
        kind = OF_MONTH.get(whose.basis)
        if kind is None:
            continue
        own = FunderLine.objects.filter(loan=OuterRef("pk"), kind=kind)
        loans = (
            Loan.objects.filter(~Exists(own.filter(on_date__gte=until)), ~Exists(own.filter(base_cents=0)))
            .filter(value_date__lte=until)
            .exclude(status=LoanStatus.CANCELLED)
            .annotate(programme=lent_under("drawdown"))
            .filter(programme=code)
        )
        due = list(loans.select_related("product").order_by("pk"))
        for first in range(0, len(due), AT_ONCE):
            yield from _of_month(whose, kind, due[first : first + AT_ONCE], until, at)


def _of_month(
    whose: FunderSettlement, kind: LineKind, loans: Sequence[Loan], until: date, at: datetime
) -> Iterator[FunderLine]:
    """All of it up to `until`, less what earlier lines had: a repayment that was posted late is made up for."""
    terms = terms_of(whose)
    moves = _principal(loans, OWN_BOOK if whose.basis == rules.OWN else str(whose.programme.funder_id), until)
    told = FunderLine.objects.filter(loan__in=loans, kind=kind).order_by().values_list("loan")
    before = dict(told.annotate(cents=Sum("amount_cents")))
    dues: dict[int, list[tuple[date, datetime | None]]] = defaultdict(list)
    if kind == LineKind.PROVISION:
        for loan_id, due, paid_at in Instalment.objects.filter(loan__in=loans).values_list(
            "loan", "due_date", "paid_at"
        ):
            dues[loan_id].append((due, paid_at))
    for loan in loans:
        balance = sum(cents for _, cents in moves[loan.pk])
        dpd, rate, total = None, terms.rate, 0
        if kind == LineKind.PROVISION:
            dpd = rules.days_past_due(dues[loan.pk], before=clock.end_of(until), on=until)
            total, rate = rules.provision(terms, balance_cents=balance, dpd=dpd)
        else:
            total = rules.cost(terms, moves[loan.pk], until)
        yield FunderLine(
            programme_id=whose.pk,
            party_id=whose.programme.funder_id,
            kind=kind,
            source=f"{kind}:loan:{loan.pk}:{until:%Y-%m}",
            loan=loan,
            base_cents=balance,
            rate=rate,
            dpd=dpd,
            amount_cents=-total - before.get(loan.pk, 0),
            currency=loan.product.currency,
            on_date=until,
            at=at,
        )


def _principal(loans: Sequence[Loan], book: str, until: date) -> dict[int, list[tuple[date, int]]]:
    """What the ledger says moved each loan's principal in that book, day by day."""
    found: dict[int, list[tuple[date, int]]] = defaultdict(list)
    rows = Entry.objects.filter(
        journal__loan__in=loans,
        journal__business_date__lte=until,
        account__kind="loan_principal",
        account__book=book,
    )
    for loan_id, day, cents in rows.values_list("journal__loan", "journal__business_date", "amount_cents"):
        found[loan_id].append((day, cents))
    return found


# --- what was not earned after all --------------------------------------------------------------------------------


def _taken_back(at: datetime) -> Iterator[FunderLine]:
    """A cancelled loan earns nobody anything: given back in time, or sent back by the bank."""
    rows = FunderLine.objects.filter(loan__status=LoanStatus.CANCELLED, reverses=None, reversed_by=None)
    for line in rows.exclude(amount_cents=0).order_by("pk"):
        yield FunderLine(
            programme_id=line.programme_id,
            party_id=line.party_id,
            kind=line.kind,
            source=f"clawback:{line.pk}",
            loan_id=line.loan_id,
            reverses=line,
            base_cents=-(line.base_cents or 0),
            rate=line.rate,
            amount_cents=-line.amount_cents,
            currency=line.currency,
            on_date=clock.business_date(at),
            at=at,
        )
