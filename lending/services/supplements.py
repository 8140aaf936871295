"""What a reviewer asks for, and what the borrower brings (补件)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from lending.common import documents, money, text, vault
from lending.common.documents import Clean
from lending.common.errors import Conflict, Invalid, NotFound
from lending.models import Application, ApplicationStatus, Lifetime, Supplement, SupplementItem
from lending.services import applications
from users.services import consents, messages

AMOUNT = "amount"  # the kind whose answer, in yuan, is what the borrower asks for from then on


class SupplementClosed(Conflict):
    code, title = "supplement_closed", "These documents are no longer asked for"


class SupplementAnswered(Conflict):
    code, title = "supplement_answered", "We have these documents already"


def request(*, application_id: int, items: Sequence[tuple[str, str]], by: str, at: datetime) -> int:
    """REFERRED → SUPPLEMENT with what is asked for: (kind, sentence to the borrower) each."""
    if not items or len({kind for kind, _ in items}) != len(items):
        raise Invalid("Name each thing that is asked for, once.", fields={"items": "empty or repeated"})
    application = applications.lock(application_id)
    applications.check_can(application, "ask_supplement")
    ttl = Lifetime.objects.get(thing="supplement").ttl_seconds
    supplement = Supplement.objects.create(
        application=application, requested_by=by, requested_at=at, expires_at=at + timedelta(seconds=ttl)
    )
    SupplementItem.objects.bulk_create(
        SupplementItem(supplement=supplement, kind=kind, request_text=sentence) for kind, sentence in items
    )
    applications.move(application, "ask_supplement", by=by, at=at)
    messages.queue(
        user_id=application.user_id,
        template="supplement_requested",
        params={"hours": ttl // 3600, "count": len(items), "link": _link(application)},
        key=f"supplement-{supplement.pk}",
        at=at,
    )
    return supplement.pk


def _link(application: Application) -> str:
    """To the list, behind the sign-in."""
    return f"{settings.PUBLIC_URL}/applications/{application.public_id}/supplement/"


def answer(
    *,
    application_id: int,
    texts: Mapping[str, str],
    files: Mapping[str, bytes],
    by: str,
    at: datetime,
) -> None:
    """SUPPLEMENT → REFERRED once every item has a text or a file, by kind.

    Raises Invalid with the ones missing or an amount that the product does not lend, ConsentMissing where a file comes
    without a live agreement of the account, UnreadableFile, UnusableText, SupplementClosed, and SupplementAnswered for
    the same ones a second time.
    """
    application = applications.lock(application_id)
    if application.status == ApplicationStatus.REFERRED and _answered(application):
        raise SupplementAnswered("What you sent before is being looked at.")
    applications.check_can(application, "resume")
    supplement = Supplement.objects.filter(application=application, answered_at=None, closed_at=None).first()
    if supplement is None:
        raise NotFound("Nothing is asked for.")
    if at > supplement.expires_at:
        raise SupplementClosed("The time to bring them is over.")
    kinds = {item.kind: item for item in supplement.items.all()}
    fields = dict.fromkeys({*texts, *files} - set(kinds), "not asked for")
    fields |= {kind: "missing" for kind in kinds if not texts.get(kind, "").strip() and kind not in files}
    if fields:
        raise Invalid("Bring exactly what is asked for.", fields=fields)
    if files:
        consents.require(user_id=application.user_id, code="service", recipient="platform", at=at)
    text.check_words(texts)
    if AMOUNT in kinds:
        applications.ask_other(application, amount_cents=money.cents(texts.get(AMOUNT, "").strip()))
    brought = documents.cleaned(files)
    for kind, item in kinds.items():
        _store(item, texts.get(kind, "").strip(), brought.get(kind))
    supplement.answered_at = at
    supplement.save(update_fields=["answered_at"])
    applications.move(application, "resume", by=by, at=at)


def _answered(application: Application) -> bool:
    return Supplement.objects.filter(application=application, answered_at__isnull=False).exists()


def _store(item: SupplementItem, words: str, file: Clean | None) -> None:
    item.answer_text = words or None
    if file is not None:
        item.file_sha256, item.file_size = hashlib.sha256(file.content).hexdigest(), len(file.content)
        item.file.name = vault.save(f"supplements/{item.file_sha256}.{file.ending}.enc", file.content)
    item.save(update_fields=["answer_text", "file", "file_sha256", "file_size"])


def file_names() -> Iterator[str]:
    """Of every file that was brought."""
    return SupplementItem.objects.exclude(file="").order_by("pk").values_list("file", flat=True).iterator()
