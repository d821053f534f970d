"""Signed logins: what ends one, and what is no login of this server."""

import pytest

from webui.access.login.accounts import Accounts
from webui.access.login.tokens import LOGIN_AGE_S, MAX_ENDED, LoginTokens

SECRET = b"s" * 32
ANN, BOB = "a" * 43, "b" * 43
ACCOUNTS = [("ann", "secret"), ("Žofie:ß", "pass")]


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


def tokens(accounts=ACCOUNTS, secret=SECRET, clock=Clock):
    """Return what a process has after its start."""
    return LoginTokens(Accounts(accounts), secret, clock())


@pytest.fixture
def login():
    return tokens().sign(ANN, "ann", "secret")


@pytest.mark.parametrize(("name", "password"), ACCOUNTS)
def test_another_process_with_the_same_secret_knows_a_login(name, password):
    login = tokens().sign(ANN, name, password)
    assert tokens().user_of(ANN, login) == name


def test_a_login_is_valid_for_its_visitor_only(login):
    assert tokens().user_of(BOB, login) == ""


def test_a_changed_password_and_a_removed_account_end_a_login(login):
    assert tokens([("ann", "new"), ("bob", "secret")]).user_of(ANN, login) == ""
    assert tokens([("bob", "secret")]).user_of(ANN, login) == ""
    assert tokens([]).user_of(ANN, login) == ""


def test_a_login_of_another_secret_is_foreign(login):
    assert tokens(secret=b"t" * 32).user_of(ANN, login) == ""


def test_a_login_expires(login):
    later = Clock()
    later.now += LOGIN_AGE_S - 1
    assert tokens(clock=lambda: later).user_of(ANN, login) == "ann"
    later.now += 1
    assert tokens(clock=lambda: later).user_of(ANN, login) == ""


def test_every_changed_part_is_noticed(login):
    expiry, signature, name = login.split(".")
    other_name = tokens().sign(ANN, *ACCOUNTS[1]).split(".")[2]
    for forged in (
        f"{int(expiry) + 1}.{signature}.{name}",
        f"0{expiry}.{signature[:-1]}.{name}",
        f"{expiry}.{'A' * 43}.{name}",
        f"{expiry}.{signature}.{other_name}",
        f"{expiry}.{signature}.____",
        f"{expiry}.{signature}.A",
        f"{expiry}.{signature}.",
        f"{expiry}.{signature}",
        f"{login}\n",
        f"{login}.x",
        "١" * 7 + f".{signature}.{name}",
        "",
    ):
        assert tokens().user_of(ANN, forged) == "", forged


def test_an_ended_login_stays_ended_and_the_list_is_bounded(login):
    ended = tokens()
    ended.end(ANN)
    assert ended.user_of(ANN, login) == ""
    for number in range(MAX_ENDED):
        ended.end(str(number))
    assert len(ended._ended) == MAX_ENDED
