"""Personal data at rest: AES-256-GCM under rotating keys, and a keyed hash to look it up by.

`settings.FIELD_ENCRYPTION_KEYS` is a list of base64 32-byte keys, newest first. A value is
`key id (4 bytes) + nonce (12) + ciphertext`; the id is the start of the key's own SHA-256, so old values stay
readable as long as their key is listed. The blind index is keyed by `settings.BLIND_INDEX_KEY`, which does not rotate.
"""

import base64
import hashlib
import hmac
import json
import os
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models


class UnknownKey(Exception):
    """The key a value was encrypted with is no longer listed."""


@cache
def _keys(listed: tuple[str, ...]) -> dict[bytes, AESGCM]:
    raw = [base64.b64decode(key) for key in listed]
    return {hashlib.sha256(key).digest()[:4]: AESGCM(key) for key in raw}


def _ring() -> dict[bytes, AESGCM]:
    return _keys(tuple(settings.FIELD_ENCRYPTION_KEYS))


def newest_id() -> bytes:
    """The four bytes that every value encrypted from now on begins with."""
    return next(iter(_ring()))


def encrypt_bytes(content: bytes) -> bytes:
    """For files: as `encrypt`, of any bytes."""
    key_id, cipher = next(iter(_ring().items()))
    nonce = os.urandom(12)
    return key_id + nonce + cipher.encrypt(nonce, content, key_id)


def decrypt_bytes(value: bytes) -> bytes:
    """Raises UnknownKey, or InvalidTag where the value was tampered with."""
    value = bytes(value)
    key_id, nonce, body = value[:4], value[4:16], value[16:]
    try:
        cipher = _ring()[key_id]
    except KeyError:
        raise UnknownKey(f"no key with id {key_id.hex()} in FIELD_ENCRYPTION_KEYS") from None
    return cipher.decrypt(nonce, body, key_id)


def encrypt(text: str) -> bytes:
    return encrypt_bytes(text.encode())


def decrypt(value: bytes) -> str:
    """Raises as `decrypt_bytes`."""
    return decrypt_bytes(value).decode()


def blind_index(text: str, purpose: str) -> str:
    """64 hex digits, equal for equal text and purpose; without the key nothing can be computed back."""
    key = base64.b64decode(settings.BLIND_INDEX_KEY)
    return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(models.BinaryField):
    """Text in code, ciphertext in the database. Cannot be filtered: use a blind index beside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else decrypt(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(None if value is None else encrypt(value), connection, prepared)

    def value_to_string(self, obj: models.Model) -> str:
        return base64.b64encode(encrypt(self.value_from_object(obj) or "")).decode()


class EncryptedJSONField(EncryptedTextField):
    """Any JSON value, encrypted as its text."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(decrypt(value))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        text = None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
        return super().get_db_prep_value(text, connection, prepared)


def mask_name(name: str) -> str:
    """The first character and stars."""
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""


def mask_phone(phone: str) -> str:
    return phone[:-8] + "****" + phone[-4:] if len(phone) >= 11 else "****" + phone[-2:]


def mask_id(number: str) -> str:
    return number[:3] + "*" * (len(number) - 7) + number[-4:] if len(number) > 8 else "****"


def mask_ip(address: str) -> str:
    """The first half of it."""
    return f"{':'.join(address.split(':')[:2])}:*" if ":" in address else f"{'.'.join(address.split('.')[:2])}.*.*"


def mask_card(number: str) -> str:
    return "**** " + number[-4:] if number else ""
