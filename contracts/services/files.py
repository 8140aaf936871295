"""Where a contract's PDF lies: in Django's file storage, encrypted like every other personal data at rest."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from contracts.models import Contract
from lending.common import crypto
from lending.common.errors import Conflict


class ContractFileMissing(Conflict):
    code, title = "contract_file_missing", "The contract's file is not there"


def sha256(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def store(*, contract: Contract, pdf: bytes) -> str:
    """Write it and return its name; each content has a file of its own, so a crash leaves the former one whole."""
    name = f"contracts/{contract.created_at:%Y/%m}/{contract.public_id}-{sha256(pdf)[:12]}.pdf.enc"
    return default_storage.save(name, ContentFile(crypto.encrypt_bytes(pdf)))


def load(contract: Contract) -> bytes:
    """The PDF. Raises ContractFileMissing where it is not there or was not written by us."""
    if not contract.file:
        raise ContractFileMissing(f"{contract.number} is not rendered yet.")
    try:
        with default_storage.open(contract.file) as stored:
            return crypto.decrypt_bytes(stored.read())
    except (FileNotFoundError, InvalidTag, crypto.UnknownKey) as error:
        raise ContractFileMissing(f"{contract.number}: {type(error).__name__}") from error


def forget(name: str) -> None:
    """Remove a file that a later one begins with."""
    default_storage.delete(name)


def under_older_key() -> Iterator[Path]:
    """The files that are not under the newest key."""
    for name in Contract.objects.exclude(file="").order_by("pk").values_list("file", flat=True).iterator():
        path = Path(default_storage.path(name))
        with path.open("rb") as stored:
            if stored.read(4) != crypto.newest_id():
                yield path


def reencrypt() -> Iterator[Path]:
    """Write each of them again under the newest key, in its place: a stop at any instant leaves a whole file."""
    for path in under_older_key():
        fresh = path.with_name(f"{path.name}.new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(crypto.encrypt_bytes(crypto.decrypt_bytes(path.read_bytes())))
        os.replace(fresh, path)
        yield path
