"""What this app holds about a borrower, as it is handed over to them."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lending.common.errors import NotFound
from lending.common.held import Held, Rows, all_rows, plain
from users.models import (
    AccessLog,
    BankCard,
    Certificate,
    Check,
    CollectedFeatures,
    Consent,
    Contact,
    Device,
    FaceReview,
    LoginCode,
    Message,
    OperatorAuthorisation,
    Profile,
    Tag,
    Token,
    User,
    UserLevel,
    UserLevelChange,
    WechatIdentity,
)
from users.queries.certificates import stored

HELD = (
    Held(User, "pk", only=("public_id", "phone", "language", "is_active", "created_at")),
    Held(Profile, "user_id"),
    Held(Contact, "user_id"),
    Held(BankCard, "user_id", without=("number",)),
    Held(Device, "user_id"),
    Held(CollectedFeatures, "user_id"),
    Held(Consent, "user_id"),
    Held(Certificate, "user_id"),
    Held(Check, "user_id", without=("liveness",)),
    Held(OperatorAuthorisation, "user_id", without=("token", "code", "page")),
    Held(FaceReview, "user_id", without=("decided_by",)),
    Held(Message, "user_id"),
    Held(Tag, "user_id", without=("source", "reason")),
    Held(UserLevel, "user_id"),
    Held(UserLevelChange, "user_id"),
    Held(Token, "user_id"),
    Held(WechatIdentity, "user_id"),
)
LEFT_OUT = {
    "users.Tag.source": "Which rule or colleague put it on: notes of staff, and rules against fraud",
    "users.Tag.reason": "As its source",
    "users.WechatTicket": "Lives for ten minutes and says nothing that the identity does not",
    "users.BankCard.number": "The last four digits stand for it, so that this file is no card",
    "users.Check.liveness": "A spent token of the face vendor, worth nothing to anybody",
    "users.OperatorAuthorisation.token": "Opens your operator's report to us alone; ask your operator for its own",
    "users.OperatorAuthorisation.code": "A code of your operator, there for seconds",
    "users.OperatorAuthorisation.page": "A page of your operator, there for minutes",
    "users.FaceReview.decided_by": "Which colleague it was; ask a person for the rest",
    "users.ListEntry": "Lists against fraud: entries name nobody, and telling would defeat them",
    "users.Erasure": "There is none while you can ask for this file",
    "users.StaffAct": "What staff did on your behalf is told by its effect; ask a person for the rest",
}


def held(user_id: int) -> Rows:
    """By table. Codes are found by the number, accesses by the account."""
    rows = all_rows(HELD, user_id)
    index = User.objects.values_list("phone_index", flat=True).get(pk=user_id)
    columns = ("purpose", "subject", "ip", "notice_accepted", "created_at", "used_at")
    rows[LoginCode._meta.label] = _plain(LoginCode.objects.filter(phone_index=index).order_by("pk").values(*columns))
    looked = AccessLog.objects.filter(subject=f"user:{user_id}").order_by("pk")
    rows[AccessLog._meta.label] = _plain(looked.values("fields", "at"))
    return rows


def files_of(user_id: int) -> Iterator[tuple[str, bytes]]:
    """The documents kept for the borrower, replaced ones that a check stands on too: a name for each, and its bytes."""
    for row in Certificate.objects.filter(user_id=user_id).exclude(file="").order_by("pk"):
        ending = row.file.removesuffix(".enc").rpartition(".")[2]
        with suppress(NotFound):
            yield f"{row.kind}-{row.pk}.{ending}", stored(row.file)


def _plain(found: Any) -> list[dict[str, Any]]:
    return [plain(row) for row in found]
