"""The register of protocols: a new funder = a file, a row here, a page in the sandbox."""

from collections.abc import Callable, Mapping
from typing import Any

from . import heyue, linjiang, payment
from .base import Callback, FunderDesk, PaymentChannel
from .own_book import OwnBook

FUNDERS: dict[str, FunderDesk] = {
    "heyue-v1": heyue.HeyueV1(),
    "linjiang-v1": linjiang.LinjiangV1(),
    "own-book": OwnBook(),
}
PAYMENTS: dict[str, PaymentChannel] = {"payment-v1": payment.PaymentV1()}

# Who may call back: whose rows its events may settle, and how an event is read.
CALLBACKS: dict[str, tuple[str, Callable[[Mapping[str, Any]], Callback]]] = {
    heyue.VENDOR: ("heyue-v1", heyue.read_callback),
    linjiang.VENDOR: ("linjiang-v1", linjiang.read_callback),
    payment.VENDOR: ("payment-v1", payment.read_callback),
}
