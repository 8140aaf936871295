"""What a caller of a vendor meets during an outage drill: the faults of a real outage, without the call.

Nothing is sent, so nothing is billed: the faults are those that book no price.
"""

from lending.common.errors import Malformed, TransientError, VendorError


def fault(mode: str, vendor: str) -> VendorError:
    """`slow`: raised by whoever has waited for the whole time limit. Raises ValueError for another mode."""
    match mode:
        case "dead":
            return TransientError("drill: nobody is reached", vendor=vendor, code="unreachable")
        case "slow":
            return VendorError("drill: no answer in time", vendor=vendor, code="timeout")
        case "wrong":
            raw = {"drill": "an answer that cannot be read"}
            return Malformed("drill: an answer that cannot be read", vendor=vendor, raw=raw, billed=False)
    raise ValueError(mode)
