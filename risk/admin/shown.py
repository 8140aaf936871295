"""How this app's rows are shown."""

import json

from django.utils.html import format_html
from django.utils.safestring import SafeString

from lending.common.money import format_cents


def pretty(value: object) -> SafeString:
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="office-json" tabindex="0">{}</pre>', text)


def value(found: object, unit: str) -> str:
    """A variable's value in words: amounts in yuan, the others with their unit; "unknown" where nothing is known."""
    if found is None:
        return "unknown"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, list):
        return ", ".join(map(str, found)) + (f" {unit}" if unit and found else "") or "empty"
    if unit == "cents" and isinstance(found, int):
        return format_cents(found)
    return f"{found} {unit}".strip()
