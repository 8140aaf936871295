"""Reading one-time codes off the text messages that the sandbox's gateway shows, newest first, each with its key."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

Messages = Sequence[Mapping[str, str]]


def newest(messages: Messages) -> str:
    """The key to remember before asking for a code; "" where there is no message yet."""
    return messages[0]["key"] if messages else ""


def code_after(messages: Messages, seen: str, about: Sequence[str] = ()) -> str | None:
    """The newest code among the messages that came after the one with key `seen`, and name one of `about`."""
    fresh = takewhile(lambda message: message["key"] != seen, messages)
    fitting = (message["text"] for message in fresh if not about or any(word in message["text"] for word in about))
    found = (re.search(r"\b(\d{6})\b", text) for text in fitting)
    return next((match.group(1) for match in found if match), None)
