"""Signing in, as a borrower who already has a phone with us."""

import re
from datetime import datetime

from tests.factories.borrowers import IP
from users import queries as users
from users.models import Message
from users.services import auth


def access_token(user_id: int, at: datetime) -> str:
    """A fresh access token, against a code read where the borrower would: in the message."""
    phone = users.person(user_id).phone
    auth.request_code(phone=phone, purpose="login", ip=IP, at=at, notice_accepted=True)
    found = re.search(r"\b\d{6}\b", Message.objects.latest("pk").text)
    assert found
    return auth.exchange(phone=phone, code=found.group(), accepted={}, ip=IP, at=at).access
