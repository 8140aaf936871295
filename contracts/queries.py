"""Reads of contracts for other apps and for doors."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.models import Contract, ContractState, Signature
from contracts.rules import kinds
from contracts.services import files, rendering
from lending.common.errors import NotFound
from lending.common.held import Held, Rows, all_rows


@dataclass(frozen=True, slots=True)
class ContractView:
    """`agreed_by`: confirm | otp | otp_seal | seal. `sha256` is of the file as it now is, None before rendering."""

    id: int
    drawdown_id: int
    public_id: UUID
    number: str
    kind: str
    title_en: str
    title_zh: str
    agreed_by: str
    state: str
    pdf_sha256: str | None
    size: int | None
    first_opened_at: datetime | None
    signed_at: datetime | None
    sealed_at: datetime | None


_ORDER = {kind: place for place, kind in enumerate(kinds.AGREED_BY)}


def set_for(drawdown_id: int) -> tuple[ContractView, ...]:
    """The live contracts of a drawdown, in the order they are shown; empty before they are issued."""
    rows = Contract.objects.filter(drawdown_id=drawdown_id).exclude(state=ContractState.VOID)
    rows = rows.select_related("template").defer("values", "template__source", "template__style")
    return tuple(map(_view, sorted(rows, key=lambda row: _ORDER[row.kind])))


def ever_of(drawdown_ids: Sequence[int]) -> tuple[ContractView, ...]:
    """Everything ever issued for these drawdowns, the void included, oldest first."""
    rows = Contract.objects.filter(drawdown_id__in=drawdown_ids).select_related("template").order_by("id")
    return tuple(map(_view, rows.defer("values", "template__source", "template__style")))


def stuck() -> int:
    """How many documents failed so often that people were told."""
    making = (ContractState.ISSUED, ContractState.SIGNED)
    return Contract.objects.filter(state__in=making, attempts__gte=kinds.TRIES_BEFORE_NOTICE).count()


def being_made(user_id: int) -> bool:
    """Whether a document of this borrower is still to be rendered or sealed."""
    making = (ContractState.ISSUED, ContractState.SIGNED)
    rows = Contract.objects.filter(drawdown__user_id=user_id, state__in=making)
    return any(not row.complete for row in rows.only("state", "kind"))


def contract_for(user_id: int, public_id: UUID) -> ContractView:
    """Raises NotFound for what is void or somebody else's."""
    rows = Contract.objects.filter(public_id=public_id, drawdown__user_id=user_id).exclude(state=ContractState.VOID)
    found = rows.select_related("template").defer("values", "template__source", "template__style").first()
    if found is None:
        raise NotFound("There is nothing of yours at this address.")
    return _view(found)


def pdf(contract_id: int) -> bytes:
    """The PDF as it now is. Raises NotFound, ContractFileMissing."""
    contract = Contract.objects.filter(pk=contract_id).defer("values").first()
    if contract is None:
        raise NotFound("There is no such document.")
    return files.load(contract)


def readable(contract_id: int) -> str:
    """The words of a contract as safe HTML without a frame, for a screen; the PDF is what counts. Raises NotFound."""
    contract = Contract.objects.filter(pk=contract_id).select_related("template").first()
    if contract is None:
        raise NotFound("There is no such document.")
    page = rendering.html(template=contract.template, values=contract.values, number=contract.number)
    body = page.partition("<body>")[2].partition("</body>")[0]
    return body.replace('<table class="plan"', '<table tabindex="0" class="plan"')  # it scrolls, also by keyboard


def _view(row: Contract) -> ContractView:
    return ContractView(
        id=row.pk,
        drawdown_id=row.drawdown_id,
        public_id=row.public_id,
        number=row.number,
        kind=row.kind,
        title_en=row.template.title_en,
        title_zh=row.template.title_zh,
        agreed_by=kinds.AGREED_BY[row.kind],
        state=row.state,
        pdf_sha256=row.sha256,
        size=row.size,
        first_opened_at=row.first_opened_at,
        signed_at=row.signed_at,
        sealed_at=row.sealed_at,
    )


# --- the copy for the borrower ------------------------------------------------------------------------------------

HELD = (
    Held(Contract, "drawdown__user_id", without=("last_error",)),
    Held(Signature, "user_id"),
)
LEFT_OUT = {"contracts.Template": "The same for everybody; what was filled in is in the file"}


def held(user_id: int) -> Rows:
    """What this app holds about a borrower, as it is handed over to them."""
    return all_rows(HELD, user_id)


def files_of(user_id: int) -> Iterator[tuple[str, bytes]]:
    """Every document ever made for the borrower: its name and the PDF. One that is gone is left out."""
    for row in Contract.objects.filter(drawdown__user_id=user_id).exclude(file="").defer("values").order_by("pk"):
        with suppress(files.ContractFileMissing):
            yield f"{row.number}.pdf", files.load(row)
