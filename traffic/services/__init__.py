"""What other apps and doors may ask of traffic."""

from .offers import match_offers, release_held
from .pushes import RESENDABLE, push_status, resend, run_due, run_push

__all__ = ["RESENDABLE", "match_offers", "push_status", "release_held", "resend", "run_due", "run_push"]
