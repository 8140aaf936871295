"""The samples of the partners' guide, run as a reader would.

The Python one goes from the precheck through paid out to the reconciled stream, over the partner API alone.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.test_by_hand import workers
from tests.sandbox_server import SandboxClient
from traffic.models import PartnerCall

__all__ = ["workers"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "clients" / "partner"
WORDS = "RECEIVED REVIEWING GRANTED DRAWDOWN_REVIEWING NEED_SIGN PAYING PAID"


def run(*command: object) -> str:
    """What it prints, errors too; told as far as it came where it hangs."""
    try:
        done = subprocess.run(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"hangs after {(late.stdout or b'').decode()}")
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_samples_bring_a_borrower_to_the_first_repayment_and_reconcile(
    platform: str, sandbox: SandboxClient, workers: None, tmp_path: Path
) -> None:
    sample = SAMPLES / "python" / "partner.py"
    said = run(sys.executable, "-u", sample, "--platform", platform, "--sandbox", sandbox.url)
    assert said.startswith("precheck: eligible\n"), said
    assert said.rstrip().endswith(f"events with the callbacks: {WORDS}"), said
    assert "repaid: instalment 1" in said
    assert set(PartnerCall.objects.values_list("status", flat=True)) <= {200, 201, 202, 409}
    for program, command in (
        (
            "java",
            (
                "java",
                SAMPLES / "java" / "Partner.java",
                platform,
                "loanhub",
                "sandbox-LOANHUB",
                "sandbox-precheck-LOANHUB",
            ),
        ),
        ("openssl", ("bash", "-c", f"cd '{tmp_path}' && PLATFORM={platform} bash '{SAMPLES / 'curl' / 'partner.sh'}'")),
    ):
        if shutil.which(program):
            said = run(*command)
            assert '"schedule":' in said, said
            assert '"last_seq":10' in said, said
