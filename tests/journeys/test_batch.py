"""The cases of the demo batch on a platform whose processes are killed under it.

Nothing is lost and nobody is paid twice, and each case ends as it is named and can be found and looked at.
"""

import re
import subprocess
import time
from collections import Counter

from lending.common.crypto import mask_phone
from lending.management.demo.stories import TALES
from lending.sandbox.applicants import CASES, phone_of
from tests.journeys.live import Platform

BATCH_SECONDS = 900  # on a slow machine; two minutes on a quick one
VICTIMS = ("celery .*worker", "valkey-server", "bin/postgres|postgres -D", "celery .*worker")


class TestBatch:
    def test_loses_nothing_to_kill_9_and_ends_as_named(self, live: Platform) -> None:
        batch = live.demo("--cases", "--seconds", str(BATCH_SECONDS))
        said = _until_all_apply(batch)
        for victim in VICTIMS:
            time.sleep(6)
            assert batch.poll() is None, batch.communicate()[0]
            live.kill(victim)
        said += batch.communicate(timeout=BATCH_SECONDS + 60)[0]
        assert batch.returncode == 0, said
        _is_paid_once(live, said)
        _ended_as_named(live, said[said.index("Cases to look at") :])


def _until_all_apply(batch: "subprocess.Popen[str]") -> str:
    """What the batch said until its two late borrowers have been paid and everybody else begins."""
    said = ""
    assert batch.stdout is not None
    while said.count("demo clock:") < 4:
        line = batch.stdout.readline()
        assert line, said
        said += line
    return said


def _is_paid_once(live: Platform, said: str) -> None:
    entries = live.sandbox("/payment/v1/ledger")["entries"]
    paid = Counter(entry["key"] for entry in entries if entry["kind"] == "payout")
    assert paid, said
    assert max(paid.values()) == 1
    loans = live.ask("SELECT count(*), coalesce(sum(principal_cents), 0)::bigint FROM lending_loan")[0]
    assert len(paid) == int(loans[0])
    assert -sum(entry["amount_cents"] for entry in entries if entry["kind"] == "payout") == int(loans[1])
    assert live.ask("SELECT count(*) FROM lending_event WHERE handled_at IS NULL")[0] == ["0"]
    assert live.ask("SELECT coalesce(sum(amount_cents), 0)::bigint FROM lending_entry")[0] == ["0"]


def _ended_as_named(live: Platform, section: str) -> None:
    told = {int(row): case.replace(" ", "_") for row, case in re.findall(r"row +(\d+)  (\w+(?: \w+)*)  ", section)}
    assert told == {CASES[case][0]: case for case in TALES}, section
    assert "NOT AS NAMED" not in section

    # Nobody else is late; one has paid the penalty, for the other the guarantor has paid.
    late = live.ask("SELECT status, max_dpd, dpd FROM lending_loan WHERE max_dpd > 0 AND status <> 'COMPENSATED'")
    assert late == [["ACTIVE", "5", "0"]]
    claims = live.ask(
        "SELECT c.creditor, c.guarantor_id, c.dpd, l.status, l.creditor FROM funding_claim c"
        " JOIN lending_loan l ON l.id = c.loan_id"
    )
    assert claims == [["LJB", "AHG", "61", "COMPENSATED", "AHG"]]
    assert live.ask("SELECT count(*) FROM lending_repayment WHERE penalty_cents > 0") == [["1"]]
    # The payout without an answer was asked for, and paid once.
    asked = live.sandbox("/_control/payment/calls?path=/payment/v1/payouts&limit=1000")["calls"]
    assert [call for call in asked if call["method"] == "GET"]
    # As it says: the masked number finds the whole one, and the application's number the application.
    phone = phone_of(CASES["overdue"][0], 0)
    assert mask_phone(phone) in section
    messages = live.sandbox(f"/sms?phone={mask_phone(phone)}")["messages"]
    assert {message["phone"] for message in messages} == {phone}
    numbers = re.findall(r"application ([0-9a-f-]{36})", section)
    found = live.ask(f"SELECT count(*) FROM lending_application WHERE public_id IN {tuple(numbers)}")
    assert found == [[str(len(TALES))]]
