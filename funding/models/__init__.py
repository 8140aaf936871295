from .allocation import Allocation, AllocationState, Routing
from .claim import Claim
from .headroom import (
    HeadroomBorrower,
    HeadroomDay,
    HeadroomGuarantor,
    HeadroomMonth,
    HeadroomTotal,
    Reservation,
    ReservationKind,
)
from .payment import CallbackEvent, Collection, CollectionState, Payout, PayoutState
from .programme import Funder, FunderSettlement, FunderType, Guarantor, Mode, Programme
from .settlement import FunderLine, FunderStatement

__all__ = [
    "Allocation",
    "AllocationState",
    "CallbackEvent",
    "Claim",
    "Collection",
    "CollectionState",
    "Funder",
    "FunderLine",
    "FunderSettlement",
    "FunderStatement",
    "FunderType",
    "Guarantor",
    "HeadroomBorrower",
    "HeadroomDay",
    "HeadroomGuarantor",
    "HeadroomMonth",
    "HeadroomTotal",
    "Mode",
    "Payout",
    "PayoutState",
    "Programme",
    "Reservation",
    "ReservationKind",
    "Routing",
]
