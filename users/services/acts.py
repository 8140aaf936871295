"""What staff do is allowed by their groups, has a reason, and is kept."""

from collections.abc import Mapping
from datetime import datetime

from lending.common.errors import Forbidden, Invalid
from users.models import StaffAct, User

MIN_REASON, MAX_REASON = 5, 300
ACTS = (
    *("close_notice", "try_again", "resend_push", "put_on_list", "take_off_list"),
    *("put_tag", "take_off_tag", "same_face", "another_face"),
    *("issue_key", "end_key", "issue_precheck_key", "resume_prechecks"),
    *("freeze_grant", "unfreeze_grant", "expire_grant", "close_grant"),
    *("write_template", "withdraw_template", "reject_template", "approve_template", "end_template", "leave_gap"),
    *("recommend_case", "decide_case", "supplement_case", "return_case", "suspend_case", "escalate_case"),
    *("release_case", "recuse_case", "print_case", "except_case", "reveal_refused"),
    *("second_look", "answer_second_look"),
    *("skip_case", "on_duty", "off_duty"),
    *("amount_case", "draft_authority", "approve_authority", "discard_authority", "configure_queue"),
    *("draft_batch_rule", "approve_batch_rule", "discard_batch_rule"),
    *("submit_strategy", "withdraw_strategy", "approve_strategy", "refuse_strategy", "release_emergency"),
    *("roll_back", "retire_strategy", "cancel_binding", "discard_draft"),
    "read_again",
    *("start_experiment", "ramp_experiment", "end_experiment", "exempt_ask", "exempt_approve", "exempt_end"),
    *("add_source", "change_source", "switch_source", "connect_source", "start_drill", "stop_drill", "change_budget"),
    *("end_keeping", "replace_collectors"),
    *("draft_statement", "adjust_statement", "approve_statement", "discard_statement"),
    *("ask_payout", "follow_up_return", "reroute_drawdown", "switch_programme"),
    *("ask_lead", "book_platform", "switch_platform"),
)


class ReasonRequired(Invalid):
    code, title = "reason_required", "Say why"


class NotAllowed(Forbidden):
    code, title = "not_allowed", "Your groups do not allow this"


def checked(reason: str) -> str:
    """The reason as it is kept. Raises ReasonRequired for fewer than five characters."""
    if len(reason.strip()) < MIN_REASON:
        raise ReasonRequired(fields={"reason": "At least five characters."})
    return reason.strip()[:MAX_REASON]


def record(*, by: str, act: str, subject: str, reason: str, at: datetime, permission: str = "") -> None:
    """Keep an act of "staff:<id>", in the transaction that carries it out. Others (system, a borrower) leave no row:
    what they do is told by events.

    `permission`, where given, is what the account must hold. Raises NotAllowed, ReasonRequired.
    """
    if not by.startswith("staff:"):
        return
    if act not in ACTS:
        raise ValueError(f"{act} is not among the acts that the audit trail knows")
    if permission and not _may(by, permission):
        raise NotAllowed()
    StaffAct.objects.create(by=by, act=act, subject=subject[:80], reason=checked(reason), at=at)


def record_many(*, by: str, act: str, reasons: Mapping[str, str], at: datetime) -> None:
    """As `record`, of many subjects at one go, each with its reason; who may is asked before, by `require`."""
    if not by.startswith("staff:"):
        return
    StaffAct.objects.bulk_create(
        StaffAct(by=by, act=act, subject=subject[:80], reason=checked(reason), at=at)
        for subject, reason in reasons.items()
    )


def require(*, by: str, permission: str) -> None:
    """For acts that need a permission and leave a trace of their own. Raises NotAllowed."""
    if by.startswith("staff:") and not _may(by, permission):
        raise NotAllowed()


def _may(by: str, permission: str) -> bool:
    ident = by.removeprefix("staff:")
    account = User.objects.filter(pk=int(ident)).first() if ident.isdigit() else None
    return account is not None and account.has_perm(permission)
