"""Changing keys beside a platform that works: everything comes under the newest one, and reads as before."""

import base64
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from contracts.models import Contract, Kind
from lending import queries
from lending.common import crypto, reencrypt
from lending.models import SupplementItem
from lending.services import supplements
from tests.factories.applications import judged
from tests.unit.contracts.conftest import Desk
from users.models import BankCard, Profile

NEW = base64.b64encode(b"a newer key of thirty-two bytes!").decode()


def said(*options: str) -> str:
    out = StringIO()
    call_command("reencrypt", *options, stdout=out)
    return out.getvalue()


def values() -> list[Any]:
    """Every encrypted value of the installation, as code reads it."""
    return [
        list(model._default_manager.order_by("pk").values_list(field.attname, flat=True))
        for model, field in reencrypt.columns()
    ]


SLIP = b"%PDF-1.7 salary\n%%EOF"


def supplements_brought(at: datetime) -> str:
    """The name of a file that a borrower brought."""
    pk = judged(at, "refer")
    supplements.request(application_id=pk, items=[("slip", "Salary")], by="staff:1", at=at)
    supplements.answer(application_id=pk, texts={}, files={"slip": SLIP}, by="user:1", at=at)
    return str(SupplementItem.objects.get(kind="slip").file.name)


class TestReencrypt:
    def test_leaves_nothing_under_the_older_key_and_reads_the_same(
        self, desk: Desk, media: Path, settings: Any
    ) -> None:
        drawdown_id, brought = desk.sealed(), supplements_brought(desk.clock.at)
        before, pdf = values(), desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT)
        old = list(settings.FIELD_ENCRYPTION_KEYS)
        assert said("--check").endswith("0 under an older key\n")

        settings.FIELD_ENCRYPTION_KEYS = [NEW, *old]
        files = Contract.objects.exclude(file="").count()
        with pytest.raises(SystemExit):
            said("--check")
        assert values() == before

        # Stopped after its first row; then run to the end, a row at a time.
        assert next(reencrypt.column(BankCard, BankCard._meta.get_field("number"), batch=1)) == 1  # type: ignore[arg-type]
        told = said("--batch", "1")
        assert f"contract files: {files}\n" in told
        assert "supplement files: 1\n" in told
        assert "users_bankcard.number" not in told
        assert "users_bankcard.holder: 1\n" in told
        assert said("--check").endswith("0 under an older key\n")
        assert said().endswith("0 re-encrypted\n")

        settings.FIELD_ENCRYPTION_KEYS = [NEW]
        assert values() == before
        assert desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT) == pdf
        assert queries.brought_file(brought) == SLIP
        assert [path for path in media.rglob("*") if path.name.endswith(".new")] == []

    def test_stops_where_a_key_is_gone(self, desk: Desk, settings: Any) -> None:
        desk.signing()
        settings.FIELD_ENCRYPTION_KEYS = [NEW]
        with pytest.raises(crypto.UnknownKey):
            said()

    def test_does_not_overwrite_what_was_written_meanwhile(self, desk: Desk, settings: Any) -> None:
        desk.signing()
        field = Profile._meta.get_field("name")
        settings.FIELD_ENCRYPTION_KEYS = [NEW, *settings.FIELD_ENCRYPTION_KEYS]
        Profile.objects.update(name="李雷")
        assert reencrypt.left(Profile, field) == 0  # type: ignore[arg-type]
        assert list(reencrypt.column(Profile, field)) == []  # type: ignore[arg-type]
        assert set(Profile.objects.values_list("name", flat=True)) == {"李雷"}
