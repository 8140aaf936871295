"""The back office of users: shows everything, masked; edits nothing but lists and notices."""

from users.admin import consents, outbox, people, registers

__all__ = ["consents", "outbox", "people", "registers"]
