"""The back office of users: shows everything, masked; edits nothing but lists and notices."""

from users.admin import consents, lists, outbox, people, registers, sources, tags, wechat

__all__ = ["consents", "lists", "outbox", "people", "registers", "sources", "tags", "wechat"]
