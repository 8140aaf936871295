"""The contracts of a drawdown: issue them, read them, sign them with one code, and know when the set is complete."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from contracts.models import Contract, ContractState, Kind, Signature
from contracts.rules import kinds, variables
from contracts.services import facts, files, templates
from lending import queries as lending
from lending.common import clock
from lending.common.errors import Conflict, NotFound
from lending.common.wake import wake
from lending.models import Drawdown, DrawdownStatus
from lending.rules import offer
from lending.services import drawdowns
from users import queries as users
from users.services import auth

S = ContractState
WAITING_FOR_SIGNATURE = {
    DrawdownStatus.SIGNING: (Kind.COST_SHEET, Kind.LOAN_AGREEMENT, Kind.GUARANTEE, Kind.DEBIT_MANDATE),
    DrawdownStatus.CARD_FIX: (Kind.ACCOUNT_ANNEX,),
}


class NotSignable(Conflict):
    code, title = "not_signable", "There is nothing to sign now"


class ContractsNotReady(Conflict):
    """Data `kinds`: the documents still being prepared."""

    code, title = "contracts_not_ready", "The documents are still being prepared"


class CostSheetNotRead(Conflict):
    """Data `seconds_left`: until the cost sheet has been open long enough."""

    code, title = "cost_sheet_not_read", "Open the cost sheet and read it first"


class ContractSetIncomplete(Conflict):
    """Data `faults`: {kind: missing | voided | not_signed | not_sealed | file | altered}."""

    code, title = "contract_set_incomplete", "The contract set is not complete"


def live(drawdown_id: int) -> QuerySet[Contract]:
    return Contract.objects.filter(drawdown_id=drawdown_id).exclude(state=S.VOID).order_by("id")


def issue(*, drawdown_id: int, at: datetime) -> tuple[int, ...]:
    """The set of a drawdown in SIGNING, one row a kind, for the worker to render. Issued already: the same ids.

    Raises NotSignable, NoTemplate, AmbiguousTemplate, MissingVariable, WrongVariable, UnsettableCharacter,
    AboveCeiling.
    """
    drawdown = drawdowns.lock(drawdown_id)
    if drawdown.status != DrawdownStatus.SIGNING:
        raise NotSignable(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    wanted = kinds.signing_set(guaranteed=bool(drawdown.guarantor_code))
    if there := live(drawdown_id).filter(kind__in=wanted):
        return tuple(contract.pk for contract in there)
    view = lending.drawdown(drawdown_id)
    known = facts.of_drawdown(view, at)
    numbers = {kind: _number(kind, at) for kind in wanted}
    known["agreement_number"] = numbers[Kind.LOAN_AGREEMENT]
    return tuple(
        write(kind=kind, drawdown=view, facts=known, at=at, number=numbers[kind], funder_code=view.funder_code)
        for kind in wanted
    )


def write(
    *,
    kind: str,
    drawdown: lending.DrawdownView,
    facts: dict[str, Any],
    at: datetime,
    funder_code: str,
    number: str = "",
    loan_id: int | None = None,
) -> int:
    """One contract row, its template chosen and its values checked; a worker renders it after commit."""
    template = templates.choose(
        kind=kind,
        channel=drawdown.channel_code,
        funder=funder_code,
        product=drawdown.product_code,
        mode=drawdown.mode,
        on=clock.business_date(at),
    )
    values = variables.taken(template.variables, facts)
    templates.check_printable(values)
    public_id = uuid.uuid4()
    contract = Contract.objects.create(
        public_id=public_id,
        key=f"contract-{public_id}",
        number=number or _number(kind, at),
        drawdown_id=drawdown.id,
        loan_id=loan_id,
        kind=kind,
        template=template,
        values=values,
        created_at=at,
    )
    wake("contracts.tasks.run_contract", contract_id=contract.pk)
    return contract.pk


def _number(kind: str, at: datetime) -> str:
    """Readable on paper and never guessed from another: LA-20260302-9F3A61C2D0."""
    return f"{kinds.NUMBER_PREFIX[kind]}-{clock.business_date(at):%Y%m%d}-{uuid.uuid4().hex[:10].upper()}"


def open_document(*, contract_id: int, at: datetime) -> None:
    """The borrower has the document before them: the first time is kept. Raises NotFound, ContractsNotReady."""
    contract = Contract.objects.select_for_update().filter(pk=contract_id).exclude(state=S.VOID).first()
    if contract is None:
        raise NotFound("There is no such document.")
    if contract.state == S.ISSUED:
        raise ContractsNotReady(f"{contract.number} is being prepared.", kinds=[contract.kind])
    if contract.first_opened_at is None:
        contract.first_opened_at = at
        contract.save(update_fields=["first_opened_at"])


def check_can_sign(drawdown: Drawdown, *, at: datetime) -> list[Contract]:
    """The documents one code would sign now, locked.

    Raises NotSignable, ContractsNotReady, CostSheetNotRead, AboveCeiling.
    """
    asked = WAITING_FOR_SIGNATURE.get(DrawdownStatus(drawdown.status))
    if asked is None:
        raise NotSignable(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    documents = list(live(drawdown.pk).filter(kind__in=asked).select_for_update(of=("self",)))
    if not documents:
        raise ContractsNotReady("The documents are not issued yet.", kinds=[str(kind) for kind in asked])
    if all(document.signed_at for document in documents):
        raise NotSignable("The documents are signed already.", state=drawdown.status)
    if waiting := [document.kind for document in documents if document.state != S.RENDERED]:
        raise ContractsNotReady(f"Being prepared: {', '.join(waiting)}.", kinds=waiting)
    offer.check_ceiling(drawdown.xirr, drawdown.product.ceiling_xirr)
    _check_read(documents, at)
    return documents


def _check_read(documents: Iterable[Contract], at: datetime) -> None:
    for sheet in documents:
        if sheet.kind != Kind.COST_SHEET:
            continue
        if sheet.first_opened_at is None:
            raise CostSheetNotRead(seconds_left=kinds.READ_SECONDS)
        left = sheet.first_opened_at + timedelta(seconds=kinds.READ_SECONDS) - at
        if left > timedelta():
            raise CostSheetNotRead(seconds_left=int(left.total_seconds()) + 1)


def sign(*, drawdown_id: int, user_id: int, code: str, ip: str, at: datetime) -> int:
    """One code signs every document that waits: the set in SIGNING, the account annex in CARD_FIX.

    Returns the signature's id. Raises as `check_can_sign`, NotFound for somebody else's, WrongCode, TooManyTries.
    """
    drawdown = drawdowns.lock(drawdown_id)
    if drawdown.user_id != user_id:
        raise NotFound("There is nothing of yours at this address.")
    documents = check_can_sign(drawdown, at=at)
    otp_id = auth.verify_code(
        phone=users.person(user_id).phone, purpose="sign", subject=str(drawdown.public_id), code=code, at=at
    )
    shown = {document.kind: document.rendered_sha256 for document in documents}
    sheet = next((document for document in documents if document.kind == Kind.COST_SHEET), None)
    signature = Signature.objects.create(
        drawdown=drawdown,
        user_id=user_id,
        otp_id=otp_id,
        ip=ip,
        documents=shown,
        set_sha256=kinds.set_sha256(shown),
        cost_sheet_opened_at=sheet.first_opened_at if sheet else None,
        signed_at=at,
    )
    for document in documents:
        document.sign()
        document.signature, document.signed_at = signature, at
        document.leased_until = document.not_before = None
        document.save(update_fields=["state", "signature", "signed_at", "leased_until", "not_before"])
        if not document.complete:
            wake("contracts.tasks.run_contract", contract_id=document.pk)
    return signature.pk


def void(*, drawdown_id: int, at: datetime) -> int:
    """Nothing of the drawdown's former set counts any more (it is routed again, or has ended). Returns how many."""
    drawdowns.lock(drawdown_id)
    rows = list(live(drawdown_id).select_for_update(of=("self",)))
    for contract in rows:
        void_one(contract, at)
    return len(rows)


