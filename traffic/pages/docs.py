"""The partners' guide: the signature with its numbers, the words, the errors and the samples are those that run."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from lending.common import signed, web
from traffic import queries, services
from traffic.rules import fieldmap

SAMPLES = Path("docs") / "clients" / "partner"
FILES = (
    ("python/partner.py", "python3 partner.py --platform {platform} --sandbox {sandbox}"),
    ("java/Partner.java", "java Partner.java {platform} loanhub sandbox-LOANHUB sandbox-precheck-LOANHUB"),
    ("curl/partner.sh", "PLATFORM={platform} bash partner.sh"),
)
# Worked through with numbers: of no channel that exists anywhere but in a sandbox.
SECRET = "sandbox-LOANHUB"  # noqa: S105
EXAMPLES = (
    ("GET", "/partner/v1/events", "limit=100&after=41", "1772416800", "7f3c0a9e2b5d4c18", ""),
    (
        "POST", "/partner/v1/quote", "", "1772416801", "7f3c0a9e2b5d4c19",
        '{"product": "LINE", "amount_cents": 1000000, "months": 12}',
    ),
)  # fmt: skip

# Digits 15 to 17 of the number decide; the sandbox takes any name and phone with it.
PERSONAS = (
    (_("Approved, paid out"), "330106199003070014", "GRANTED … PAID"),
    (_("A person decides"), "330106199003079019", _("REVIEWING, until a reviewer decides in the back office")),
    (_("Declined"), "330106199003079115", _("DECLINED with reason_classes and reapply_at")),
    (
        _("The bank refuses the first card"),
        "330106199003079211",
        _("NEED_CARD with a card that ends in an even digit; an odd one works"),
    ),
    (_("Paid out, then returned"), "330106199003079318", _("PAID, then PAY_FAILED")),
    (
        _("The first lender refuses"),
        "330106199003079414",
        _("DRAWDOWN_REVIEWING again, then the next lender's contracts"),
    ),
    (_("No such person"), "330106199003070015", _("422 invalid_id_number: the check digit is wrong")),
)


class GuidePage(web.Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(
            "traffic/docs/guide.html" if get_language() == "en" else "traffic/docs/guide_zh.html",
            examples=[_worked(*one) for one in EXAMPLES],
            secret=SECRET,
            words=queries.dictionary(),
            errors=services.errors(),
            fields=[(name, name in fieldmap.NEEDED) for name in fieldmap.FIELDS],
            personas=[dict(zip(("outcome", "id_number", "sees"), one, strict=True)) for one in PERSONAS],
            samples=_samples(settings.PUBLIC_URL, getattr(settings, "SANDBOX_URL", "")),
            window=signed.WINDOW_SECONDS,
        )


def _worked(method: str, path: str, query: str, timestamp: str, nonce: str, body: str) -> dict[str, str]:
    said = {"method": method, "path": path, "query": query, "timestamp": timestamp, "nonce": nonce}
    text = signed.canonical(**said, body=body.encode())
    return {**said, "body": body, "text": text, "signature": signed.sign(SECRET, text)}


@cache
def _samples(platform: str, sandbox: str) -> tuple[dict[str, str], ...]:
    where = {"platform": platform, "sandbox": sandbox or "http://127.0.0.1:8100"}
    return tuple(
        {
            "name": name,
            "command": command.format(**where),
            "text": (settings.BASE_DIR / SAMPLES / name).read_text(encoding="utf-8"),
        }
        for name, command in FILES
    )
