"""Text messages, protocol sms-v1. The key makes a repeated send one message at the gateway."""

from lending.common import http
from users.providers.base import malformed
from users.providers.drilled import heed
from users.queries import SourceView


def send(source: SourceView, *, key: str, phone: str, text: str) -> str:
    """The gateway's message id. Raises TransientError, UnknownOutcome, PermanentError."""
    heed(source)
    reply = http.call(
        vendor=source.code,
        method="POST",
        url=source.endpoint,
        json={"key": key, "phone": phone, "text": text},
        client_id=source.client_id,
        secret=source.secret,
        timeout_ms=source.timeout_ms,
    )
    message_id = reply.get("message_id")
    if not isinstance(message_id, str) or not message_id:
        raise malformed(source, "message_id")
    return message_id[:80]
