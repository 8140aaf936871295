from .allocation import Allocation, AllocationState, Routing
from .headroom import HeadroomDay, HeadroomMonth, Reservation, ReservationKind
from .payment import CallbackEvent, Collection, CollectionState, Payout, PayoutState
from .programme import Funder, FunderSettlement, FunderType, Guarantor, Mode, Programme

__all__ = [
    "Allocation",
    "AllocationState",
    "CallbackEvent",
    "Collection",
    "CollectionState",
    "Funder",
    "FunderSettlement",
    "FunderType",
    "Guarantor",
    "HeadroomDay",
    "HeadroomMonth",
    "Mode",
    "Payout",
    "PayoutState",
    "Programme",
    "Reservation",
    "ReservationKind",
    "Routing",
]
