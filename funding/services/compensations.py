"""A guaranteed loan is so late that its guarantor pays the creditor and holds the claim from then on (代偿)."""

from datetime import datetime

from funding.models import Claim, Collection, Guarantor
from funding.services.collections import OPEN, give_back
from lending.common import clock
from lending.models import Loan, LoanStatus
from lending.services import loans

SYSTEM = "system"


def due_claims(*, limit: int) -> list[int]:
    """Ids of loans that their day close has found late enough for their guarantor, the latest in arrears first."""
    found: list[int] = []
    for guarantor in Guarantor.objects.order_by("pk"):
        late = Loan.objects.filter(
            status=LoanStatus.OVERDUE, guarantor_code=guarantor.pk, dpd__gte=guarantor.compensation_dpd
        )
        under_way = Collection.objects.filter(state__in=OPEN).values("loan_id")
        found += late.exclude(pk__in=under_way).order_by("-dpd", "pk").values_list("pk", flat=True)[:limit]
    return found[:limit]


def compensate(*, loan_id: int, at: datetime) -> int | None:
    """The guarantor pays the creditor of a loan that is due for it. The claim's id.

    None where it is not (any more): paid meanwhile, taken over before, or a debit is under way that may yet cure it.
    """
    loan = loans.lock(loan_id)
    guarantor = Guarantor.objects.filter(party_id=loan.guarantor_code).first()
    if guarantor is None or loan.status != LoanStatus.OVERDUE or loan.dpd < guarantor.compensation_dpd:
        return None
    if Collection.objects.filter(loan=loan, state__in=OPEN).exists():
        return None
    paid = loans.compensate(loan_id=loan_id, by=SYSTEM, at=at)
    claim = Claim.objects.create(
        loan=loan,
        guarantor=guarantor,
        creditor=loan.creditor,
        dpd=loan.dpd,
        principal_cents=paid.get("loan_principal", 0),
        interest_cents=paid.get("interest_receivable", 0),
        guarantee_fee_cents=paid.get("guarantee_fee_receivable", 0),
        penalty_cents=paid.get("penalty_receivable", 0),
        amount_cents=sum(paid.values()),
        business_date=clock.business_date(at),
        at=at,
    )
    give_back(loan_id=loan_id, at=at)
    return claim.pk
