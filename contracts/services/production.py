"""A contract row as work: render it, and seal it once it is signed. Claim, make the file, settle; may run again."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from contracts.models import Contract, ContractState
from contracts.providers import sealing
from contracts.rules import kinds
from contracts.services import files, rendering, sets
from lending.common import vault, work
from lending.common.errors import DomainError
from lending.common.wake import wake
from lending.services import drawdowns
from users.services import notices

logger = logging.getLogger(__name__)

S = ContractState
DUE = (
    Q(state=S.ISSUED)
    | Q(state=S.SIGNED, kind__in=kinds.SEALED_AFTER_SIGNATURE)
    | Q(state=S.RENDERED, kind__in=kinds.SEALED_AT_ONCE)
)
LEASE_SECONDS = 120


def due(*, at: datetime, limit: int) -> list[int]:
    """Rows that wait for a worker, oldest first."""
    free = DUE & (Q(leased_until=None) | Q(leased_until__lt=at)) & (Q(not_before=None) | Q(not_before__lte=at))
    return list(Contract.objects.filter(free).order_by("pk").values_list("pk", flat=True)[:limit])


def run_contract(*, contract_id: int, now: datetime) -> bool:
    """Do what is due on the row: render, or seal. False where nothing is, or somebody else is at it.

    Opens its own short transactions; the file is made outside them. A failure puts the row off, tells operations after
    a few, and is raised.
    """
    with transaction.atomic(durable=True):
        if not work.claim(Contract, due=DUE, at=now, lease_seconds=LEASE_SECONDS, pk=contract_id):
            return False
    contract = Contract.objects.select_related("template", "signature").get(pk=contract_id)
    try:
        pdf = _make(contract, now)
        name = files.store(contract=contract, pdf=pdf)
    except Exception as error:
        with transaction.atomic(durable=True):
            _put_off(contract, error, now)
        raise
    with transaction.atomic(durable=True):
        _settle(contract_id=contract_id, made_from=contract.state, pdf=pdf, name=name, at=now)
    return True


def _make(contract: Contract, now: datetime) -> bytes:
    if contract.state == S.ISSUED:
        return rendering.pdf(template=contract.template, values=contract.values, number=contract.number)
    return sealing.seal(files.load(contract), reason=_reason(contract), at=now)


def _reason(contract: Contract) -> str:
    """What the seal says in a PDF reader's signature panel."""
    if contract.signature is None:
        return f"{contract.number}: issued electronically"
    signed_at = contract.signature.signed_at.isoformat(timespec="seconds")
    return f"{contract.number}: signed by the borrower with a one-time code at {signed_at}, {contract.signature}"


def _settle(*, contract_id: int, made_from: str, pdf: bytes, name: str, at: datetime) -> None:
    """Keep what was made, unless the row moved on meanwhile (void, or another worker after our lease)."""
    drawdown_id = Contract.objects.values_list("drawdown_id", flat=True).get(pk=contract_id)
    drawdown = drawdowns.lock(drawdown_id)
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.state != made_from:
        logger.info("contract moved on while its file was made", extra={"contract": contract.number})
        transaction.on_commit(lambda: vault.forget(name))
        return
    former = contract.file
    contract.file, contract.sha256, contract.size = name, files.sha256(pdf), len(pdf)
    contract.leased_until, contract.not_before, contract.last_error = None, None, ""
    if made_from == S.ISSUED:
        contract.render()
        contract.rendered_sha256, contract.rendered_size, contract.rendered_at = contract.sha256, contract.size, at
        contract.attempts = 0
    else:
        contract.seal()
        contract.sealed_at = at
    contract.save()
    if former:
        transaction.on_commit(lambda: vault.forget(former))
    if contract.state == S.RENDERED and contract.kind in kinds.SEALED_AT_ONCE:
        wake("contracts.tasks.run_contract", contract_id=contract_id)
    sets.report_if_complete(drawdown=drawdown, at=at)


def _put_off(contract: Contract, error: Exception, now: datetime) -> None:
    """Try again later; nothing of the contract's own words goes into the row or the notice."""
    said = error.code if isinstance(error, DomainError) else type(error).__name__
    contract.not_before, contract.leased_until = now + work.back_off(contract.attempts), None
    contract.last_error = said[:200]
    contract.save(update_fields=["not_before", "leased_until", "last_error"])
    if contract.attempts >= kinds.TRIES_BEFORE_NOTICE:
        text = f"{contract.number} failed {contract.attempts} times: {said}"
        notices.raise_notice(kind="contract_stuck", subject=f"contract:{contract.pk}", text=text, at=now)
