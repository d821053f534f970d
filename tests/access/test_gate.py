"""Other sites' pages, foreign host names, cookies and security headers of the whole server."""

import httpx
import pytest
from page_client import API, PageClient
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED

from webui.access.login.attempts import FREE_ATTEMPTS

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
FLAGS = (
    *("--auth", "ann:secret"),
    *("--allow-host", "demo.example.com"),
    *("--allow-origin", "https://friend.example"),
)
GUARD_S = 60
LOGIN = {"username": "ann", "password": "secret"}


@pytest.fixture(scope="module")
def address():
    with serving(page_app(SeeingEngine(step_s=0), *FLAGS)) as address:
        yield address


@pytest.fixture
def ann(address):
    with PageClient(address, Host="demo.example.com") as ann:
        assert ann.post("login", data=LOGIN).status_code == 303
        assert ann.get("config").json()["username"] == "ann"
        yield ann


def credential_headers(response):
    return [
        name
        for name in response.headers
        if name.startswith("access-control-") or name == "set-cookie"
    ]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://demo.example.com.evil.example"]
)
def test_a_foreign_page_gets_no_answer(ann, origin):
    foreign = {"Origin": origin}
    event = {"data": [], "fn_index": 0, "session_hash": "x"}
    responses = [
        *(ann.get(path, headers=foreign) for path in ("config", "", "theme.css", "v1/models")),
        ann.get(f"{API}/app_id", headers=foreign),
        ann.post(f"{API}/queue/join", headers=foreign, json=event),
        ann.post(f"{API}/run/predict", headers=foreign, json=event),
        ann.post(f"{API}/upload", headers=foreign, files={"files": ("a.txt", b"a")}),
        ann.post("login", headers=foreign, data=LOGIN),
        ann.post("v1/chat/completions", headers=foreign, json={}),
    ]
    for response in responses:
        assert (response.status_code, response.json()["error"]["code"]) == (403, "foreign_origin")
        assert not credential_headers(response)
        assert "ann" not in response.text


def test_a_preflight_of_a_foreign_page_is_refused(ann):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = ann.client.options(f"{API}/queue/join", headers=headers)
    assert (response.status_code, credential_headers(response)) == (403, [])


def test_a_foreign_page_may_link_here_but_not_embed(ann):
    cross_site = {"Sec-Fetch-Site": "cross-site"}
    embedded = ann.get("config", headers={**cross_site, "Sec-Fetch-Mode": "no-cors"})
    linked = ann.get("", headers={**cross_site, "Sec-Fetch-Mode": "navigate"})
    assert (embedded.status_code, linked.status_code) == (403, 200)


def test_the_page_itself_and_allowed_pages_are_answered(ann):
    assert ann.get("config", headers={"Origin": "https://demo.example.com"}).status_code == 200
    response = ann.get("config", headers={"Origin": "https://friend.example"})
    assert response.headers["access-control-allow-origin"] == "https://friend.example"
    assert "https://friend.example" in ann.get("").headers["content-security-policy"]


def test_a_foreign_host_name_is_refused(address):
    """DNS rebinding makes evil.example point here, and its page this server's own."""
    for name in ("evil.example", "localhost.evil.example", "", "[evil]"):
        headers = {"Host": name, "Origin": f"http://{name}"}
        response = httpx.get(f"{address}config", headers=headers, timeout=GUARD_S)
        assert (response.status_code, response.json()["error"]["code"]) == (421, "unknown_host")
    for name in ("localhost:7860", "127.0.0.1", "[::1]:7860", "192.168.1.9:80", "DEMO.example.com"):
        assert httpx.get(address, headers={"Host": name}, timeout=GUARD_S).status_code == 200
    assert (
        httpx.get(f"{address}health", headers={"Host": "balancer"}, timeout=GUARD_S).status_code
        == 200
    )


def test_cookies_stay_on_their_site(address):
    headers = httpx.get(address, timeout=GUARD_S).headers
    assert "SameSite=Lax" in headers["set-cookie"]
    assert "HttpOnly" in headers["set-cookie"]
    assert "no-store" in headers["cache-control"]


def test_the_page_loads_from_this_server_only(address):
    headers = httpx.get(address, timeout=GUARD_S).headers
    assert "img-src 'self' data: blob:;" in headers["content-security-policy"]
    assert "http://" not in headers["content-security-policy"]
    assert headers["x-dns-prefetch-control"] == "off"


def test_a_login_changes_the_cookie_and_a_logout_ends_it(ann):
    before = dict(ann.client.cookies)
    ann.post("login", data=LOGIN)
    after = dict(ann.client.cookies)
    assert before != after
    old_cookie = {"Cookie": f"visitor={before['visitor']}"}
    assert ann.get("config", headers=old_cookie).status_code == 401
    ann.client.cookies.update(after)
    ann.get("logout")
    assert ann.get("config").status_code == 401


def test_a_visitor_without_a_login_sees_only_the_form(address):
    with PageClient(address) as visitor:
        assert "password" in visitor.get("").text
        assert "密码" in visitor.get("", headers={"Accept-Language": "zh-CN"}).text
        for path in (
            "config",
            "theme.css",
            f"{API}/heartbeat/abc",
            f"{API}/queue/data?session_hash=abc",
            f"{API}/info",
        ):
            assert visitor.get(path).status_code == 401
        for path in (f"{API}/upload", f"{API}/cancel", f"{API}/queue/join"):
            assert visitor.post(path, json={}).status_code == 401
        response = visitor.post("login", data={"username": "ann", "password": "<wrong>"})
        assert response.status_code == 401
        assert "wrong" in response.text
        assert "<wrong>" not in response.text


@pytest.fixture
def fresh_address():
    """Yield the address of a server without wrong passwords yet, whose clock stands still."""
    app = page_app(SeeingEngine(step_s=0), "--auth", "ann:secret", clock=lambda: 0.0)
    with serving(app) as address:
        yield address


def test_wrong_passwords_are_slowed_down_and_logged_without_the_secret(fresh_address, caplog):
    with httpx.Client(base_url=fresh_address, timeout=GUARD_S) as client:
        guesses = [
            client.post("login", data={"username": "ann", "password": f"guess{number}"})
            for number in range(FREE_ATTEMPTS + 3)
        ]
        right = client.post("login", data=LOGIN)
        program = client.get("v1/models", headers={"Authorization": "Bearer ann:secret"})
    statuses = [guess.status_code for guess in guesses]
    assert statuses == [401] * FREE_ATTEMPTS + [429] * 3
    for response in (guesses[-1], right, program):
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
    assert "Wrong password for 'ann' from 127.0.0.1, attempt 5" in caplog.text
    assert "guess" not in caplog.text
    assert "secret" not in caplog.text


def test_wrong_keys_are_slowed_down_too(fresh_address):
    with httpx.Client(base_url=fresh_address, timeout=GUARD_S) as client:
        responses = [
            client.get("v1/models", headers={"Authorization": f"Bearer ann:guess{number}"})
            for number in range(FREE_ATTEMPTS + 3)
        ]
        keyless = client.get("v1/models")
    statuses = [response.status_code for response in responses]
    assert statuses == [401] * FREE_ATTEMPTS + [429] * 3
    assert (keyless.status_code, keyless.json()["error"]["code"]) == (401, "invalid_api_key")
