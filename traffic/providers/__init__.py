"""The register of protocols: a new platform = a file, a row here, a page in the sandbox."""

from collections.abc import Callable, Mapping
from typing import Any

from . import bridge, sunny
from .base import Callback, PlatformDesk

PLATFORMS: dict[str, PlatformDesk] = {"bridge-v1": bridge.BridgeV1(), "sunny-v1": sunny.SunnyV1()}

# Who may call back: whose rows its events may settle, and how an event is read.
CALLBACKS: dict[str, tuple[str, Callable[[Mapping[str, Any]], Callback]]] = {
    bridge.VENDOR: ("bridge-v1", bridge.read_callback),
    sunny.VENDOR: ("sunny-v1", sunny.read_callback),
}
