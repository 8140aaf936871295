"""The shipped tables, and staff."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError

from users import queries
from users.models import Document, Level, Source, User
from users.services import accounts, configuration

ON = {
    *("lists", "id2", "id2_b", "phone3", "phone3_b", "phone_list", "device", "ocr", "blacklist", "aml", "aml_b"),
    *("card4", "card4_b", "multi_lender", "operator", "operator_auth", "bureau", "bureau_b", "bankflow", "sms"),
}


class TestLoad:
    def test_again_changes_nothing(self, tables: None, at: datetime) -> None:
        def everything() -> list[object]:
            return [list(model.objects.order_by("pk").values()) for model in (Source, Level, Document)]

        configuration.load(at=at)
        before = everything()
        configuration.load(at=at)
        assert everything() == before

    def test_switches_on_what_this_configuration_uses(self, tables: None) -> None:
        assert set(Source.objects.filter(enabled=True).values_list("code", flat=True)) == ON
        assert {"face", "face_b"} <= set(Source.objects.filter(enabled=False).values_list("code", flat=True))

    def test_the_full_set_to_stage_three_costs_what_the_design_says(self, tables: None) -> None:
        fallbacks = Source.objects.exclude(fallback=None).values("fallback")
        rows = Source.objects.exclude(pk__in=fallbacks).filter(stage__in=(1, 2, 3))
        assert sum(rows.values_list("price_cents", flat=True)) == 1005

    def test_every_source_may_send_under_its_document(self, tables: None, at: datetime) -> None:
        for source in Source.objects.all():
            document = queries.document(source.consent_code, at)
            assert document is not None, source
            assert source.recipient in document.recipients, source

    def test_a_source_and_its_fallback_share_the_recipient(self, tables: None) -> None:
        for source in Source.objects.exclude(fallback=None).select_related("fallback"):
            assert (source.recipient, source.consent_code) == (source.fallback.recipient, source.fallback.consent_code)

    def test_keeps_what_the_installation_set(self, tables: None) -> None:
        row = Source.objects.get(code="bureau")
        row.endpoint, row.credentials = "https://bureau.example.com/v9", {"client_id": "us", "secret": "theirs"}
        row.save()
        configuration.load_sources()
        source = queries.source("bureau")
        assert (source.endpoint, source.secret) == ("https://bureau.example.com/v9", "theirs")
        assert "theirs" not in repr(source)

    def test_a_path_without_a_host_is_said_so(self, tables: None, settings) -> None:
        del settings.SANDBOX_URL
        with pytest.raises(queries.SourceWithoutAddress):
            queries.source("bureau")

    def test_documents_speak_both_languages(self, tables: None) -> None:
        for document in Document.objects.all():
            assert len(document.body_en) > 50, document
            assert len(document.body_zh) > 10, document
            assert document.recipients or document.named_recipients, document

    def test_a_changed_text_needs_a_new_version(self, tables: None, at: datetime, tmp_path, monkeypatch) -> None:
        name = "consents_and_documents.json"
        text = (configuration.TABLES / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("五个工作日内答复", "十个工作日内答复"), encoding="utf-8")
        monkeypatch.setattr(configuration, "TABLES", tmp_path)
        with pytest.raises(configuration.DocumentChanged):
            configuration.load_documents(at=at)

    def test_documents_come_in_the_order_of_signing(self, tables: None, at: datetime) -> None:
        codes = [document.code for document in queries.documents(at, "apply")]
        assert codes[:3] == ["identity", "credit_query", "bureau_query"]
        assert [document.code for document in queries.documents(at, "drawdown")] == [
            "biometric",
            "funder_share",
            "funder_bureau",
        ]


class TestStaff:
    def test_sign_in_with_their_groups(self, db: None, at: datetime) -> None:
        configuration.load_groups()
        configuration.load_staff(at=at, password="demo-only-2026")
        user = authenticate(username="senior.zhao", password="demo-only-2026")
        assert user is not None
        assert set(user.groups.values_list("name", flat=True)) == {"initial_reviewer", "final_reviewer"}
        assert user.has_perm("users.reveal_personal_data")
        assert user.has_perm("review.view_case") or not user.has_perm("review.add_case")
        assert not user.has_perm("users.change_user")
        assert User.objects.get(username="admin").is_superuser

    def test_again_keeps_passwords(self, tables: None, at: datetime) -> None:
        configuration.load_staff(at=at, password="demo-only-2026")
        configuration.load_staff(at=at, password="another-one-2026")
        assert authenticate(username="admin", password="demo-only-2026") is not None
        assert User.objects.filter(kind="staff").count() == 16

    def test_a_weak_password_is_refused(self, db: None, at: datetime) -> None:
        with pytest.raises(ValidationError):
            accounts.make_staff(username="someone", password="12345678", at=at)

    def test_a_borrower_has_no_password_to_guess(self, tables: None, at: datetime) -> None:
        accounts.ensure_user(phone="13912345678", at=at)
        assert authenticate(username="", password="") is None
        assert Decimal(1) == queries.level(User.objects.get().pk).limit_factor
