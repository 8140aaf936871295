"""Reading one-time codes off the text messages that the sandbox's gateway shows, newest first, each with its key."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

Messages = Sequence[Mapping[str, str]]


def newest(messages: Messages) -> str:
    """The key to remember before asking for a code; "" where there is no message yet."""
    return messages[0]["key"] if messages else ""


def code_after(messages: Messages, seen: str) -> str | None:
    """The newest code among the messages that came after the one with key `seen`."""
    fresh = takewhile(lambda message: message["key"] != seen, messages)
    found = (re.search(r"\b(\d{6})\b", message["text"]) for message in fresh)
    return next((match.group(1) for match in found if match), None)
