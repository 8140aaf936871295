"""Is this PDF one of ours, unchanged? For a court, an auditor, or the borrower."""

from dataclasses import dataclass
from datetime import datetime

from contracts.models import Contract
from contracts.providers import sealing
from contracts.services import files


@dataclass(frozen=True, slots=True)
class Verification:
    """`authentic`: a file we keep, byte for byte, and its seal holds where it has one.

    `fault`: unknown (no such file of ours), or what is wrong with the seal. `number`, `kind`, `state`: of the contract.
    """

    authentic: bool
    fault: str = ""
    number: str = ""
    kind: str = ""
    state: str = ""
    sealed_at: datetime | None = None
    signed_at: datetime | None = None


def verify(pdf: bytes) -> Verification:
    """Check the seal's cryptography and the hash on our row, each for itself."""
    seal = sealing.check(pdf)
    contract = Contract.objects.filter(sha256=files.sha256(pdf)).order_by("-id").first()
    if contract is None:
        return Verification(False, fault="unknown" if seal.valid or seal.fault == "not_sealed" else seal.fault)
    needs_seal = contract.sealed_at is not None
    return Verification(
        authentic=seal.valid if needs_seal else True,
        fault=seal.fault if needs_seal else "",
        number=contract.number,
        kind=contract.kind,
        state=contract.state,
        sealed_at=seal.sealed_at,
        signed_at=contract.signed_at,
    )
