from datetime import date
from typing import Any

import pytest

from lending.sandbox import applicants
from lending.sandbox.vendors import operator
from risk.rules import sample
from tests.platform_side import Wire
from tests.sandbox_server import SandboxClient

TODAY = date(2026, 11, 23)
ELSE = "330106199003070129"  # nobody of the demo


@pytest.fixture
def wire(sandbox: SandboxClient) -> Wire:
    return Wire(sandbox.url)


class TestIdentity:
    def test_both_vendors_know_a_demo_identity_by_its_own_name_only(self, wire: Wire) -> None:
        person = applicants.applicant(12, 5, TODAY)
        for name, result, verdict in ((person.name, "match", 1), ("王小明", "mismatch", 2)):
            first = wire.post("id2", "/identity/v1/two-element", {"name": name, "id_number": person.id_number})
            second = wire.post("id2_b", "/id2b/verify", {"xm": name, "sfzh": person.id_number})
            assert (first.json()["result"], second.json()["data"]["verdict"]) == (result, verdict)

    def test_a_number_with_a_wrong_check_character_is_on_no_record(self, wire: Wire) -> None:
        ask = {"name": "王芳", "id_number": ELSE[:-1] + "3"}
        assert wire.post("id2", "/identity/v1/two-element", ask).json()["result"] == "no_record"

    def test_card_check_wants_all_four_elements_of_one_person(self, wire: Wire) -> None:
        person, other = applicants.applicant(12, 5, TODAY), applicants.applicant(13, 5, TODAY)
        right = {
            "name": person.name,
            "id_number": person.id_number,
            "phone": person.phone,
            "card_number": person.cards[1].number,
        }

        def result(**changed: str) -> str:
            answer: dict[str, Any] = wire.post("card4", "/card/v1/four-element", right | changed).json()
            return str(answer["result"])

        assert result() == "match"
        assert result(name=other.name) == result(phone=other.phone) == "mismatch"
        assert result(card_number=other.cards[0].number) == "mismatch"
        assert result(card_number="6222020000000000001") == "no_record"

    def test_face_vendors_answer_with_a_score(self, wire: Wire) -> None:
        ask = {"name": "王芳", "id_number": ELSE, "request_id": "r-1", "liveness_token": "t"}
        assert wire.post("face", "/face/v1/compare", ask).json()["score"] > 90
        other = wire.post("face_b", "/faceb/compare", {"xm": "王芳", "sfzh": ELSE, "tp": "0" * 64, "hc": "t"}).json()
        assert (other["code"], other["data"]["verdict"]) == (0, 1)


