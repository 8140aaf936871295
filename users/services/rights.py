"""What borrowers may ask for over their data, each with a fresh code: a copy of it, and to have it erased."""

from datetime import datetime

from users import queries
from users.models import CodePurpose
from users.services import access, codes, messages


def allow_export(*, user_id: int, code: str, by: str, at: datetime) -> None:
    """Use the code for a copy of the data up, write it to the access log, and tell the phone, before anything is read.

    Raises WrongCode, TooManyTries, TooManyWrongCodes, NotFound.
    """
    account = queries.account(user_id)
    otp_id = codes.verify_code(phone=account.phone, purpose=CodePurpose.EXPORT, subject="", code=code, at=at)
    reason = "asked for a copy of their own data"
    access.record(by=by, subject=f"user:{user_id}", fields=["everything"], reason=reason, at=at)
    messages.queue(user_id=user_id, template="data_taken", params={}, key=f"data-taken-{otp_id}", at=at)
