"""Borrowers that channels bring, by the flow of each: what the channel's own system does, over the partner API.

LOANHUB does everything for its borrowers; CARDMATE lets them in at our door by a link; POCKET brings the order, and the
borrower goes on with us. A channel knows its keys, its borrowers and their phones, and nothing else.
"""

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from lending.common import signed
from lending.management.demo import texts
from lending.management.demo.borrower import (
    APPLICATION_RESTS,
    OPTIONAL_CONSENTS,
    READING_SECONDS,
    Borrower,
    Refused,
    content_of,
    slips,
)

BORROWER_IP = "203.0.113.9"
STATES = {  # as our own pages name what the status dictionary calls otherwise
    "NEED_INFO": "SUPPLEMENT",
    "NEED_SIGN": "SIGNING",
    "NEED_CARD": "CARD_FIX",
    "PAY_FAILED": "RETURNED",
    "OVERDUE": "PAID",
    "SETTLED": "PAID",
}
PERSONAL = ("name", "id_number", "province", "city", "address", "employer", "job")
WISHED = ("product", "amount_cents", "months", "method", "purpose", "employment", "net_income_cents")


class NotWanted(Exception):
    """The precheck said not to bring this borrower."""


@dataclass
class FromChannel(Borrower):
    """Somebody whom the channel of their row has asked about before it brings them."""

    @property
    def channel(self) -> str:
        return self.person.wish.channel

    def ask(self, method: str, operation: str, **kwargs: Any) -> Any:
        """One request of the channel's, signed anew for every try; as `call`."""
        return content_of(self._send(method, f"/partner/v1/{operation}", sign=self._sign, **kwargs))

    def _sign(self, request: httpx.Request) -> None:
        said = {"timestamp": str(int(time.time())), "nonce": uuid.uuid4().hex}
        text = signed.canonical(
            method=request.method,
            path=request.url.path,
            query=request.url.query.decode(),
            body=request.read(),
            **said,
        )
        request.headers.update(
            {
                "X-App-Id": self.channel.lower(),
                "X-Timestamp": said["timestamp"],
                "X-Nonce": said["nonce"],
                "X-Signature": signed.sign(f"sandbox-{self.channel}", text),
            }
        )

    def precheck(self) -> None:
        """Raises NotWanted."""
        key = f"sandbox-precheck-{self.channel}".encode()
        own = hmac.new(key, self.person.phone.encode(), hashlib.sha256).hexdigest()
        if self.channel == "LOANHUB":
            bucket = self.ask("POST", "precheck", json={"phone_hash_prefix": own[:8]})
            found = {row["hash"]: row["answer"] for row in bucket["matches"]}.get(own, bucket["otherwise"])
        else:
            found = self.ask("POST", "precheck", json={"phone_hash": own})["answer"]
        if found not in ("eligible", "existing_customer"):
            raise NotWanted(f"{self.channel} was told {found}")

    def bring(self, order: Mapping[str, Any]) -> str:
        """The application's id: the order id keeps it one, however often it is sent."""
        return str(self.ask("POST", "applications", json=order)["application_id"])

    def draft(self) -> str:
        """The one that waits for the borrower at our door."""
        return next(str(one["id"]) for one in self.call("GET", "applications") if one["status"] == "DRAFT")


