"""Where a contract's PDF lies: in Django's file storage, encrypted like every other personal data at rest."""

import hashlib
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag

from contracts.models import Contract
from lending.common import crypto, vault
from lending.common.errors import Conflict


class ContractFileMissing(Conflict):
    code, title = "contract_file_missing", "The contract's file is not there"


def sha256(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def store(*, contract: Contract, pdf: bytes) -> str:
    """Write it and return its name; each content has a file of its own, so a crash leaves the former one whole."""
    name = f"contracts/{contract.created_at:%Y/%m}/{contract.public_id}-{sha256(pdf)[:12]}.pdf.enc"
    return vault.save(name, pdf)


def load(contract: Contract) -> bytes:
    """The PDF. Raises ContractFileMissing where it is not there or was not written by us."""
    if not contract.file:
        raise ContractFileMissing(f"{contract.number} is not rendered yet.")
    try:
        return vault.load(contract.file)
    except (FileNotFoundError, InvalidTag, crypto.UnknownKey) as error:
        raise ContractFileMissing(f"{contract.number}: {type(error).__name__}") from error


def names() -> Iterator[str]:
    """Of every file that a contract points at."""
    return Contract.objects.exclude(file="").order_by("pk").values_list("file", flat=True).iterator()
