"""How a vendor behaves, set at run time: slowness, faults, callbacks, forced outcomes. Same seed, same faults."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .store import Store

VENDORS = (
    *("id2", "id2_b", "card4", "card4_b", "ocr", "face", "face_b", "sms"),
    *("phone3", "phone3_b", "phone_list", "device", "blacklist", "aml", "aml_b"),
    *("multi_lender", "operator", "operator_auth", "bureau", "bureau_b", "bankflow"),
    *("heyue", "linjiang", "payment", "wechat", "partner", "bridge", "sunny"),
)

CLOCK = "clock"  # the one control that is no vendor's


class UnknownSetting(ValueError):
    """A setting that does not exist or cannot have this value; the text says which."""


@dataclass(frozen=True)
class Control:
    """Rates are shares of requests, 0 to 1, drawn from (seed, request, how often it came): order does not matter.

    timeout_rate: done, but the answer is held `hang_ms`. lost_rate: held as long, and nothing done.
    duplicate_callbacks: extra deliveries of each event. reorder_callbacks: later events of a subject go out first.
    force: outcome by subject (a demo row's number, an ID number, phone, card or key), in the vendor's own words.
    """

    latency_ms: int = 0
    error_rate: float = 0.0
    error_status: int = 500
    timeout_rate: float = 0.0
    lost_rate: float = 0.0
    hang_ms: int = 30_000
    malformed_rate: float = 0.0
    duplicate_callbacks: int = 0
    reorder_callbacks: bool = False
    callback_delay_ms: int = 0
    drop_callback_rate: float = 0.0
    seed: int = 0
    force: dict[str, str] = field(default_factory=dict)
    # funders: share they approve, time they think. The demo configuration says 2 to 20 s; shortened here.
    approve_rate: float = 0.90
    decide_ms: tuple[int, int] = (200, 1_000)
    # payment: time to settle and until a bank returns the money; shares (of demo identities) returned, paid in part.
    settle_ms: tuple[int, int] = (100, 500)
    return_ms: tuple[int, int] = (1_000, 2_000)
    returns_rate: float = 0.01
    partial_rate: float = 0.0

    def changed(self, settings: Mapping[str, Any]) -> "Control":
        """Raises UnknownSetting; checked here because a misspelt fault would make a test pass for nothing."""
        kinds = {each.name: getattr(self, each.name) for each in fields(self)}
        clean: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in kinds:
                raise UnknownSetting(f"no setting {name!r}; there are {', '.join(kinds)}")
            clean[name] = _checked(name, value, kinds[name])
        return replace(self, **clean)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Controls:
    """Every vendor's settings, kept in memory and in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        saved = store.controls()
        self.offset_seconds = float(saved.pop(CLOCK, {}).get("offset_seconds", 0))
        self._current = {vendor: Control().changed(settings) for vendor, settings in saved.items()}

    def set_clock(self, offset_seconds: float) -> None:
        """How far business times run ahead of real ones where a request does not say its own time."""
        self._store.save_control(CLOCK, {"offset_seconds": offset_seconds})
        self.offset_seconds = offset_seconds

    def of(self, vendor: str) -> Control:
        return self._current.get(vendor) or _DEFAULTS.get(vendor, _DEFAULT)

    def change(self, vendor: str, settings: Mapping[str, Any]) -> Control:
        changed = self.of(vendor).changed(settings)
        self._store.save_control(vendor, changed.as_json())
        self._current[vendor] = changed
        return changed

    def reset(self, vendor: str | None) -> None:
        self._store.reset(vendor)
        if vendor is None:
            self._current.clear()
            self.offset_seconds = 0.0
        else:
            self._current.pop(vendor, None)


_DEFAULT = Control()
_DEFAULTS = {
    "linjiang": Control(approve_rate=0.85, decide_ms=(500, 3_000)),  # says 5 to 60 s; shortened
    "bridge": Control(approve_rate=0.6),
    "sunny": Control(approve_rate=0.7),
}


def chance(*parts: object) -> float:
    """A number in [0, 1) that the parts alone decide."""
    digest = hashlib.blake2b("\n".join(str(part) for part in parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def between(bounds: tuple[int, int], *parts: object) -> float:
    """Seconds between two bounds of milliseconds, decided by the parts."""
    low, high = bounds
    return (low + (high - low) * chance(*parts)) / 1000


def texts(value: Any) -> Iterator[str]:
    """Every text inside a JSON value: where a forced subject may stand."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def _checked(name: str, value: Any, like: Any) -> Any:
    wrong = UnknownSetting(f"{name}: {value!r} is not allowed")
    if isinstance(like, bool):
        if not isinstance(value, bool):
            raise wrong
        return value
    if isinstance(like, tuple):
        if not (isinstance(value, (list, tuple)) and len(value) == 2 and all(type(each) is int for each in value)):
            raise wrong
        if not 0 <= value[0] <= value[1]:
            raise wrong
        return tuple(value)
    if isinstance(like, dict):
        if not isinstance(value, Mapping) or not all(isinstance(word, str) for word in value.values()):
            raise wrong
        return {str(subject): word for subject, word in value.items()}
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise wrong
    if isinstance(like, float):
        if value > 1:
            raise wrong
        return float(value)
    if not isinstance(value, int):
        raise wrong
    return value
