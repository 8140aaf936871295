"""How this app's rows are shown."""

import json

from django.utils.html import format_html
from django.utils.safestring import SafeString


def pretty(value: object) -> SafeString:
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="max-h-96 overflow-auto whitespace-pre-wrap text-xs">{}</pre>', text)
