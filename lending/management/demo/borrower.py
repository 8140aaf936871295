"""A borrower played over HTTP: knows the public API and their own phone, nothing else."""

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from lending.management.demo import texts
from lending.sandbox.applicants import Applicant

APPLICATION_RESTS = ("GRANTED", "DECLINED", "WITHDRAWN", "EXPIRED")
DRAWDOWN_RESTS = ("PAID", "RETURNED", "DECLINED", "CANCELLED", "EXPIRED", "NO_FUNDER")
READING_SECONDS = 5.2  # the cost sheet must have been open for five
OFFERS_LOOKED_FOR = 4  # times, half a second apart
OPTIONAL_CONSENTS = ("operator", "bankflow", "device")


class Refused(Exception):
    """The platform answered with a problem; `code` is its stable code."""

    def __init__(self, answer: httpx.Response) -> None:
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self.status, self.code, self.problem = answer.status_code, str(problem.get("code", "")), problem
        super().__init__(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {problem}")


class TookTooLong(Exception):
    """What was waited for did not happen in time."""


def slips(items: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, bytes, str]]:
    """A file for each thing that is asked for, as a form carries it."""
    return {
        f"file.{item['kind']}": (f"{item['kind']}.pdf", b"%PDF-1.4 salary slip %%EOF", "application/pdf")
        for item in items
    }


def content_of(answer: httpx.Response) -> Any:
    """JSON, or the bytes of what is none. Raises Refused."""
    if answer.status_code >= 400:
        raise Refused(answer)
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content


