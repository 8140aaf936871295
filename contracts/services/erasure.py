"""Erasing a borrower from contracts: of a loan the sealed documents stay as evidence, everything else goes."""

from django.db import transaction

from contracts.models import Contract, Signature
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


def forget(*, user_id: int) -> dict[str, int]:
    """Delete what was kept of loans, once their years are over: the sealed files, and from where they were signed.

    That a document was made, signed and sealed, and its digest, stays. How many, by what.
    """
    files = [row.file for row in Contract.objects.filter(drawdown__user_id=user_id).exclude(file="").order_by("pk")]
    for name in files:
        transaction.on_commit(lambda name=name: vault.forget(name))  # type: ignore[misc]
    addresses = Signature.objects.filter(user_id=user_id, ip__isnull=False).update(ip=None)
    return {"files of contracts": len(files), "internet addresses of signatures": addresses}
