"""Signing in and out over real restarts of the server."""

import pytest
from page_client import PageClient
from person import DEPRECATED
from running_copy import running_copy

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
LOGIN = {"username": "ann", "password": "secret"}


@pytest.fixture
def start(tmp_path):
    """Start the server with the same state folder each time."""

    def start(password="secret", state="state"):
        flags = ("--auth", f"ann:{password}", "--state-folder", str(tmp_path / state))
        return running_copy(tmp_path, *flags)

    return start


def sign_in(address):
    """Return the cookies of a browser that has signed in."""
    with PageClient(address) as ann:
        before = ann.client.cookies["visitor"]
        assert ann.post("login", data=LOGIN).status_code == 303
        assert ann.client.cookies["visitor"][:43] != before[:43]
        return dict(ann.client.cookies)


def user_of(address, cookies):
    """Return the account that the server knows by these cookies, None where it asks to sign in."""
    with PageClient(address) as browser:
        browser.client.cookies = cookies
        config = browser.get("config")
        return config.json().get("username") if config.status_code == 200 else None


def test_a_login_outlives_a_restart_unless_the_password_or_the_secret_changed(start):
    with start() as (process, address):
        cookies = sign_in(address)
        assert user_of(address, cookies) == "ann"
        process.kill()
    with start() as (_, address):
        assert user_of(address, cookies) == "ann"
        forged = {"visitor": cookies["visitor"].replace(".", ".9", 1)}
        assert user_of(address, forged) is None
    with start(password="changed") as (_, address):
        assert user_of(address, cookies) is None
    with start(state="another") as (_, address):
        assert user_of(address, cookies) is None


def test_a_browser_that_logged_out_stays_so_after_a_restart(start):
    with start() as (_, address), PageClient(address) as ann:
        ann.post("login", data=LOGIN)
        old_cookies = dict(ann.client.cookies)
        response = ann.get("logout")
        assert "SameSite=Lax" in response.headers["set-cookie"]
        assert response.headers["cache-control"] == "no-store"
        new_cookies = dict(ann.client.cookies)
        assert user_of(address, old_cookies) is None
    with start() as (_, address):
        assert user_of(address, new_cookies) is None
