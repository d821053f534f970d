"""Other sites' pages, as a browser would let them ask: nothing is answered with a name, a cookie or credentials."""

import httpx
import pytest
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED
from stranger import API, Stranger

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
EVIL = {"Origin": "https://evil.example"}
NAMED = {"Host": "demo.example.com"}
LOGIN = {"username": "ann", "password": "secret"}


@pytest.fixture(scope="module")
def address():
    flags = (
        "--auth",
        "ann:secret",
        "--allow-host",
        "demo.example.com",
        "--allow-origin",
        "https://friend.example",
    )
    with serving(page_app(SeeingEngine(step_s=0), *flags)) as address:
        yield address


@pytest.fixture
def ann(address):
    with Stranger(address, **NAMED) as ann:
        assert ann.post("login", data=LOGIN).status_code == 303
        assert ann.get("config").json()["username"] == "ann"
        yield ann


def credentials(answer):
    return [
        name
        for name in answer.headers
        if name.startswith("access-control-") or name == "set-cookie"
    ]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://demo.example.com.evil.example"]
)
def test_a_foreign_page_learns_nothing_of_who_is_logged_in(ann, origin):
    foreign = {"Origin": origin}
    answers = [
        ann.get(path, headers=foreign)
        for path in ("config", "", "theme.css", "v1/models", f"{API}/app_id")
    ]
    body = {"data": [], "fn_index": 0, "session_hash": "x"}
    answers += [
        ann.post(path, headers=foreign, json=body)
        for path in (f"{API}/queue/join", f"{API}/run/predict")
    ]
    answers += [ann.post(f"{API}/upload", headers=foreign, files={"files": ("a.txt", b"a")})]
    answers += [
        ann.post("login", headers=foreign, data=LOGIN),
        ann.post("v1/chat/completions", headers=foreign, json={}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
        assert not credentials(answer)
        assert "ann" not in answer.text


def test_a_preflight_of_a_foreign_page_is_refused(ann):
    asked = {**EVIL, "Access-Control-Request-Method": "POST"}
    answer = ann.client.options(f"{API}/queue/join", headers=asked)
    assert (answer.status_code, credentials(answer)) == (403, [])


def test_what_a_foreign_page_includes_without_an_origin_is_refused_but_going_here_is_not(ann):
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert ann.get("config", headers={**cross, "Sec-Fetch-Mode": "no-cors"}).status_code == 403
    assert ann.get("", headers={**cross, "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_the_page_itself_and_a_page_that_is_allowed_may_ask(ann):
    assert ann.get("config", headers={"Origin": "https://demo.example.com"}).status_code == 200
    friendly = ann.get("config", headers={"Origin": "https://friend.example"})
    assert friendly.headers["access-control-allow-origin"] == "https://friend.example"
    assert "https://friend.example" in ann.get("").headers["content-security-policy"]


def test_a_name_that_is_not_the_servers_is_not_answered(address):
    """DNS rebinding: evil.example points to this machine, so its page is the server's own to the browser."""
    for name in ("evil.example", "localhost.evil.example", "", "[evil]"):
        answer = httpx.get(f"{address}config", headers={"Host": name, "Origin": f"http://{name}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host")
    for name in ("localhost:7860", "127.0.0.1", "[::1]:7860", "192.168.1.9:80", "DEMO.example.com"):
        assert httpx.get(address, headers={"Host": name}).status_code == 200
    assert httpx.get(f"{address}health", headers={"Host": "balancer"}).status_code == 200


def test_cookies_stay_on_their_site(address):
    answer = httpx.get(address)
    assert "SameSite=Lax" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "no-store" in answer.headers["cache-control"]


def test_the_page_may_load_from_this_server_only(address):
    headers = httpx.get(address).headers
    assert "img-src 'self' data: blob:;" in headers["content-security-policy"]
    assert "http://" not in headers["content-security-policy"]
    assert headers["x-dns-prefetch-control"] == "off"


def test_a_login_changes_the_cookie_and_a_logout_ends_it(ann):
    before = dict(ann.client.cookies)
    ann.post("login", data=LOGIN)
    after = dict(ann.client.cookies)
    assert before != after
    assert ann.get("config", headers={"Cookie": f"visitor={before['visitor']}"}).status_code == 401
    ann.client.cookies.update(after)
    ann.get("logout")
    assert ann.get("config").status_code == 401


def test_a_visitor_who_is_not_logged_in_sees_the_form_only(address):
    with Stranger(address) as stranger:
        assert "password" in stranger.get("").text
        assert "密码" in stranger.get("", headers={"Accept-Language": "zh-CN"}).text
        for path in (
            "config",
            "theme.css",
            f"{API}/heartbeat/abc",
            f"{API}/queue/data?session_hash=abc",
            f"{API}/info",
        ):
            assert stranger.get(path).status_code == 401
        for path in (f"{API}/upload", f"{API}/cancel", f"{API}/queue/join"):
            assert stranger.post(path, json={}).status_code == 401
        wrong = stranger.post("login", data={"username": "ann", "password": "<wrong>"})
        assert (wrong.status_code, "wrong" in wrong.text, "<wrong>" in wrong.text) == (
            401,
            True,
            False,
        )


def test_guesses_are_slowed_down_and_logged_without_the_secret(caplog):
    with (
        serving(page_app(SeeingEngine(step_s=0), "--auth", "ann:secret")) as address,
        httpx.Client() as client,
    ):
        guesses = [
            client.post(f"{address}login", data={"username": "ann", "password": f"guess{n}"})
            for n in range(40)
        ]
        refused = client.post(f"{address}login", data=LOGIN)
        program = client.get(f"{address}v1/models", headers={"Authorization": "Bearer ann:secret"})
    assert [guess.status_code for guess in guesses[:5]] == [401] * 5
    assert [guess.status_code for guess in guesses].count(401) < 10
    for answer in (guesses[-1], refused, program):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
    assert "Wrong password for 'ann' from 127.0.0.1, attempt 5" in caplog.text
    assert "guess" not in caplog.text
    assert "secret" not in caplog.text


def test_guesses_at_the_api_are_slowed_down_too():
    with (
        serving(page_app(SeeingEngine(step_s=0), "--auth", "ann:secret")) as address,
        httpx.Client() as client,
    ):
        keys = [f"Bearer ann:guess{number}" for number in range(40)]
        statuses = [
            client.get(f"{address}v1/models", headers={"Authorization": key}).status_code
            for key in keys
        ]
        nobody = client.get(f"{address}v1/models")
    assert statuses.count(401) < 10
    assert statuses[-1] == 429
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "invalid_api_key")
