"""Everything about the contracts of one drawdown as one file that anybody can check without us: the evidence (存证)."""

import io
import json
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.models import Contract, ContractState, Signature
from contracts.providers import sealing
from contracts.services import files, sets
from lending import queries as lending
from lending.common import clock
from lending.common.crypto import mask_phone
from lending.common.errors import Conflict
from lending.models import Drawdown
from users import queries as users

ENCLOSED = Path(__file__).parents[1] / "data" / "bundle"


class NothingToBundle(Conflict):
    code, title = "nothing_to_bundle", "This drawdown has no documents yet"


def make(*, drawdown_id: int, at: datetime) -> bytes:
    """A ZIP of every document ever printed for the drawdown, the void ones too, a manifest of what is known of them,
    our signature over that, and a program that checks it all offline (`contracts/data/bundle`).

    Raises NothingToBundle, ContractFileMissing, SealNotConfigured.
    """
    drawdown = Drawdown.objects.select_related("grant").get(pk=drawdown_id)
    rows = Contract.objects.filter(drawdown_id=drawdown_id).exclude(file="").defer("values").order_by("id")
    contracts = list(rows.select_related("template__author", "template__approver", "signature__otp"))
    if not contracts:
        raise NothingToBundle()
    manifest = json.dumps(_manifest(drawdown, contracts, at), ensure_ascii=False, indent=1).encode()
    parts = {_place(contract): files.load(contract) for contract in contracts}
    parts |= {"manifest.json": manifest, "manifest.p7s": sealing.sign_detached(manifest, at=at)}
    parts |= {"certificates.pem": sealing.certificates()}
    parts |= {path.name: path.read_bytes() for path in sorted(ENCLOSED.iterdir()) if path.is_file()}
    return _zipped(parts, at)


def _zipped(parts: dict[str, bytes], at: datetime) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, clock.local(at).timetuple()[:6])
            entry.external_attr = 0o644 << 16
            bundle.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _place(contract: Contract) -> str:
    return f"documents/{contract.number}.pdf"


def _manifest(drawdown: Drawdown, contracts: Iterable[Contract], at: datetime) -> dict[str, Any]:
    live = {each.kind: each for each in contracts if each.state != ContractState.VOID}
    in_set = {live[kind].pk for kind in sets.set_kinds(drawdown, live) if kind in live}
    signatures = {each.signature.pk: each.signature for each in contracts if each.signature}
    return {
        "format": 1,
        "made_at": _instant(at),
        "drawdown": str(drawdown.public_id),
        "set_sha256": drawdown.contract_set_sha256 if in_set else None,
        "documents": [_document(each, each.pk in in_set) for each in contracts],
        "signatures": [_signature(each) for each in signatures.values()],
        "events": [
            {"at": _instant(each.occurred_at), "from": each.source, "to": each.target, "by": each.actor}
            for each in lending.timeline(drawdown.grant.application_id, drawdown_id=drawdown.pk)
        ],
    }


def _document(contract: Contract, in_set: bool) -> dict[str, Any]:
    template = contract.template
    return {
        "file": _place(contract),
        "number": contract.number,
        "kind": contract.kind,
        "state": str(contract.state),
        "in_set": in_set,
        "sha256": contract.sha256,
        "bytes": contract.size,
        "shown_sha256": contract.rendered_sha256,
        "shown_bytes": contract.rendered_size,
        "signature": str(contract.signature.public_id) if contract.signature else None,
        "issued_at": _instant(contract.created_at),
        "first_opened_at": _instant(contract.first_opened_at),
        "signed_at": _instant(contract.signed_at),
        "sealed_at": _instant(contract.sealed_at),
        "voided_at": _instant(contract.voided_at),
        "template": {
            "code": template.code,
            "version": template.version,
            "sha256": template.source_sha256,
            "written_by": template.author.get_full_name(),
            "approved_by": template.approver.get_full_name() if template.approver else None,
            "approved_at": _instant(template.approved_at),
        },
    }


def _signature(signature: Signature) -> dict[str, Any]:
    code = signature.otp
    return {
        "id": str(signature.public_id),
        "documents": signature.documents,
        "set_sha256": signature.set_sha256,
        "cost_sheet_opened_at": _instant(signature.cost_sheet_opened_at),
        "signed_at": _instant(signature.signed_at),
        "from_ip": signature.ip,
        "code": {
            "sent_to": mask_phone(users.person(signature.user_id).phone),
            "asked_from_ip": code.ip,
            "sent_at": _instant(code.created_at),
            "expires_at": _instant(code.expires_at),
            "used_at": _instant(code.used_at),
        },
    }


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else None