def void_one(contract: Contract, at: datetime) -> None:
    contract.void()
    contract.voided_at = at
    contract.save(update_fields=["state", "voided_at"])


def report_if_complete(*, drawdown: Drawdown, at: datetime) -> bool:
    """Tell lending that the set is signed and sealed, once its last document is: in CARD_FIX that is the annex. The
    caller holds the drawdown.
    """
    if drawdown.status not in WAITING_FOR_SIGNATURE:
        return False
    rows = {contract.kind: contract for contract in live(drawdown.pk)}
    wanted = set_kinds(drawdown, rows)
    if not all(kind in rows and rows[kind].complete for kind in wanted):
        return False
    return drawdowns.signed(drawdown_id=drawdown.pk, contract_set_sha256=_set_sha256(rows, wanted), at=at)


def set_kinds(drawdown: Drawdown, rows: Mapping[str, Contract]) -> tuple[str, ...]:
    """The kinds that make the set complete: after a change of the card, the annex belongs to them."""
    annexed = drawdown.status == DrawdownStatus.CARD_FIX or Kind.ACCOUNT_ANNEX in rows
    return kinds.signing_set(guaranteed=bool(drawdown.guarantor_code)) + ((kinds.ACCOUNT_ANNEX,) if annexed else ())


def _set_sha256(rows: Mapping[str, Contract], wanted: Iterable[str]) -> str:
    return kinds.set_sha256({kind: rows[kind].sha256 or "" for kind in wanted})


def check_complete(*, drawdown_id: int) -> None:
    """Every document of the set is there, signed by this borrower, sealed where it must be, and its file is, byte for
    byte, what was signed. Recomputed from the files. Raises ContractSetIncomplete.
    """
    drawdown = Drawdown.objects.get(pk=drawdown_id)
    rows = {contract.kind: contract for contract in live(drawdown_id).select_related("signature")}
    wanted = set_kinds(drawdown, rows)
    faults = {kind: fault for kind in wanted if (fault := _fault(rows.get(kind), drawdown.user_id))}
    if not faults and _set_sha256(rows, wanted) != drawdown.contract_set_sha256:
        faults = {"set": "altered"}
    if faults:
        said = ", ".join(f"{kind} {fault}" for kind, fault in faults.items())
        raise ContractSetIncomplete(f"Incomplete: {said}.", faults=faults)


def _fault(contract: Contract | None, user_id: int) -> str:
    if contract is None:
        return "missing"
    if contract.signature is None or contract.signature.user_id != user_id:
        return "not_signed"
    if not contract.complete:
        return "not_sealed"
    try:
        pdf = files.load(contract)
    except files.ContractFileMissing:
        return "file"
    same = (
        files.sha256(pdf) == contract.sha256
        and len(pdf) == contract.size
        and files.sha256(pdf[: contract.rendered_size]) == contract.signature.documents.get(contract.kind)
    )
    return "" if same else "altered"
