"""What other apps and doors may ask of funding."""

from .allocations import run_allocation, settle_allocation
from .callbacks import handle_callback
from .collections import run_collection, settle_collection, start_collection
from .compensations import compensate
from .desk import ask_payout, follow_up, reroute, switch_programme
from .erasure import erase
from .payouts import check_card, run_payout, settle_payout, start_payout
from .routing import allocate, release
from .settlement import settle_due
from .statements import adjust_statement, approve_statement, discard_statement, draft_statement
from .sweep import run_due

__all__ = [
    "adjust_statement",
    "allocate",
    "approve_statement",
    "ask_payout",
    "check_card",
    "compensate",
    "discard_statement",
    "draft_statement",
    "erase",
    "follow_up",
    "handle_callback",
    "release",
    "reroute",
    "run_allocation",
    "run_collection",
    "run_due",
    "run_payout",
    "settle_allocation",
    "settle_collection",
    "settle_due",
    "settle_payout",
    "start_collection",
    "start_payout",
    "switch_programme",
]
