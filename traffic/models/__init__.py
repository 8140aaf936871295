"""Where borrowers come from and go to: channels, what they are told, and the platforms borrowers may be offered."""

from .channel import Channel, ChannelKey, PartnerCall, PartnerStatus
from .intake import Attribution, ChannelDay, ChannelOrder, Touch, TouchKind
from .lead import Lead, LeadEnd, LeadState, PlatformCallback, PlatformLine, PlatformReason
from .offer import Offer, OfferSearch, OfferState, Platform, PlatformDay, PlatformPayment, Trigger
from .precheck import Precheck, PrecheckSubject
from .push import PushState, StatusPush
from .session import JoinLink
from .settlement import ChannelStatement, SettlementLine

__all__ = [
    "Attribution",
    "Channel",
    "ChannelDay",
    "ChannelKey",
    "ChannelOrder",
    "ChannelStatement",
    "JoinLink",
    "Lead",
    "LeadEnd",
    "LeadState",
    "Offer",
    "OfferSearch",
    "OfferState",
    "PartnerCall",
    "PartnerStatus",
    "Platform",
    "PlatformCallback",
    "PlatformDay",
    "PlatformLine",
    "PlatformPayment",
    "PlatformReason",
    "Precheck",
    "PrecheckSubject",
    "PushState",
    "SettlementLine",
    "StatusPush",
    "Touch",
    "TouchKind",
    "Trigger",
]
