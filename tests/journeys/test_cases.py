"""The cases of the demo batch, on a platform of its own: each ends as it is named, and can be found and looked at."""

import re

from lending.common.crypto import mask_phone
from lending.management.demo.stories import TALES
from lending.sandbox.applicants import CASES, phone_of
from tests.journeys.live import Platform

BATCH_SECONDS = 400


class TestCases:
    def test_end_as_named_and_are_told_with_where_to_find_them(self, live: Platform) -> None:
        batch = live.demo("--cases", "--seconds", str(BATCH_SECONDS))
        said, _ = batch.communicate(timeout=BATCH_SECONDS + 60)
        assert batch.returncode == 0, said
        section = said[said.index("Cases to look at") :]
        told = {int(row): case.replace(" ", "_") for row, case in re.findall(r"row +(\d+)  (\w+(?: \w+)*)  ", section)}
        assert told == {CASES[case][0]: case for case in TALES}, section
        assert "NOT AS NAMED" not in section

        # Nobody else is late, and the one who was has paid the penalty.
        late = live.ask("SELECT status, max_dpd, dpd FROM lending_loan WHERE max_dpd > 0")
        assert late == [["ACTIVE", "5", "0"]]
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
