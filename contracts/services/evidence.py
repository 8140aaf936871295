"""Is this PDF one of ours, unchanged? For a court, an auditor, or the borrower."""

from dataclasses import dataclass
from datetime import datetime

from contracts.models import Contract, ContractState, Kind
from contracts.providers import sealing
from contracts.services import files
from lending.common.errors import Invalid

LARGEST_TO_VERIFY = 10_000_000  # bytes


class NotAPdf(Invalid):
    code, title = "not_a_pdf", "This is not a PDF file of at most 10 MB"


@dataclass(frozen=True, slots=True)
class Verification:
    """`authentic`: a file we keep, byte for byte, and its seal holds where it has one.

    `fault`: unknown (no such file of ours), or what is wrong with the seal. `number`, `kind`, `state`: of the contract.
    `before_seal`: not the sealed file but the words as they were shown, and signed where `signed_at` says so.
    """

    authentic: bool
    fault: str = ""
    number: str = ""
    kind: str = ""
    state: str = ""
    sealed_at: datetime | None = None
    signed_at: datetime | None = None
    voided_at: datetime | None = None
    before_seal: bool = False

    @property
    def void(self) -> bool:
        return self.state == ContractState.VOID

    @property
    def kind_label(self) -> str:
        return str(Kind(self.kind).label) if self.kind else ""


def verify(pdf: bytes) -> Verification:
    """Check the seal's cryptography and the hash on our row, each for itself."""
    contract = _final(pdf)
    if contract is not None:
        return _ours(contract, sealing.check(pdf) if contract.sealed_at else None)
    seal = sealing.check(pdf)
    return Verification(False, fault="unknown" if seal.valid or seal.fault == "not_sealed" else seal.fault)


def recognise(pdf: bytes) -> Verification:
    """For anybody who brings a file. A stranger's file is compared by its hash and never parsed, so none can be made
    that costs memory or time; what was changed is therefore `unknown`. Raises NotAPdf.
    """
    if not pdf.startswith(b"%PDF-") or len(pdf) > LARGEST_TO_VERIFY:
        raise NotAPdf()
    if contract := _final(pdf):
        return _ours(contract, sealing.check(pdf) if contract.sealed_at else None)
    shown = Contract.objects.filter(rendered_sha256=files.sha256(pdf)).order_by("-id").first()
    return _ours(shown, None, before_seal=True) if shown else Verification(False, fault="unknown")


def _final(pdf: bytes) -> Contract | None:
    return Contract.objects.filter(sha256=files.sha256(pdf)).order_by("-id").first()


def _ours(contract: Contract, seal: sealing.SealCheck | None, *, before_seal: bool = False) -> Verification:
    return Verification(
        authentic=seal is None or seal.valid,
        fault=seal.fault if seal else "",
        number=contract.number,
        kind=contract.kind,
        state=contract.state,
        sealed_at=seal.sealed_at if seal else None,
        signed_at=contract.signed_at,
        voided_at=contract.voided_at,
        before_seal=before_seal,
    )
