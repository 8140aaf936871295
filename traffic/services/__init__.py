"""What other apps and doors may ask of traffic."""

from .offers import match_offers
from .pushes import push_status, run_due, run_push

__all__ = ["match_offers", "push_status", "run_due", "run_push"]
