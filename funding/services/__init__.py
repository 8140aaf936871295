"""What other apps and doors may ask of funding."""

from .allocations import run_allocation, settle_allocation
from .callbacks import handle_callback
from .collections import run_collection, settle_collection, start_collection
from .payouts import run_payout, settle_payout, start_payout
from .routing import allocate, release
from .sweep import run_due

__all__ = [
    "allocate",
    "handle_callback",
    "release",
    "run_allocation",
    "run_collection",
    "run_due",
    "run_payout",
    "settle_allocation",
    "settle_collection",
    "settle_payout",
    "start_collection",
    "start_payout",
]
