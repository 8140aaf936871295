"""Erasing a borrower from contracts: of a loan the sealed documents stay as evidence, everything else goes."""

from django.db import transaction

from contracts.models import Contract
from lending.common import vault
from lending.models import Loan


def erase(*, user_id: int) -> None:
    """Empty what was filled in, which the documents of loans say too; forget the files of drawdowns without a loan."""
    lent = set(Loan.objects.filter(user_id=user_id).values_list("drawdown_id", flat=True))
    for contract in Contract.objects.filter(drawdown__user_id=user_id).order_by("pk"):
        contract.values = {}
        contract.save(update_fields=["values"])
        if contract.file and contract.drawdown_id not in lent:
            transaction.on_commit(lambda name=contract.file: vault.forget(name))  # type: ignore[misc]