@dataclass
class HalfFlow(FromChannel):
    """The channel brings the order, in its own words; the borrower signs in with us and goes on with it."""

    def sign_in(self) -> None:
        if not self.tokens:
            wish = self.person.wish
            self.precheck()
            self.bring(
                {
                    "outOrderNo": f"order-{self.person.phone}",
                    "mobile": self.person.phone,
                    "productType": "cash",
                    "loanAmount": str(wish.amount_cents // 100),
                    "loanTerm": wish.months,
                    "realName": self.person.name,
                    "idCard": self.person.id_number,
                    "idCardEnd": self.person.id_expires_on.isoformat(),
                    "company": self.person.employer,
                    "monthIncome": str(wish.net_income_cents // 100),
                }
            )
        super().sign_in()

    def begin(self) -> str:
        return self.draft()


@dataclass
class JointLogin(FromChannel):
    """The channel asks for a link; the borrower opens it, and what they begin there is the channel's."""

    def sign_in(self) -> None:
        if not self.tokens:
            self.precheck()
            about = {"phone": self.person.phone, "product": self.person.wish.product}
            self._begin_at(self.ask("POST", "sessions", json=about)["url"])
        super().sign_in()

    def begin(self) -> str:
        return self.draft()

    def _begin_at(self, link: str) -> None:
        wish = self.person.wish
        with httpx.Client(base_url=self.api.base_url, timeout=60, trust_env=False, follow_redirects=True) as browser:
            form = self._press(browser, link, {"accept": "on"})
            asked = {"amount": wish.amount_cents // 100, "months": wish.months, "method": wish.method}
            self._press(browser, str(form.url), {**asked, "purpose": wish.purpose})

    def _press(self, browser: httpx.Client, address: str, filled: Mapping[str, Any]) -> httpx.Response:
        """Open a page, fill in its form, send it; where that led to."""
        page = self._send("GET", address, client=browser)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        sent: dict[str, Any] = {"data": {**hidden, **filled}, "headers": {"Referer": address}}
        answer = self._send("POST", address, client=browser, **sent)
        if answer.url == page.url:
            raise Refused(answer)
        return answer


@dataclass
class FullApi(FromChannel):
    """The channel does it all in its own app: the borrower reads, and types the codes that reach their phone."""

    application_id: str = ""
    heard: str = ""  # the newest message when the agreements of the application were sent

    def sign_in(self) -> None:
        """There is nothing to sign in to."""
        self.precheck()

    def fill_in(self) -> None:
        person, wish = self.person, self.person.wish
        order = {
            "order_id": f"order-{person.phone}",
            "phone": person.phone,
            **{name: getattr(person, name) for name in PERSONAL},
            **{name: getattr(wish, name) for name in WISHED},
            "id_expires_on": person.id_expires_on.isoformat(),
            "instalments_elsewhere_cents": wish.instalments_elsewhere_cents,
            "contacts": [{"relation": c.relation, "name": c.name, "phone": c.phone} for c in person.contacts],
        }
        self.application_id = self.bring(order)

    def apply(self) -> str:
        """Agree to everything that is asked for; with the last of it the order is submitted."""
        self.accept("apply")
        self.authorise_operator()
        return self.application_id

    def accept(self, moment: str, **about: Any) -> None:
        of = {"application_id": self.application_id}
        shown = self.ask("GET", "agreements", params={**of, "moment": moment, **about})
        wanted = [one for one in shown if not one["given"] and self._is_wanted(one)]
        documents = [{"code": one["code"], "version": one["version"]} for one in wanted]
        for one, document in zip(wanted, documents, strict=True):
            if moment == "drawdown" and one["accepted_by"] == "otp":
                document["recipients"] = one["recipients"]
        if not documents:
            return
        seen = texts.newest(self.messages())
        body = {**of, "documents": documents, "borrower_ip": BORROWER_IP}
        sent = self.ask("POST", "agreements", json=body).get("codes_sent", ())
        for one, document in zip(wanted, documents, strict=True):
            if one["code"] in sent:
                document["otp"] = self._read_code(seen, (one["title_zh"], one["title_en"]))
        self.heard = texts.newest(self.messages())
        try:
            if sent:
                self.ask("POST", "agreements", json=body)
        except Refused as refused:
            if refused.code != "wrong_code" or not self._has_given(documents, {**of, "moment": moment, **about}):
                raise  # else the answer to the first try was lost on the way

    def _is_wanted(self, document: Mapping[str, Any]) -> bool:
        return not document["optional"] or document["code"] in OPTIONAL_CONSENTS

    def _has_given(self, documents: Iterable[Mapping[str, Any]], asked: Mapping[str, Any]) -> bool:
        given = {one["code"] for one in self.ask("GET", "agreements", params=asked) if one["given"]}
        return given >= {one["code"] for one in documents}

    def authorise_operator(self) -> None:
        """Begun by accepting it: the operator's own code, or its own page."""
        stands = self.until(lambda: self._operator_unless("started"), what="the phone operator")
        if stands["state"] == "code_sent":
            self._hand_over(self._read_code(self.heard))
        elif stands["state"] == "redirected":
            self._say_yes(stands["page"])
        self.until(lambda: self._operator_unless("code_sent", "redirected"), what="the authorisation")

    def _operator(self) -> Any:
        return self.ask("GET", "operator", params={"application_id": self.application_id})

    def _send_operator_code(self, code: str) -> None:
        self.ask("POST", "operator/code", json={"application_id": self.application_id, "code": code})

    def await_verdict(self, application_id: str, *, also: tuple[str, ...] = ()) -> Any:
        def look() -> Any:
            found = self.ask("GET", f"applications/{application_id}")
            status = STATES.get(found["status"], found["status"])
            limits = self._limits() if status == "GRANTED" else ()
            if status not in (*APPLICATION_RESTS, *also) or (status == "GRANTED" and not limits):
                return None
            return {"status": status, "grant_id": application_id}

        return self.until(look, what="the verdict")

    def answer_supplement(self, application_id: str) -> None:
        door = f"applications/{application_id}/supplements"
        items = self.ask("GET", door)["items"]
        self.ask("POST", door, files=slips(items))

    def choose_offer(self) -> None:
        """Offers are shown on our own pages: this borrower has only seen the channel's."""

    def _limits(self) -> Any:
        return self.ask("GET", "limits", params={"application_id": self.application_id})

    def bind_card(self, index: int = 0) -> str:
        seen, of = texts.newest(self.messages()), {"application_id": self.application_id}
        number = {"number": self.person.cards[index].number, "phone": self.person.phone}
        card = self.ask("POST", "bank-cards", json={**of, **number})

        def look() -> Any:
            states = {row["card_id"]: row["state"] for row in self.ask("GET", "bank-cards", params=of)}
            return states[card["card_id"]] if states[card["card_id"]] != "added" else None

        if self.until(look, what="the card check") == "checked":
            self.ask("POST", f"bank-cards/{card['card_id']}/confirm", json={"code": self._read_code(seen)})
        return str(card["card_id"])

    def draw(self, grant_id: str, card_id: str, *, amount_cents: int | None = None) -> str:
        [limit] = self._limits()
        free = limit["free_cents"] // limit["step_cents"] * limit["step_cents"]
        of, terms = {"application_id": grant_id}, {"amount_cents": amount_cents or free, "months": limit["months"]}
        self.ask("POST", "quote", json={**of, **terms})
        self.accept("drawdown", **terms)
        wish = self.person.wish
        asked = {**of, **terms, "card_id": card_id, "method": wish.method, "purpose": wish.purpose}
        drawdown = self.ask("POST", "drawdowns", json=asked, headers={"Idempotency-Key": str(uuid.uuid4())})
        return str(drawdown["drawdown_id"])

    def drawdown(self, drawdown_id: str) -> Any:
        found = self.ask("GET", f"drawdowns/{drawdown_id}")
        return {**found, "status": STATES.get(found["status"], found["status"])}

    def change_card(self, drawdown_id: str, card_id: str) -> None:
        self.ask("POST", f"drawdowns/{drawdown_id}/card", json={"card_id": card_id})

    def sign(self, drawdown_id: str) -> None:
        door = f"drawdowns/{drawdown_id}"

        def ready() -> Any:
            papers = self.ask("GET", f"{door}/contracts")
            return papers if papers and all(paper["is_ready"] for paper in papers) else None

        def is_sent() -> bool:
            try:
                return bool(self.ask("POST", f"{door}/sign", json={}))
            except Refused as refused:
                if refused.code not in ("cost_sheet_not_read", "contracts_not_ready"):
                    raise
                return False

        for paper in self.until(ready, what="the contract set"):
            self.ask("GET", f"{door}/contracts/{paper['contract_id']}")
        self.wait(READING_SECONDS)
        seen = texts.newest(self.messages())
        self.until(is_sent, what="the seconds of reading")
        self.ask("POST", f"{door}/sign", json={"code": self._read_code(seen), "borrower_ip": BORROWER_IP})

    def repay_next(self, drawdown: Any) -> None:
        plan = self.ask("GET", f"loans/{drawdown['loan_id']}/repayment-plan")
        self.repay(drawdown["loan_id"], next(one["open_cents"] for one in plan["instalments"] if one["open_cents"]))

    def _repayments(self, loan_id: str) -> Any:
        return self.ask("GET", f"loans/{loan_id}/repayments")["repayments"]

    def _pay(self, door: str, **kwargs: Any) -> None:
        self.ask("POST", door, **kwargs)


BY_CHANNEL: Mapping[str, type[Borrower]] = {"LOANHUB": FullApi, "CARDMATE": JointLogin, "POCKET": HalfFlow}
