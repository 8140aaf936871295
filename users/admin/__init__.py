"""The back office of users: shows everything, masked; edits nothing but lists and notices."""

from users.admin import collected, consents, lists, operator, outbox, people, registers, sources, tags, wechat

__all__ = ["collected", "consents", "lists", "operator", "outbox", "people", "registers", "sources", "tags", "wechat"]
