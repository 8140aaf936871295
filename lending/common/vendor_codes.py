"""What a vendor with return codes of its own says instead of an answer, as the three kinds of failure."""

from collections.abc import Mapping

from lending.common.errors import PermanentError, TransientError, VendorError

Codes = Mapping[str, tuple[type[VendorError], str]]

HENGZHENG: Codes = {  # one contract, and so one table for all its products
    "4001": (PermanentError, "bad_contract"),
    "4002": (PermanentError, "bad_number"),
    "5001": (TransientError, "busy"),
    "5002": (TransientError, "over_quota"),
}


def failure(codes: Codes, code: object, *, vendor: str) -> VendorError:
    """`codes`: vendor's code → kind of failure and our word for it. One that nobody wrote down is permanent
    ("unmapped_…"): what is not known to have done nothing is not asked again by itself."""
    told = str(code)[:20]
    kind, word = codes.get(told, (PermanentError, f"unmapped_{told}"))
    return kind(f"the vendor's code {told}", vendor=vendor, code=word)
