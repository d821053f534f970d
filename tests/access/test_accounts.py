"""Accounts: passwords, keys, and the wait after wrong attempts."""

import base64

import pytest

from webui.access.login.accounts import MAX_ACCOUNT_WAIT_S, MAX_ADDRESS_WAIT_S, Accounts
from webui.access.login.attempts import FREE_ATTEMPTS, MAX_KEYS, Attempts
from webui.errors import LoginError, TooManyAttemptsError


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def accounts(clock):
    return Accounts([("ann", "secret"), ("bob", "pass:word")], clock)


def guess(accounts, name="ann", address="1.2.3.4", times=1):
    for _ in range(times):
        with pytest.raises(LoginError):
            accounts.log_in(name, "wrong", address)


def test_only_the_right_password_is_accepted(accounts):
    assert accounts.log_in("ann", "secret", "1.2.3.4") == "ann"
    for name, password in (("ann", ""), ("", "secret"), ("bob", "secret"), ("ännä", "sécret")):
        with pytest.raises(LoginError):
            accounts.log_in(name, password, name)


def test_keys_are_bearer_tokens_or_basic(accounts):
    basic = base64.b64encode(b"bob:pass:word").decode()
    assert accounts.check_key("Bearer bob:pass:word", "a") == "bob"
    assert accounts.check_key(f"basic {basic}", "a") == "bob"
    for key in (
        "",
        "Bearer",
        "Bearer none",
        "Basic ===",
        f"Basic {base64.b64encode(bytes([255])).decode()}",
        "Digest x",
    ):
        with pytest.raises(LoginError):
            accounts.check_key(key, "a")


def test_a_request_without_a_key_is_no_attempt(accounts):
    for _ in range(50):
        with pytest.raises(LoginError):
            accounts.check_key("", "1.2.3.4")
    assert accounts.log_in("ann", "secret", "1.2.3.4") == "ann"


def test_after_wrong_passwords_even_the_right_one_waits(accounts, clock):
    guess(accounts, times=FREE_ATTEMPTS)
    with pytest.raises(TooManyAttemptsError, match="in 1 s"):
        accounts.log_in("ann", "secret", "1.2.3.4")
    clock.now = 1.0
    assert accounts.log_in("ann", "secret", "1.2.3.4") == "ann"


def test_each_wrong_attempt_doubles_the_wait_up_to_a_bound(clock):
    attempts = Attempts(60.0, clock)
    waits = []
    for _ in range(FREE_ATTEMPTS + 10):
        attempts.record_failure("a")
        waits.append(attempts.wait_s("a"))
    assert waits[FREE_ATTEMPTS - 2 : FREE_ATTEMPTS + 3] == [0, 1, 2, 4, 8]
    assert waits[-1] == 60


def test_an_address_waits_after_attempts_at_any_account(accounts):
    for number in range(FREE_ATTEMPTS):
        guess(accounts, name=f"name{number}")
    with pytest.raises(TooManyAttemptsError):
        accounts.log_in("bob", "pass:word", "1.2.3.4")
    assert accounts.log_in("bob", "pass:word", "5.6.7.8") == "bob"


def test_an_account_waits_after_attempts_from_any_address_but_briefly(accounts, clock):
    for number in range(40):
        clock.now += MAX_ACCOUNT_WAIT_S
        guess(accounts, address=f"address{number}")
    with pytest.raises(TooManyAttemptsError, match=f"in {MAX_ACCOUNT_WAIT_S:.0f} s"):
        accounts.log_in("ann", "secret", "home")
    assert MAX_ACCOUNT_WAIT_S < MAX_ADDRESS_WAIT_S


def test_an_address_that_logged_in_before_is_not_locked_out(accounts, clock):
    accounts.log_in("ann", "secret", "home")
    for number in range(FREE_ATTEMPTS):
        guess(accounts, address=f"address{number}")
    assert accounts.log_in("ann", "secret", "home") == "ann"
    guess(accounts, address="home", times=FREE_ATTEMPTS)
    with pytest.raises(TooManyAttemptsError):
        accounts.log_in("ann", "secret", "home")


def test_the_number_of_recorded_keys_is_bounded(clock):
    attempts = Attempts(60.0, clock)
    for number in range(MAX_KEYS + 1):
        attempts.record_failure(str(number))
    assert attempts.record_failure("0") == 1
    assert attempts.record_failure(str(MAX_KEYS)) == 2
