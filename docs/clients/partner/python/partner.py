"""Brings one borrower from the precheck to the paid-out loan and the first repayment, over the partner API alone.

    python3 partner.py --platform http://127.0.0.1:8000 --sandbox http://127.0.0.1:8100

Needs Python 3.9 and nothing else. The sandbox is asked for two things only: the text messages on the borrower's phone,
which in your app the borrower types, and what your receiver was sent.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
import time
import urllib.error
import urllib.request
import uuid
from urllib.parse import quote, urlencode

BORROWER = {
    "product": "LINE",
    "amount_cents": 1_000_000,
    "months": 12,
    "purpose": "education",
    "name": "王小明",
    "id_expires_on": "2035-01-01",
    "province": "ZJ",
    "city": "杭州市",
    "employment": "4_7y",
    "employer": "锦禾贸易有限公司",
    "job": "职员",
    "net_income_cents": 1_500_000,
    "instalments_elsewhere_cents": 0,
}


class Refused(Exception):
    """The platform said no: `code` is stable, `problem` has the rest."""

    def __init__(self, status, problem):
        self.status, self.problem, self.code = status, problem, problem.get("code", "")
        super().__init__(f"{status} {self.code}: {problem.get('detail')} {problem.get('fields', '')}")


class Partner:
    def __init__(self, platform, app_id, secret):
        self.platform, self.app_id, self.secret = platform.rstrip("/"), app_id, secret

    def call(self, method, operation, body=None, query=None, key=None):
        """One signed request; the JSON of the answer, or the bytes of a PDF. `key`: the Idempotency-Key."""
        path, content = f"/partner/v1/{operation}", b"" if body is None else json.dumps(body).encode()
        text = urlencode(query or {})
        headers = {"Content-Type": "application/json", **self.sign(method, path, text, content)}
        if key:
            headers["Idempotency-Key"] = key
        address = self.platform + path + (f"?{text}" if text else "")
        request = urllib.request.Request(address, content or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = answer.read()
                return json.loads(found) if "json" in answer.headers["Content-Type"] else found
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}")
            if error.code == 429:  # every refusal of this kind says how long to wait
                print(f"  {problem['code']}: waiting {error.headers['Retry-After']} s")
                time.sleep(int(error.headers["Retry-After"]))
                return self.call(method, operation, body, query, key)
            raise Refused(error.code, problem) from None

    def sign(self, method, path, query, body):
        """Six lines; see the guide's page on the signature."""
        timestamp, nonce = str(int(time.time())), uuid.uuid4().hex
        parts = "&".join(sorted(query.split("&")))
        text = "\n".join((method, path, parts, timestamp, nonce, hashlib.sha256(body).hexdigest()))
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return {"X-App-Id": self.app_id, "X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}


def is_from_the_platform(headers, path, body, secret):
    """For your receiver: whether a callback is ours. While the secret changes, either signature is enough."""
    text = "\n".join(("POST", path, headers["X-Timestamp"], hashlib.sha256(body).hexdigest()))
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    said = (headers.get("X-Signature", ""), headers.get("X-Signature-Next", ""))
    is_fresh = abs(int(headers["X-Timestamp"]) - time.time()) <= 300
    return is_fresh and any(hmac.compare_digest(expected, one) for one in said)


class Phone:
    """The borrower's, as the sandbox shows it."""

    def __init__(self, sandbox, number):
        self.address = f"{sandbox.rstrip('/')}/sms?phone={quote(number)}&limit=20"

    def texts(self):
        with urllib.request.urlopen(self.address, timeout=10) as answer:
            return [message["text"] for message in json.loads(answer.read())["messages"]]

    def code(self, before, about=()):
        """The digits of the newest message since `before` that names one of `about`."""

        def look():
            texts = self.texts()
            new = texts[: len(texts) - len(before)] if len(texts) < 20 else [t for t in texts if t not in before]
            fitting = [text for text in new if not about or any(word in text for word in about)]
            found = re.search(r"(?<!\d)\d{4,8}(?!\d)", fitting[0]) if fitting else None
            return found and found.group()

        return until(look, "a text message")


def until(look, what, seconds=120):
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    sys.exit(f"gave up waiting for {what}")


def accept(partner, phone, application_id, moment, optional=(), **about):
    """Show the borrower each document, then send what they accepted: first without codes, then with them."""
    asked = {"application_id": application_id, "moment": moment, **about}
    shown = partner.call("GET", "agreements", query=asked)
    wanted = [one for one in shown if not one["given"] and (not one["optional"] or one["code"] in optional)]
    documents = [{"code": one["code"], "version": one["version"]} for one in wanted]
    for one, document in zip(wanted, documents):
        if moment == "drawdown" and one["accepted_by"] == "otp":
            document["recipients"] = one["recipients"]  # the lenders, by name
    before = phone.texts()
    body = {"application_id": application_id, "documents": documents, "borrower_ip": "203.0.113.9"}
    answer = partner.call("POST", "agreements", body)
    for one, document in zip(wanted, documents):
        if one["code"] in answer.get("codes_sent", ()):
            document["otp"] = phone.code(before, (one["title_zh"], one["title_en"]))
    before = phone.texts()
    if "codes_sent" in answer:
        answer = partner.call("POST", "agreements", body)
    print(f"  accepted: {', '.join(answer['recorded'])}")
    return before


def authorise_operator(partner, phone, application_id, before):
    """The phone operator's own code, or its own page. Without its report a person decides."""
    asked = {"application_id": application_id}

    def look():
        found = partner.call("GET", "operator", query=asked)
        return None if found["is_checking"] or found["state"] == "started" else found

    stands = until(look, "the phone operator")
    if stands["state"] == "code_sent":
        partner.call("POST", "operator/code", {**asked, "code": phone.code(before)})
        stands = until(look, "the phone operator")
    elif stands["state"] == "redirected":
        print(f"  open {stands['page']} in the borrower's browser")
    print(f"  phone operator: {stands['state']}")


def bring(partner, phone, number, id_number, card_number):
    order_id = f"order-{uuid.uuid4().hex[:12]}"
    contact = {"relation": "spouse", "name": "李芳", "phone": f"139{number[3:]}"}
    # Somebody of their own each time: many with one address, contact or card look like fraud, and a person decides.
    person = {"phone": number, "id_number": id_number, "address": f"文昌路{number[-4:]}号", "contacts": [contact]}
    brought = partner.call("POST", "applications", {"order_id": order_id, **person, **BORROWER})
    application_id = brought["application_id"]
    print(f"application {application_id}: {brought['status']}")
    before = accept(partner, phone, application_id, "apply", optional=("operator", "bankflow"))
    authorise_operator(partner, phone, application_id, before)

    def decided():
        found = partner.call("GET", f"applications/{application_id}")
        return found if found["status"] not in ("RECEIVED", "REVIEWING") else None

    decision = until(decided, "the decision")
    print(f"application: {decision['status']}")
    if decision["status"] != "GRANTED":
        return application_id, None
    limits = {"application_id": application_id}
    [limit] = until(lambda: partner.call("GET", "limits", query=limits), "the limit")
    print(f"limit: {limit['free_cents'] / 100:,.2f} {limit['currency']} at {limit['annual_rate']} a year")

    before = phone.texts()
    card = partner.call("POST", "bank-cards", {**limits, "number": card_number, "phone": number})

    def checked():
        [found] = partner.call("GET", "bank-cards", query=limits)
        return found if found["state"] != "added" else None

    if until(checked, "the card check")["state"] == "checked":
        partner.call("POST", f"bank-cards/{card['card_id']}/confirm", {"code": phone.code(before)})

    amount_cents = limit["free_cents"] // limit["step_cents"] * limit["step_cents"]
    terms = {"amount_cents": amount_cents, "months": limit["months"]}
    cost = partner.call("POST", "quote", {**limits, **terms})
    print(f"instalment: {cost['instalment_cents'] / 100:,.2f}, all-in annual cost {cost['xirr']}")
    accept(partner, phone, application_id, "drawdown", **terms)
    asked = {**limits, **terms, "card_id": card["card_id"], "purpose": "education"}
    drawdown_id = partner.call("POST", "drawdowns", asked, key=f"draw-{order_id}")["drawdown_id"]
    return application_id, sign(partner, phone, drawdown_id)


def sign(partner, phone, drawdown_id):
    """Show the cost sheet for five seconds, then sign the whole set with one code; the drawdown at its end."""
    door = f"drawdowns/{drawdown_id}"

    def moved(*waiting):
        found = partner.call("GET", door)
        return found if found["status"] not in waiting else None

    drawdown = until(lambda: moved("DRAWDOWN_REVIEWING"), "a lender")
    print(f"drawdown {drawdown_id}: {drawdown['status']}")
    if drawdown["status"] != "NEED_SIGN":
        return drawdown

    def ready():
        papers = partner.call("GET", f"{door}/contracts")
        return papers if papers and all(paper["is_ready"] for paper in papers) else None

    for paper in until(ready, "the contracts"):
        pdf = partner.call("GET", f"{door}/contracts/{paper['contract_id']}")
        print(f"  {paper['title_en']}: {len(pdf)} bytes")
    time.sleep(5.5)
    before = phone.texts()
    until(lambda: asked_to_sign(partner, door), "the five seconds of reading")
    partner.call("POST", f"{door}/sign", {"code": phone.code(before), "borrower_ip": "203.0.113.9"})
    drawdown = until(lambda: moved("NEED_SIGN", "PAYING"), "the money")
    print(f"drawdown: {drawdown['status']}")
    return drawdown


def asked_to_sign(partner, door):
    try:
        return partner.call("POST", f"{door}/sign", {})
    except Refused as refused:
        if refused.code not in ("cost_sheet_not_read", "contracts_not_ready"):
            raise
        return None


def repay(partner, loan_id):
    """The first instalment."""
    plan = partner.call("GET", f"loans/{loan_id}/repayment-plan")
    due = next(line for line in plan["instalments"] if line["open_cents"])
    body = {"amount_cents": due["open_cents"]}
    partner.call("POST", f"loans/{loan_id}/repayments", body, key=f"repay-{loan_id}-{due['number']}")
    until(lambda: partner.call("GET", f"loans/{loan_id}/repayments")["repayments"], "the repayment")
    print(f"repaid: instalment {due['number']}, {due['open_cents'] / 100:,.2f}")


def stream(partner):
    """Every status so far, in order."""
    events, after = [], 0
    while True:
        page = partner.call("GET", "events", query={"after": after, "limit": 100})
        events += page["events"]
        after = page["last_seq"]
        if not page["has_more"]:
            return events


def reconcile(partner, received_by_us, application_id):
    """The stream has no gap; the receiver has the same, whatever the order it came in. What it lacks is asked for."""

    def same():
        events = {event["seq"]: event for event in stream(partner)}
        received = {event["seq"]: event for event in received_by_us()}
        return events if {seq: received.get(seq) for seq in events} == events else None

    events = stream(partner)
    if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
        sys.exit("the stream has a gap")
    missing = {event["seq"] for event in events} - {event["seq"] for event in received_by_us()}
    for seq in sorted(missing):
        partner.call("POST", "events/resend", {"from_seq": seq, "to_seq": seq})
    events = until(same, "the callbacks")
    words = [event["status"] for event in events.values() if event["application_id"] == application_id]
    print(f"reconciled {len(events)} events with the callbacks: {' '.join(dict.fromkeys(words))}")


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--platform", default="http://127.0.0.1:8000")
    asked.add_argument("--sandbox", default="http://127.0.0.1:8100")
    asked.add_argument("--app-id", default="loanhub")
    asked.add_argument("--secret", default="sandbox-LOANHUB")
    asked.add_argument("--precheck-key", default="sandbox-precheck-LOANHUB")
    asked.add_argument("--channel", default="LOANHUB", help="whose receiver the sandbox plays")
    asked.add_argument("--phone", default="13800138000")
    asked.add_argument("--id-number", default="330106199003070014", help="see the guide's personas")
    asked.add_argument("--card", default="6233910000000000018")
    given = asked.parse_args()
    partner, phone = Partner(given.platform, given.app_id, given.secret), Phone(given.sandbox, given.phone)

    hashed = hmac.new(given.precheck_key.encode(), given.phone.encode(), hashlib.sha256).hexdigest()
    bucket = partner.call("POST", "precheck", {"phone_hash_prefix": hashed[:8]})
    answers = {row["hash"]: row["answer"] for row in bucket["matches"]}
    print(f"precheck: {answers.get(hashed, bucket['otherwise'])}")

    application_id, drawdown = bring(partner, phone, given.phone, given.id_number, given.card)
    if drawdown and drawdown["status"] == "PAID":
        repay(partner, drawdown["loan_id"])

    def received_by_us():
        with urllib.request.urlopen(f"{given.sandbox}/partner/{given.channel}/events", timeout=10) as answer:
            return json.loads(answer.read())["events"]

    reconcile(partner, received_by_us, application_id)


if __name__ == "__main__":
    main()
