"""What a channel may ask of us, by how its borrowers come. Pure."""

import ipaddress
from collections.abc import Iterable

# Consents to what only our own app can bring from the borrower's phone: not asked for by API.
OF_THE_PHONE = frozenset({"device", "sms", "contacts"})
READS = frozenset(
    {"precheck", "sessions", "applications", "events", "resend", "callback_secret", "reconciliation", "statement"}
)
INTAKE = READS | {"intake", "supplements", "cancel"}
MONEY = frozenset({"agreements", "quote", "bank_cards", "limits", "drawdowns", "contracts", "loans"})
OPERATIONS: dict[str, frozenset[str]] = {
    "full_api": INTAKE | MONEY,
    "half_flow": INTAKE,
    "joint_login_h5": READS,  # they apply on our pages
    "full_h5": frozenset(),
}


def may(flow: str, operation: str) -> bool:
    return operation in OPERATIONS.get(flow, frozenset())


def is_allowed(address: str, networks: Iterable[str]) -> bool:
    """Whether it is in one of the addresses or networks; any is where none is named."""
    listed = list(networks)
    if not listed:
        return True
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(caller in ipaddress.ip_network(network) for network in listed)


def networks(text: str) -> list[str]:
    """Addresses and networks, separated by spaces, each as it is kept. Raises ValueError that names what is none."""
    return [str(ipaddress.ip_network(word)) for word in text.replace(",", " ").split()]