@dataclass
class Borrower:
    """One person with a phone. `api`: the platform; `gateway`: where the demo's text messages can be read.

    `wait` lets time pass between two looks; a test without workers runs them there.
    """

    api: httpx.Client
    gateway: httpx.Client
    person: Applicant
    patience: float = 300.0
    wait: Callable[[float], None] = time.sleep
    tokens: dict[str, str] = field(default_factory=dict)

    # --- talking ------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, *, again: bool = True, **kwargs: Any) -> Any:
        """One request; the JSON of a 2xx answer. Signs in again once where the token has run out; obeys Retry-After."""
        headers = kwargs.pop("headers", {})
        if self.tokens:
            headers = {**headers, "Authorization": f"Bearer {self.tokens['access']}"}
        answer = self._send(method, f"/api/v1/{path}", headers=headers, **kwargs)
        if answer.status_code == 401 and self.tokens and again:
            self.refresh()
            return self.call(method, path, again=False, headers=headers, **kwargs)
        return content_of(answer)

    def _send(
        self,
        method: str,
        path: str,
        *,
        sign: Callable[[httpx.Request], None] = lambda request: None,
        client: httpx.Client | None = None,
        **kwargs: Any,
    ) -> httpx.Response:
        """A lost connection or a platform that restarts is tried again: every request here may be repeated."""
        deadline, client = time.monotonic() + self.patience, client or self.api
        while True:
            try:
                request = client.build_request(method, path, **kwargs)
                sign(request)
                answer = client.send(request)
                if answer.status_code not in (429, 500, 502, 503) or time.monotonic() > deadline:
                    return answer
                self.wait(min(float(answer.headers.get("Retry-After", 1)), 5.0))
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                self.wait(1.0)

    def refresh(self) -> None:
        answer = self._send("POST", "/api/v1/auth/refresh", json={"refresh": self.tokens["refresh"]})
        self.tokens = content_of(answer)

    def messages(self) -> texts.Messages:
        """Received on this phone, newest first."""
        answer = self.gateway.get("/sms", params={"phone": self.person.phone, "limit": 50})
        found: texts.Messages = answer.json()["messages"]
        return found

    def until(self, look: Callable[[], Any], *, what: str) -> Any:
        """Look until it is true, ever less often."""
        deadline, pause = time.monotonic() + self.patience, 0.3
        while time.monotonic() < deadline:
            seen = look()
            if seen:
                return seen
            self.wait(pause)
            pause = min(pause * 1.5, 3.0)
        raise TookTooLong(f"row {self.person.row}: {what}")

    def code(self, purpose: str, subject: str = "", **more: Any) -> str:
        """Ask for a one-time code and read it from the phone."""
        seen = texts.newest(self.messages())
        self.call("POST", "auth/otp", json={"purpose": purpose, "subject": subject, **more})
        return self._read_code(seen)

    def _read_code(self, seen: str, about: Sequence[str] = ()) -> str:
        """`about`: titles, of which the message names one."""
        return str(self.until(lambda: texts.code_after(self.messages(), seen, about), what="the code by text message"))

    # --- the way ------------------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        self.tokens = {}
        try:
            self._sign_in()
        except Refused as refused:
            if refused.code not in ("wrong_code", "code_too_soon"):  # the answer with the tokens was lost
                raise
            self.wait(60)
            self._sign_in()

    def _sign_in(self) -> None:
        seen = texts.newest(self.messages())
        phone = {"phone": self.person.phone}
        self.call("POST", "auth/otp", json={**phone, "purpose": "login", "accept_notice": True})
        accepted = {"service": "1", "privacy": "1"}
        self.tokens = self.call(
            "POST", "auth/token", json={**phone, "code": self._read_code(seen), "accepted": accepted}
        )

    def fill_in(self) -> None:
        """Details, contacts, consents, the phone operator's authorisation, identity check."""
        person = self.person
        self.call(
            "PUT",
            "me/profile",
            json={
                "name": person.name,
                "id_number": person.id_number,
                "id_expires_on": person.id_expires_on.isoformat(),
                "province": person.province,
                "city": person.city,
                "address": person.address,
                "employment": person.wish.employment,
                "employer": person.employer,
                "job": person.job,
                "net_income_cents": person.wish.net_income_cents,
                "instalments_elsewhere_cents": person.wish.instalments_elsewhere_cents,
                "declared": {"housing": person.wish.housing, "savings": person.savings},
            },
        )
        contacts = [{"relation": c.relation, "name": c.name, "phone": c.phone} for c in person.contacts]
        self.call("PUT", "me/contacts", json=contacts)
        self.accept("apply")
        fingerprint = uuid.uuid5(uuid.NAMESPACE_URL, f"demo-device:{person.phone}").hex
        self.call("POST", "me/devices", json={"fingerprint": fingerprint, "platform": "web"})
        self.authorise_operator()
        self.call("POST", "me/checks", json={"kind": "id2"})
        self.until(
            lambda: all(check["state"] != "pending" for check in self.call("GET", "me/checks")),
            what="the identity check",
        )

    def accept(self, moment: str, **about: Any) -> None:
        """Read and accept what a moment asks for; optional ones where they bring the borrower something."""
        for document in self.call("GET", "agreements", params={"moment": moment, **about}):
            wanted = not document["optional"] or document["code"] in OPTIONAL_CONSENTS
            if document["given"] or not wanted or document["accepted_by"] not in ("checkbox", "otp"):
                continue
            otp = self.code("consent", document["code"]) if document["accepted_by"] == "otp" else None
            given = {"code": document["code"], "version": document["version"], "otp": otp}
            if moment == "drawdown":
                given["recipients"] = document["recipients"]
            try:
                self.call("POST", "me/consents", json=given)
            except Refused as refused:
                # The answer to the first try may have been lost on the way, when the code was used up already.
                if refused.code != "wrong_code" or not self._has_accepted(document["code"], moment, **about):
                    raise

    def choose_offer(self) -> None:
        """The best of other platforms' offers, where there is one; they come a moment after the refusal."""
        for _ in range(OFFERS_LOOKED_FOR):
            found = [offer for offer in self.call("GET", "offers") if offer["status"] == "open"]
            if found:
                break
            self.wait(0.5)
        else:
            return
        offer_id = found[0]["id"]
        [text] = self.call("GET", "agreements", params={"moment": "distribution", "offer_id": offer_id})
        signed = {"version": text["version"], "code": self.code("consent", text["code"])}
        try:
            self.call("POST", f"offers/{offer_id}/accept", json=signed)
        except Refused as refused:
            # Full for today; or the answer to the first try was lost on the way.
            if refused.code not in ("platform_full", "another_chosen", "wrong_code"):
                raise

    def authorise_operator(self) -> None:
        """At the phone operator itself, by the code that it texts or on its page; twice where it does not answer."""
        for _ in range(2):
            if not self._operator()["is_wanted"]:
                return
            seen = texts.newest(self.messages())
            self.call("POST", "me/operator")
            stands = self.until(lambda: self._operator_unless("started"), what="the phone operator")
            if stands["state"] == "code_sent":
                self._hand_over(self._read_code(seen))
            elif stands["state"] == "redirected":
                self._say_yes(stands["page"])
            self.until(lambda: self._operator_unless("code_sent", "redirected"), what="the authorisation")

    def _operator(self) -> Any:
        return self.call("GET", "me/operator")

    def _operator_unless(self, *states: str) -> Any:
        stands = self._operator()
        return None if stands["state"] in states else stands

    def _hand_over(self, code: str) -> None:
        try:
            self._send_operator_code(code)
        except Refused as refused:
            if refused.code != "no_code_awaited":  # the answer to the first try was lost on the way
                raise

    def _send_operator_code(self, code: str) -> None:
        self.call("POST", "me/operator/code", json={"code": code})

    def _say_yes(self, page: str) -> None:
        """Press the button of the carrier's page; the carrier tells the platform itself."""
        ticket = re.search(r'name="ticket" value="(\w+)"', self.gateway.get(page).text)
        if ticket:
            self.gateway.get("/operator/v1/decide", params={"ticket": ticket[1], "answer": "agree"})

    def _has_accepted(self, code: str, moment: str, **about: Any) -> bool:
        documents = self.call("GET", "agreements", params={"moment": moment, **about})
        return any(document["given"] for document in documents if document["code"] == code)

    def begin(self) -> str:
        """The draft's id."""
        asked = {"product": self.person.wish.product}
        return str(self.call("POST", "applications", json=asked, headers={"Idempotency-Key": str(uuid.uuid4())})["id"])

    def apply(self) -> str:
        """Begin and submit; the application's id."""
        wish, application_id = self.person.wish, self.begin()
        asked = {
            "amount_cents": wish.amount_cents,
            "months": wish.months,
            "method": wish.method,
            "purpose": wish.purpose,
        }
        try:
            self.call("POST", f"applications/{application_id}/submit", json=asked)
        except Refused as refused:
            # The answer to the first try may have been lost on the way.
            if refused.code != "wrong_state" or self.application(application_id)["status"] == "DRAFT":
                raise
        return application_id

    def application(self, application_id: str) -> Any:
        return self.call("GET", f"applications/{application_id}")

    def await_verdict(self, application_id: str, *, also: tuple[str, ...] = ()) -> Any:
        """Until the application is decided (or in one of `also`); the application."""

        def look() -> Any:
            found = self.application(application_id)
            granted = found["status"] != "GRANTED" or found["grant_id"]
            return found if found["status"] in (*APPLICATION_RESTS, *also) and granted else None

        return self.until(look, what="the verdict")

    def answer_supplement(self, application_id: str) -> None:
        asked = self.call("GET", f"applications/{application_id}/supplements")
        items = next(one for one in asked if one["answered_at"] is None)["items"]
        self.call("POST", f"applications/{application_id}/supplements", files=slips(items))

    def bind_card(self, index: int = 0) -> str:
        """Add a card, wait for the four elements, confirm with the code; the card's id."""
        seen = texts.newest(self.messages())
        card = self.call(
            "POST", "me/bank-cards", json={"number": self.person.cards[index].number, "phone": self.person.phone}
        )

        def look() -> Any:
            states = {row["id"]: row["state"] for row in self.call("GET", "me/bank-cards")}
            return states[card["id"]] if states[card["id"]] != "added" else None

        state = self.until(look, what="the card check")
        if state == "checked":
            code = self._read_code(seen)
            self.call("POST", f"me/bank-cards/{card['id']}/confirm", json={"code": code})
        return str(card["id"])

    def grant(self, grant_id: str) -> Any:
        return next(grant for grant in self.call("GET", "grants") if grant["id"] == grant_id)

    def draw(self, grant_id: str, card_id: str, *, amount_cents: int | None = None) -> str:
        """Take the amount (all that is free without one) at the grant's term; the drawdown's id."""
        grant = self.grant(grant_id)
        terms = {"amount_cents": amount_cents or grant["free_cents"], "months": grant["months"]}
        self.accept("drawdown", grant_id=grant_id, **terms)
        drawdown = self.call(
            "POST",
            "drawdowns",
            json={
                "grant_id": grant_id,
                **terms,
                "method": self.person.wish.method,
                "card_id": card_id,
                "purpose": self.person.wish.purpose,
            },
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        return str(drawdown["id"])

    def drawdown(self, drawdown_id: str) -> Any:
        return self.call("GET", f"drawdowns/{drawdown_id}")

    def await_drawdown(self, drawdown_id: str, *states: str) -> Any:
        """Until the drawdown is in one of `states` or at rest."""

        def look() -> Any:
            found = self.drawdown(drawdown_id)
            return found if found["status"] in (*states, *DRAWDOWN_RESTS) else None

        return self.until(look, what=f"the drawdown in {' or '.join(states) or 'a state of rest'}")

    def sign(self, drawdown_id: str) -> None:
        """Read the set, the cost sheet first, and sign it with one code."""

        def rendered() -> Any:
            found = self.call("GET", f"drawdowns/{drawdown_id}/contracts")
            open_ones = [one for one in found if one["state"] not in ("VOID", "SEALED", "SIGNED")]
            return found if open_ones and all(one["state"] == "RENDERED" for one in open_ones) else None

        documents = self.until(rendered, what="the contract set")
        for document in documents:
            self.call("GET", f"drawdowns/{drawdown_id}/contracts/{document['id']}")
        self.wait(READING_SECONDS)
        code = self.code("sign", drawdown_id)
        self.call("POST", f"drawdowns/{drawdown_id}/contracts/sign", json={"code": code})

    def change_card(self, drawdown_id: str, card_id: str) -> None:
        self.call("POST", f"drawdowns/{drawdown_id}/card", json={"card_id": card_id})

    def loan(self, drawdown: Any) -> Any:
        return self.call("GET", f"loans/{drawdown['loan_id']}")

    def repay(self, loan_id: str, amount_cents: int) -> None:
        """Pay from the card and wait until it is posted."""
        self._collect(loan_id, "repayments", json={"amount_cents": amount_cents})

    def repay_next(self, drawdown: Any) -> None:
        """The instalment that is due next."""
        self.repay(drawdown["loan_id"], self.loan(drawdown)["next_due"]["open_cents"])

    def give_back(self, loan_id: str) -> None:
        """Return the money within the cooling-off hours, and wait until the principal has come."""
        self._collect(loan_id, "withdrawal")

    def _collect(self, loan_id: str, door: str, **body: Any) -> None:
        before = len(self._repayments(loan_id))
        self._pay(f"loans/{loan_id}/{door}", headers={"Idempotency-Key": str(uuid.uuid4())}, **body)
        self.until(lambda: len(self._repayments(loan_id)) > before, what="the repayment")

    def _repayments(self, loan_id: str) -> Any:
        return self.call("GET", f"loans/{loan_id}/repayments")["repayments"]

    def _pay(self, door: str, **kwargs: Any) -> None:
        self.call("POST", door, **kwargs)
