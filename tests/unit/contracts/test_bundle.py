"""The evidence of one drawdown: whoever has the file needs nothing of ours to see whether it holds."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contracts import services
from contracts.models import Contract, Kind
from contracts.providers import sealing
from contracts.services import bundle, files
from lending.common import vault
from tests.unit.contracts.conftest import Desk
from users.models import AccessLog, User

KINDS = [Kind.COST_SHEET, Kind.LOAN_AGREEMENT, Kind.DEBIT_MANDATE]


def opened(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        made.extractall(folder)
    return folder


def checked(folder: Path) -> tuple[int, str]:
    """By Python alone: nothing that is installed here, no setting, no address."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py")]
    told = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60)
    return told.returncode, told.stdout + told.stderr


@pytest.fixture
def made(desk: Desk, tmp_path: Path) -> Path:
    """Of a drawdown whose first set became void, and whose second is signed and sealed."""
    drawdown_id = desk.rendered()
    services.void(drawdown_id=drawdown_id, at=desk.clock.at)
    services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
    desk.work()
    desk.read(drawdown_id)
    desk.sign(drawdown_id)
    desk.work()
    return opened(bundle.make(drawdown_id=drawdown_id, at=desk.clock.at), tmp_path / "bundle")


def test_it_holds_and_says_what_was_shown_signed_and_sealed(made: Path) -> None:
    status, told = checked(made)
    assert status == 0, told
    assert "NOT " not in told
    assert "Fingerprint=" in told
    manifest = json.loads((made / "manifest.json").read_text())
    assert [row["state"] for row in manifest["documents"]].count("VOID") == 3
    live = [row for row in manifest["documents"] if row["in_set"]]
    assert [row["kind"] for row in live] == KINDS
    (signature,) = manifest["signatures"]
    assert {row["signature"] for row in live} == {signature["id"]}
    assert signature["from_ip"] == "127.0.0.1"
    assert signature["code"]["sent_to"].count("*") == 4
    assert manifest["set_sha256"]
    assert [event["to"] for event in manifest["events"]][-1] == "SIGNED"
    words = (made / "manifest.json").read_text()
    contract = Contract.objects.filter(kind=Kind.LOAN_AGREEMENT).latest("pk")
    for secret in (contract.values["borrower_id_number"], contract.values["borrower_name"], "code_hash"):
        assert secret not in words


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _another_document(folder: Path) -> None:
    shutil.copy(next((folder / "documents").iterdir()), folder / "documents" / "LA-1.pdf")


def _without_one(folder: Path) -> None:
    next((folder / "documents").glob("LA-*")).unlink()


def _other_words(folder: Path) -> None:
    words = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(words.replace('"from_ip": "127.0.0.1"', '"from_ip": "127.0.0.2"'))


def _another_certificate(folder: Path) -> None:
    """The manifest signed again by somebody else, whose certificate is put beside it as if it were ours."""
    sealing.write_self_signed(f"file:{folder}/x/key.pem", f"file:{folder}/x/certificate.pem")
    shutil.copy(folder / "x" / "certificate.pem", folder / "certificates.pem")


CHANGES: list[tuple[Callable[[Path], Any], str]] = [
    (lambda folder: _longer(next((folder / "documents").glob("LA-*"))), "is unchanged"),
    (lambda folder: _longer(next((folder / "documents").glob("CS-*"))), "is unchanged"),
    (_another_document, "no other documents"),
    (_without_one, "is there"),
    (_other_words, "is signed with the key"),
    (lambda folder: _longer(folder / "manifest.json"), "is signed with the key"),
    (_another_certificate, "is signed with the key"),
]


def test_every_change_shows(made: Path, tmp_path: Path) -> None:
    for number, (change, said) in enumerate(CHANGES):
        copy = Path(shutil.copytree(made, tmp_path / str(number)))
        change(copy)
        status, told = checked(copy)
        assert status == 1, (number, told)
        assert any(said in line for line in told.splitlines() if line.startswith("NOT ")), (number, told)


class TestDoor:
    def test_asks_why_and_keeps_it(self, office: Client, desk: Desk, clerk: User, client: Client) -> None:
        contract = desk.contract(desk.sealed(), Kind.LOAN_AGREEMENT)
        address = reverse("admin:contracts_contract_bundle", args=[contract.pk])
        assert "why?" in office.get(address).content.decode()
        assert AccessLog.objects.count() == 0
        assert "error" in office.post(address, {"reason": "no"}).content.decode()
        answer = office.post(address, {"reason": "the court asked for it"})
        assert answer["Content-Disposition"] == f'attachment; filename="evidence-{contract.drawdown.public_id}.zip"'
        assert zipfile.is_zipfile(io.BytesIO(answer.content))
        (kept,) = AccessLog.objects.all()
        assert (kept.subject, kept.fields) == (f"contract:{contract.public_id}", ["pdf", "evidence"])
        client.force_login(clerk)
        assert client.post(address, {"reason": "only curious"}).status_code == 403

    def test_what_is_not_whole_is_not_given_and_not_said_to_have_been_seen(self, office: Client, desk: Desk) -> None:
        drawdown_id = desk.signing()
        services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        with pytest.raises(bundle.NothingToBundle):
            bundle.make(drawdown_id=drawdown_id, at=desk.clock.at)
        desk.work()
        contract = desk.contract(drawdown_id, Kind.COST_SHEET)
        vault.forget(contract.file)
        with pytest.raises(files.ContractFileMissing):
            bundle.make(drawdown_id=drawdown_id, at=desk.clock.at + timedelta(seconds=1))
        address = reverse("admin:contracts_contract_bundle", args=[contract.pk])
        assert "file is not there" in office.post(address, {"reason": "the court asked for it"}).content.decode()
        assert AccessLog.objects.count() == 0
