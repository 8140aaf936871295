"""An upstream partner's receiver of our status events."""

import json

from ..door import Answer, Call


def receive(call: Call) -> Answer:
    call.store.add_partner_event(call.path["channel"], json.dumps(call.body, ensure_ascii=False))
    return Answer({"received": True})


ROUTES = (("partner", "POST", "/partner/{channel}/events", receive),)