class TestSms:
    def test_shows_what_was_sent_newest_first_and_each_key_once(self, sandbox: SandboxClient, wire: Wire) -> None:
        first = {"key": "otp 1", "phone": "13812399678", "text": "您的验证码是 246810，5分钟内有效。"}
        second = {"key": "otp 2", "phone": "13812399678", "text": "Your code is 135791."}
        answers = [wire.post("sms", "/sms/v1/messages", message).json() for message in (first, first, second)]
        assert answers[0] == answers[1]
        assert [message["key"] for message in sandbox.sms("13812399678")] == ["otp 2", "otp 1"]
        assert sandbox.last_code("13812399678") == "135791"

    def test_a_key_belongs_to_one_message(self, wire: Wire) -> None:
        message = {"key": "otp 3", "phone": "13812399679", "text": "a"}
        assert wire.post("sms", "/sms/v1/messages", message).status_code == 202
        refused = wire.post("sms", "/sms/v1/messages", message | {"text": "b"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_reused")


class TestRisk:
    @pytest.mark.parametrize(
        "vendor", ["phone3", "phone_list", "blacklist", "aml", "multi_lender", "operator", "bureau", "bankflow"]
    )
    def test_answers_with_the_row_of_the_person(self, wire: Wire, vendor: str) -> None:
        person = applicants.applicant(97, 3, TODAY)
        subject = {"name": person.name, "id_number": person.id_number, "phone": person.phone}
        given = {"authorisation": operator.token(person.phone, 4e9)} if vendor == "operator" else {}
        ask = {"request_id": "pull-1", "subject": subject, **given}
        answer = wire.post(vendor, f"/risk/{vendor}/v1/query", ask).json()
        assert answer["request_id"] == "pull-1"
        assert answer["data"] == sample.vendor_answers(applicants.rows()[96])[vendor]
        assert wire.post(vendor, f"/risk/{vendor}/v1/query", ask).json() == answer

    def test_an_operator_wants_its_own_token(self, wire: Wire, sandbox: SandboxClient) -> None:
        phone, other = "13712349901", "13712349902"
        sandbox.control("operator", force={other: "token_expired"})
        for number, token, code in (
            (phone, "", "token_unknown"),
            (phone, "op-x-y", "token_unknown"),
            (phone, operator.token(other, 4e9), "token_unknown"),
            (phone, operator.token(phone, 1e9), "token_expired"),
            (other, operator.token(other, 4e9), "token_expired"),
        ):
            subject = {"name": "王芳", "id_number": ELSE, "phone": number}
            ask = {"request_id": "pull-9", "subject": subject, "authorisation": token}
            refused = wire.post("operator", "/risk/operator/v1/query", ask)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)

    def test_a_fallback_vendor_knows_the_same(self, wire: Wire) -> None:
        ask = {"request_id": "pull-2", "subject": {"name": "王芳", "id_number": ELSE}}
        both = [wire.post(vendor, f"/risk/{vendor}/v1/query", ask).json() for vendor in ("aml", "aml_b")]
        assert both[0]["data"] == both[1]["data"]
        assert both[0]["vendor_ref"] != both[1]["vendor_ref"]

    def test_a_phone_alone_leads_to_the_person_it_was_named_with(self, wire: Wire) -> None:
        phone, ask = "13712349900", "/risk/multi_lender/v1/query"
        named = {"request_id": "1", "subject": {"id_number": ELSE, "phone": phone}}
        alone = {"request_id": "2", "subject": {"phone": phone}}
        assert (
            wire.post("multi_lender", ask, named).json()["data"] == wire.post("multi_lender", ask, alone).json()["data"]
        )

    def test_a_demo_phone_alone_carries_its_row(self, wire: Wire) -> None:
        ask = {"request_id": "3", "subject": {"phone": applicants.phone_of(50, 9)}}
        assert wire.post("phone_list", "/risk/phone_list/v1/query", ask).json()["data"]["decision"] == "review"

    def test_a_shared_device_shows_its_accounts(self, wire: Wire) -> None:
        def accounts(device_id: str) -> int:
            ask = {"request_id": "4", "subject": {"device_id": device_id}}
            return int(wire.post("device", "/risk/device/v1/query", ask).json()["data"]["accounts_7d"])

        assert (accounts("shared-1"), accounts("mine")) == (4, 1)

    def test_forced_words_replace_what_the_row_says(self, sandbox: SandboxClient, wire: Wire) -> None:
        sandbox.control("aml", force={ELSE: "confirmed"})
        ask = {"request_id": "5", "subject": {"name": "王芳", "id_number": ELSE, "birth_date": "1990-03-07"}}
        assert wire.post("aml", "/risk/aml/v1/query", ask).json()["data"]["status"] == "confirmed"

    def test_nobody_is_refused(self, wire: Wire) -> None:
        assert wire.post("bureau", "/risk/bureau/v1/query", {"request_id": "6", "subject": {}}).status_code == 400
        assert wire.post("bureau", "/risk/bureau/v1/query", {"request_id": "6"}).status_code == 400


class TestOutside:
    def test_a_partner_keeps_every_event_in_order(self, sandbox: SandboxClient, wire: Wire) -> None:
        before = sandbox.partner_events("LOANHUB")  # the sandbox forgets nothing that another test has sent
        for seq in (1, 2, 2):
            assert wire.post("LOANHUB", "/partner/LOANHUB/events", {"seq": seq}).json() == {"received": True}
        assert sandbox.partner_events("LOANHUB") == [*before, {"seq": 1}, {"seq": 2}, {"seq": 2}]
