"""SMS gateway. What it sent is shown at `GET /sms?phone=`: there is no telephone in a demo."""

from typing import Any
from uuid import uuid4

from ..door import Answer, Call, Refused, once
from ..store import Callback


def send(call: Call) -> Answer:
    phone, text = call.text("phone"), call.text("text")
    if not phone.lstrip("+").isdecimal():
        raise Refused("invalid_phone", "not a phone number")
    if call.forced(call.person()) == "refused":
        raise Refused("blocked_number", "the carrier refuses this number")

    def make() -> tuple[dict[str, Any], list[Callback]]:
        return {"message_id": uuid4().hex, "phone": phone, "text": text, "sent_at": call.instant(call.now)}, []

    record = once(call, make)
    call.store.add_message(phone=phone, text=text, key=call.text("key"), sent_at=record["sent_at"])
    return Answer({"message_id": record["message_id"], "key": call.text("key"), "status": "sent"}, 202)


ROUTES = (("sms", "POST", "/sms/v1/messages", send),)
