"""The sandbox's WeChat, on its own wire."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from lending.sandbox.vendors.wechat import MINI, OFFICIAL, SECRET
from tests.sandbox_server import SandboxClient

BACK = "https://loans.example.com/wechat/return?a=1"


@pytest.fixture
def wechat(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def person() -> str:
    return uuid4().hex[:10]  # used codes outlive the test


def mini(wechat: httpx.Client, code: str, **more: str) -> dict:
    query = {"appid": MINI, "secret": SECRET, "js_code": code, "grant_type": "authorization_code"} | more
    answer = wechat.get("/sns/jscode2session", params=query)
    assert answer.status_code == 200
    return answer.json()


def official(wechat: httpx.Client, code: str, **more: str) -> dict:
    query = {"appid": OFFICIAL, "secret": SECRET, "code": code, "grant_type": "authorization_code"} | more
    return wechat.get("/sns/oauth2/access_token", params=query).json()


def authorise(wechat: httpx.Client, **more: str) -> httpx.Response:
    query = {"appid": OFFICIAL, "redirect_uri": BACK, "response_type": "code", "scope": "snsapi_base", "state": "s-1"}
    return wechat.get("/connect/oauth2/authorize", params=query | more)


def code_of(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


class TestExchange:
    def test_one_person_has_an_openid_for_each_app_and_one_unionid(self, wechat: httpx.Client, person: str) -> None:
        first, again, other = mini(wechat, f"{person}.1"), mini(wechat, f"{person}.2"), official(wechat, f"{person}.3")
        assert first["openid"] == again["openid"] != other["openid"]
        assert first["unionid"] == again["unionid"] == other["unionid"]
        assert first["session_key"] != again["session_key"]
        assert other["expires_in"] == 7200
        assert mini(wechat, f"x{person}.1")["unionid"] != first["unionid"]

    def test_a_code_works_once(self, wechat: httpx.Client, person: str) -> None:
        assert "openid" in mini(wechat, person)
        assert mini(wechat, person)["errcode"] == 40163

    @pytest.mark.parametrize(
        ("more", "errcode"),
        [
            ({"appid": OFFICIAL}, 40013),
            ({"secret": "x"}, 40125),
            ({"grant_type": "x"}, 40002),
            ({"js_code": ""}, 41008),
            ({"js_code": "bad-code"}, 40029),
        ],
    )
    def test_what_is_wrong_is_a_number_at_200(
        self, wechat: httpx.Client, person: str, more: dict, errcode: int
    ) -> None:
        assert mini(wechat, person, **more)["errcode"] == errcode
        assert "openid" in mini(wechat, person)  # and has used nothing up

    def test_a_code_made_here_lasts_five_minutes_and_is_for_its_app(
        self, sandbox: SandboxClient, wechat: httpx.Client, person: str
    ) -> None:
        code, late = (wechat.get("/wechat/login", params={"person": person}).json()["code"] for _ in range(2))
        assert official(wechat, code)["errcode"] == 40029
        assert "openid" in mini(wechat, code)
        sandbox.control("clock", offset_seconds=301)
        assert mini(wechat, late)["errcode"] == 40029

    def test_faults_are_switched_on(self, sandbox: SandboxClient, wechat: httpx.Client, person: str) -> None:
        for word, errcode in (("busy", -1), ("limited", 45011), ("blocked", 40226), ("invalid", 40029)):
            sandbox.control("wechat", force={person: word})
            assert mini(wechat, f"{person}.1")["errcode"] == errcode
        sandbox.control("wechat", force={person: "no_unionid"})
        assert "unionid" not in mini(wechat, f"{person}.1")
        sandbox.control("wechat", force={}, error_rate=1.0)
        assert wechat.get("/sns/jscode2session").status_code == 500
        assert [call["status"] for call in sandbox.calls("wechat", path="/sns/")][:2] == [500, 200]


class TestAuthorise:
    def test_sends_back_with_a_code_and_the_state(self, wechat: httpx.Client) -> None:
        answer = authorise(wechat)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(BACK + "&code=")
        assert answer.headers["Location"].endswith("&state=s-1")
        assert "unionid" not in official(wechat, code_of(answer))

    def test_a_browser_stays_the_same_person(self, wechat: httpx.Client) -> None:
        first, again = (official(wechat, code_of(authorise(wechat, scope="snsapi_userinfo"))) for _ in range(2))
        assert first == again | {name: first[name] for name in ("access_token", "refresh_token")}
        named = official(wechat, code_of(authorise(wechat, person=uuid4().hex)))
        assert named["openid"] != first["openid"]

    @pytest.mark.parametrize(
        "wrong", [{"appid": MINI}, {"redirect_uri": "javascript:1"}, {"scope": "all"}, {"response_type": "token"}]
    )
    def test_refuses_what_is_no_request_of_an_official_account(self, wechat: httpx.Client, wrong: dict) -> None:
        assert authorise(wechat, **wrong).status_code == 400
