"""Visitors: cookies, logins and keys."""

import pytest

from webui.access.login.accounts import Accounts
from webui.access.visitors import Visitor, Visitors
from webui.errors import LoginError

ANN = Visitor("a" * 43)


def scope(cookie="", **headers):
    headers = {"cookie": cookie, **headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "client": ("1.2.3.4", 1)}


def test_a_browser_is_identified_by_its_cookie():
    visitors = Visitors(Accounts([]))
    new = visitors.identify(scope())
    assert new.fresh
    returning = visitors.identify(scope(visitors.cookie(new, "http")))
    assert (returning.id, returning.fresh, returning.owner) == (new.id, False, new.owner)
    assert visitors.identify(scope("visitor=short")).fresh


@pytest.mark.parametrize(
    ("options", "scheme", "attributes"),
    [
        ({}, "http", "HttpOnly; SameSite=Lax"),
        ({}, "https", "HttpOnly; SameSite=Lax; Secure"),
        ({"embedded": True}, "http", "HttpOnly; SameSite=None; Secure; Partitioned"),
        ({"framed": True}, "https", "HttpOnly; SameSite=None; Secure; Partitioned"),
        ({"framed": True}, "http", "HttpOnly; SameSite=Lax"),
    ],
)
def test_the_cookie_stays_on_its_site_unless_the_page_is_framed(options, scheme, attributes):
    assert Visitors(Accounts([]), **options).cookie(ANN, scheme).endswith(attributes)


def test_a_login_has_a_new_cookie_and_ends_with_a_logout():
    visitors = Visitors(Accounts([("ann", "secret")]))
    logged_in = visitors.log_in(ANN, "ann", "secret")
    assert (logged_in.id != ANN.id, logged_in.owner) == (True, "user ann")
    assert not visitors.may_see(visitors.identify(scope(f"visitor={ANN.id}")))
    assert not visitors.may_see(visitors.identify(scope(f"visitor={ANN.id}.{logged_in.login}")))
    cookie = visitors.cookie(logged_in, "http")
    returning = visitors.identify(scope(cookie))
    assert visitors.may_see(returning)
    logged_out = visitors.log_out(returning)
    assert (logged_out.fresh, logged_out.user, logged_out.id != returning.id) == (True, "", True)
    assert not visitors.may_see(visitors.identify(scope(cookie)))


def test_a_second_login_ends_the_first():
    visitors = Visitors(Accounts([("ann", "secret")]))
    first = visitors.cookie(visitors.log_in(ANN, "ann", "secret"), "http")
    visitors.log_in(visitors.identify(scope(first)), "ann", "secret")
    assert not visitors.may_see(visitors.identify(scope(first)))


def test_a_program_is_identified_by_its_key_or_its_address():
    assert Visitors(Accounts([])).caller(scope()) == "address 1.2.3.4"
    visitors = Visitors(Accounts([("ann", "secret")]))
    assert visitors.caller(scope(authorization="Bearer ann:secret")) == "user ann"
    with pytest.raises(LoginError):
        visitors.caller(scope())


def test_a_login_of_another_server_leaves_the_visitor_as_it_is():
    """Cookies do not distinguish ports: two servers of one host share them."""
    visitors = Visitors(Accounts([("ann", "secret")]))
    cookie = visitors.cookie(visitors.log_in(ANN, "ann", "secret"), "http")
    here = visitors.identify(scope(cookie))
    elsewhere = Visitors(Accounts([("ann", "secret")])).identify(scope(cookie))
    assert (here.user, elsewhere.user) == ("ann", "")
    assert (elsewhere.id, elsewhere.fresh) == (here.id, False)
