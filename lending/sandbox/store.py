"""What the other side remembers: one SQLite file, so that a killed sandbox forgets nothing it answered for.

Used from the server's event loop alone; each statement commits by itself, except inside `atomic`.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS controls (vendor TEXT PRIMARY KEY, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, vendor TEXT NOT NULL, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    body TEXT NOT NULL, print TEXT NOT NULL, status INTEGER NOT NULL, fault TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS calls_vendor ON calls (vendor, print);
CREATE TABLE IF NOT EXISTS effects (
    vendor TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (vendor, key));
CREATE TABLE IF NOT EXISTS callbacks (
    event_id TEXT PRIMARY KEY, vendor TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, due REAL NOT NULL,
    created REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, copies INTEGER NOT NULL, done_at REAL);
CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (due) WHERE done_at IS NULL;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, phone TEXT NOT NULL, text TEXT NOT NULL, key TEXT NOT NULL UNIQUE, sent_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_phone ON messages (phone);
CREATE TABLE IF NOT EXISTS people (handle TEXT PRIMARY KEY, id_number TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS partner_events (id INTEGER PRIMARY KEY, channel TEXT NOT NULL, body TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Effect:
    """Something done once under a key. `record` is the vendor's own; `digest` of the request tells a reused key."""

    key: str
    digest: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Callback:
    event_id: str
    vendor: str
    url: str
    body: str
    due: float
    created: float
    attempts: int
    copies: int


class Store:
    """`path`: the state file; ":memory:" for a sandbox that is allowed to forget."""

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # NORMAL under WAL survives a killed process; only a power cut could take the last instants.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- controls

    def controls(self) -> dict[str, dict[str, Any]]:
        return {vendor: json.loads(text) for vendor, text in self._db.execute("SELECT vendor, settings FROM controls")}

    def save_control(self, vendor: str, settings: Mapping[str, Any]) -> None:
        self._db.execute("INSERT OR REPLACE INTO controls VALUES (?, ?)", (vendor, json.dumps(settings)))

    def reset(self, vendor: str | None) -> None:
        """Forget controls and calls of one vendor or of all; effects, messages and callbacks stay."""
        named = (vendor, vendor)
        self._db.execute("DELETE FROM controls WHERE ?1 IS NULL OR vendor = ?2", named)
        self._db.execute("DELETE FROM calls WHERE ?1 IS NULL OR vendor = ?2", named)

    # --- calls

    def record_call(
        self, *, vendor: str, at: float, method: str, path: str, body: str, print_: str, status: int, fault: str
    ) -> None:
        row = (vendor, at, method, path, body, print_, status, fault)
        self._db.execute(
            "INSERT INTO calls (vendor, at, method, path, body, print, status, fault) VALUES (?,?,?,?,?,?,?,?)", row
        )

    def times_seen(self, vendor: str, print_: str) -> int:
        found = self._db.execute("SELECT count(*) FROM calls WHERE vendor = ? AND print = ?", (vendor, print_))
        return int(found.fetchone()[0])

    def calls(self, vendor: str, *, limit: int, path: str) -> list[dict[str, Any]]:
        found = self._db.execute(
            "SELECT id, at, method, path, body, status, fault FROM calls"
            " WHERE vendor = ? AND instr(path, ?) ORDER BY id DESC LIMIT ?",
            (vendor, path, limit),
        )
        names = ("id", "at", "method", "path", "body", "status", "fault")
        return [dict(zip(names, row, strict=True)) for row in found]

    def counts(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT vendor, count(*) FROM calls GROUP BY vendor"))

    # --- effects

    def effect(self, vendor: str, key: str) -> Effect | None:
        row = self._db.execute(
            "SELECT key, digest, record FROM effects WHERE vendor = ? AND key = ?", (vendor, key)
        ).fetchone()
        return Effect(row[0], row[1], json.loads(row[2])) if row else None

    def effects(self, vendor: str) -> list[Effect]:
        found = self._db.execute("SELECT key, digest, record FROM effects WHERE vendor = ? ORDER BY at", (vendor,))
        return [Effect(key, digest, json.loads(record)) for key, digest, record in found]

    def add_effect(self, vendor: str, effect: Effect, *, at: float) -> None:
        row = (vendor, effect.key, effect.digest, at, json.dumps(effect.record, ensure_ascii=False))
        self._db.execute("INSERT INTO effects VALUES (?,?,?,?,?)", row)

    def replace_record(self, vendor: str, key: str, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, ensure_ascii=False)
        self._db.execute("UPDATE effects SET record = ? WHERE vendor = ? AND key = ?", (text, vendor, key))

    # --- callbacks

    def add_callback(self, callback: Callback) -> None:
        self._db.execute(
            "INSERT INTO callbacks (event_id, vendor, url, body, due, created, copies) VALUES (?,?,?,?,?,?,?)",
            (
                callback.event_id,
                callback.vendor,
                callback.url,
                callback.body,
                callback.due,
                callback.created,
                callback.copies,
            ),
        )

    def due_callbacks(self, now: float, limit: int) -> list[Callback]:
        found = self._db.execute(
            "SELECT event_id, vendor, url, body, due, created, attempts, copies FROM callbacks"
            " WHERE done_at IS NULL AND due <= ? ORDER BY due LIMIT ?",
            (now, limit),
        )
        return [Callback(*row) for row in found]

    def next_callback_due(self, after: float) -> float | None:
        found = self._db.execute("SELECT min(due) FROM callbacks WHERE done_at IS NULL AND due > ?", (after,))
        due: float | None = found.fetchone()[0]
        return due

    def callback_done(self, event_id: str, at: float) -> None:
        self._db.execute("UPDATE callbacks SET done_at = ? WHERE event_id = ?", (at, event_id))

    def callback_failed(self, event_id: str, due: float) -> None:
        self._db.execute("UPDATE callbacks SET attempts = attempts + 1, due = ? WHERE event_id = ?", (due, event_id))

    # --- messages, people, partner

    def add_message(self, *, phone: str, text: str, key: str, sent_at: str) -> None:
        """Once a key: a request that is repeated because its answer was lost adds nothing."""
        self._db.execute(
            "INSERT OR IGNORE INTO messages (phone, text, key, sent_at) VALUES (?,?,?,?)", (phone, text, key, sent_at)
        )

    def messages(self, phone: str, limit: int) -> list[dict[str, str]]:
        """Newest first; to everybody where `phone` is empty. A `*` in it stands for any one digit: 138****1234."""
        is_it = "phone GLOB ?1" if "*" in phone else "(?1 = '' OR phone = ?1)"
        found = self._db.execute(
            f"SELECT phone, text, key, sent_at FROM messages WHERE {is_it} ORDER BY id DESC LIMIT ?2",  # noqa: S608  one of two
            (phone.replace("*", "[0-9]"), limit),
        )
        return [dict(zip(("phone", "text", "key", "sent_at"), row, strict=True)) for row in found]

    def remember_person(self, handle: str, id_number: str) -> None:
        """`handle`: a phone or card number that was sent together with this ID number."""
        self._db.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", (handle, id_number))

    def person(self, handle: str) -> str | None:
        row = self._db.execute("SELECT id_number FROM people WHERE handle = ?", (handle,)).fetchone()
        return row[0] if row else None

    def add_partner_event(self, channel: str, body: str) -> None:
        self._db.execute("INSERT INTO partner_events (channel, body) VALUES (?, ?)", (channel, body))

    def partner_events(self, channel: str) -> list[Any]:
        found = self._db.execute("SELECT body FROM partner_events WHERE channel = ? ORDER BY id", (channel,))
        return [json.loads(body) for (body,) in found]
