"""Which arm of an experiment a borrower belongs to: by a hash, so that it is the same tomorrow and can be replayed."""

import hashlib
from uuid import UUID

PLACES = 10_000


def place(borrower: UUID, salt: str) -> int:
    """0 to 9,999, spread evenly; another salt spreads anew."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{borrower}".encode()).digest()[:8]) % PLACES


def is_in(borrower: UUID, salt: str, share_bp: int) -> bool:
    """Whether the borrower is within the share. A larger share takes more in and puts nobody out."""
    return place(borrower, salt) < share_bp
