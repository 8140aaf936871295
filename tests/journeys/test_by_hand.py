"""The commands of the README, run as a reader would paste them."""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import Clock
from tests.journeys.conftest import work
from tests.sandbox_server import SandboxClient

README = Path(__file__).resolve().parents[2] / "README.md"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash"),
]


@pytest.fixture
def workers(platform: str, clock: Clock) -> Iterator[None]:
    """Workers in a thread, the clock running with them."""
    home = threading.Event()

    def run() -> None:
        while not home.wait(0.1):
            work()
            clock.move(seconds=0.3)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    home.set()
    thread.join(timeout=30)


class TestByHand:
    def test_leads_a_new_phone_number_to_a_repaid_instalment(
        self, platform: str, sandbox: SandboxClient, workers: None, tmp_path: Path
    ) -> None:
        script = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.S)[0]
        script = script.replace("http://127.0.0.1:8000", platform).replace("http://127.0.0.1:8100", sandbox.url)
        began = time.monotonic()
        done = subprocess.run(["bash", "-eu"], input=script, text=True, capture_output=True, cwd=tmp_path, timeout=600)
        said = f"{done.stdout}\n{done.stderr}\nafter {time.monotonic() - began:.0f} s"
        assert done.returncode == 0, said
        assert re.findall(r"^[A-Z]+$", done.stdout, re.M) == ["GRANTED", "SIGNING", "PAID"], said
        assert (tmp_path / "cost-sheet.pdf").read_bytes().startswith(b"%PDF-")
