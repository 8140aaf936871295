"""Datasets in the back office: three ways to get one, every fault shown, the rows only for whoever says why."""

from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from lending.management.commands.bootstrap import DEMO_PASSWORD
from risk.models import Dataset
from risk.rules import tabular
from tests.conftest import Clock
from tests.factories.configuration import bootstrap
from users.models import AccessLog

CSV = b"ref,months,checking,bad,group:sex\na,12,low,1,female\nb,24,,0,male\n"


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


@pytest.fixture
def analyst(configured: None) -> Client:
    return signed_in("analyst.lin")


def upload(client: Client, content: bytes) -> Any:
    file = SimpleUploadedFile("rows.csv", content, "text/csv")
    body = {"upload-name": "rows", "upload-scenario": "credit", "upload-file": file}
    return client.post(reverse("admin:risk_dataset_new_by", args=["upload"]), body)


class TestGetting:
    def test_an_uploaded_file_is_shown_with_its_counts(self, analyst: Client) -> None:
        answer = upload(analyst, CSV)
        made = Dataset.objects.get()
        assert answer["Location"] == reverse("admin:risk_dataset_change", args=[made.pk])
        shown = analyst.get(answer["Location"]).content.decode()
        assert "50.0% of those with an outcome" in shown
        assert "group, for fairness alone" in shown
        assert "50.0%" in analyst.get(reverse("admin:risk_dataset_changelist")).content.decode()

    def test_a_broken_file_is_shown_fault_by_fault_and_keeps_nothing(self, analyst: Client) -> None:
        answer = upload(analyst, b"months,sex\n12,f\n")
        assert answer.status_code == 422
        assert "group:sex" in answer.content.decode()
        assert "protected_column" in answer.content.decode()
        assert not Dataset.objects.exists()

    def test_a_file_of_more_than_twenty_megabytes_is_refused_by_name(self, analyst: Client) -> None:
        answer = upload(analyst, b"months\n" + b"1" * tabular.MAX_BYTES)
        assert (answer.status_code, "too_large" in answer.content.decode()) == (422, True)
        assert tabular.MAX_BYTES < settings.MAX_STAFF_UPLOAD_SIZE

    def test_the_sample_is_taken_in_one_click(self, analyst: Client) -> None:
        analyst.post(reverse("admin:risk_dataset_new_by", args=["sample"]), {"sample-scenario": "credit"})
        assert Dataset.objects.get().bad_count == 300

    def test_no_decisions_are_said_to_be_none(self, analyst: Client) -> None:
        body = {"since": "2020-01-01", "until": "2020-01-02", "scenario": "credit", "months_on_book": 6}
        place = reverse("admin:risk_dataset_new_by", args=["decisions"])
        answer = analyst.post(place, {f"decisions-{name}": value for name, value in body.items()})
        assert (answer.status_code, "No stored decision" in answer.content.decode()) == (422, True)

    def test_an_auditor_reads_and_gets_none(self, configured: None) -> None:
        client = signed_in("audit.xu")
        assert client.get(reverse("admin:risk_dataset_changelist")).status_code == 200
        assert client.get(reverse("admin:risk_dataset_new")).status_code == 403
        assert upload(client, CSV).status_code == 403


class TestDownload:
    def test_records_who_and_why_and_then_sends_the_rows(self, analyst: Client) -> None:
        upload(analyst, CSV)
        made = Dataset.objects.get()
        place = reverse("admin:risk_dataset_rows", args=[made.pk])
        assert b"a,12,low" not in analyst.get(place).content
        assert b"a,12,low" not in analyst.post(place, {"reason": ""}).content
        assert not AccessLog.objects.exists()
        answer: Any = analyst.post(place, {"reason": "to look at outliers"})
        assert b"".join(answer.streaming_content).replace(b"\r\n", b"\n") == CSV
        assert AccessLog.objects.get().subject == f"dataset:{made.pk}"
        assert signed_in("audit.xu").post(place, {"reason": "to look at outliers"}).status_code == 403
