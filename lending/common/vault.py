"""Files at rest: in Django's file storage, encrypted like every other personal data. Names come from rows."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from lending.common import crypto


def save(name: str, content: bytes) -> str:
    """Write it and return the name it has, which is `name` unless that was taken."""
    return default_storage.save(name, ContentFile(crypto.encrypt_bytes(content)))


def load(name: str) -> bytes:
    """Raises FileNotFoundError, cryptography's InvalidTag for what was not written by us, crypto.UnknownKey."""
    with default_storage.open(name) as stored:
        return crypto.decrypt_bytes(stored.read())


def forget(name: str) -> None:
    default_storage.delete(name)


def under_older_key(names: Iterable[str]) -> Iterator[Path]:
    """The files that are not under the newest key. One whose owner was erased is gone, though its row stays."""
    for name in names:
        path = Path(default_storage.path(name))
        if not path.exists():
            continue
        with path.open("rb") as stored:
            if stored.read(4) != crypto.newest_id():
                yield path


def reencrypt(names: Iterable[str]) -> Iterator[Path]:
    """Write each of them again under the newest key, in its place: a stop at any instant leaves a whole file."""
    for path in under_older_key(names):
        fresh = path.with_name(f"{path.name}.new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(crypto.encrypt_bytes(crypto.decrypt_bytes(path.read_bytes())))
        os.replace(fresh, path)
        yield path
