"""What other apps and doors may ask of traffic."""

from .agreements import Given, Sent, give_agreements, submit_due
from .attribution import freeze_attribution
from .callbacks import handle_callback
from .calls import Caller, admit, answered
from .cards import add_card, confirm_card
from .dictionary import errors
from .erasure import erase
from .intake import answer_supplements, cancel_application, receive_application
from .keys import CallbackSecret, change_door, end_key, issue_key, issue_precheck_key, rotate_callback_secret
from .leads import PlatformFull, ask_lead, check_can_choose, choose, run_due_leads, run_lead, settle_lead
from .offers import NothingToLookFor, look_for, match_offers, release_held
from .operator import begin_operator, confirm_operator
from .platforms import book_payment, switch_platform
from .prechecks import fill_subjects, precheck, resume_prechecks
from .pushes import RESENDABLE, Resent, push_status, resend, resend_own, run_due, run_push
from .retention import run_retention
from .sessions import LinkOver, arrive, link_of, make_link
from .settlement import adjust_statement, approve_statement, discard_statement, draft_statement, settle_due

__all__ = [
    "RESENDABLE",
    "CallbackSecret",
    "Caller",
    "Given",
    "LinkOver",
    "NothingToLookFor",
    "PlatformFull",
    "Resent",
    "Sent",
    "add_card",
    "adjust_statement",
    "admit",
    "answer_supplements",
    "answered",
    "approve_statement",
    "arrive",
    "ask_lead",
    "begin_operator",
    "book_payment",
    "cancel_application",
    "change_door",
    "check_can_choose",
    "choose",
    "confirm_card",
    "confirm_operator",
    "discard_statement",
    "draft_statement",
    "end_key",
    "erase",
    "errors",
    "fill_subjects",
    "freeze_attribution",
    "give_agreements",
    "handle_callback",
    "issue_key",
    "issue_precheck_key",
    "link_of",
    "look_for",
    "make_link",
    "match_offers",
    "precheck",
    "push_status",
    "receive_application",
    "release_held",
    "resend",
    "resend_own",
    "resume_prechecks",
    "rotate_callback_secret",
    "run_due",
    "run_due_leads",
    "run_lead",
    "run_push",
    "run_retention",
    "settle_due",
    "settle_lead",
    "submit_due",
    "switch_platform",
]
