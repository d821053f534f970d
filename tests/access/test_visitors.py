import pytest

from webui.access.accounts import Accounts
from webui.access.refusal import Refusal
from webui.access.sessions import MAX_STREAMS_PER_VISITOR, Sessions
from webui.access.uploads import MAX_FILES_PER_VISITOR, Uploads, file_paths
from webui.access.visitors import Visitor, Visitors
from webui.errors import LoginError

ANN, BOB = Visitor("a" * 43), Visitor("b" * 43)


def scope(cookie="", **headers):
    headers = {"cookie": cookie, **headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "client": ("1.2.3.4", 1)}


def test_a_browser_is_known_by_its_cookie():
    visitors = Visitors(Accounts([]))
    new = visitors.identify(scope())
    assert new.fresh
    known = visitors.identify(scope(visitors.cookie(new, "http")))
    assert (known.id, known.fresh, known.owner) == (new.id, False, new.owner)
    assert visitors.identify(scope("visitor=short")).fresh


@pytest.mark.parametrize(
    ("options", "scheme", "kind"),
    [
        ({}, "http", "HttpOnly; SameSite=Lax"),
        ({}, "https", "HttpOnly; SameSite=Lax; Secure"),
        ({"embedded": True}, "http", "HttpOnly; SameSite=None; Secure; Partitioned"),
        ({"framed": True}, "https", "HttpOnly; SameSite=None; Secure; Partitioned"),
        ({"framed": True}, "http", "HttpOnly; SameSite=Lax"),
    ],
)
def test_the_cookie_stays_on_its_site_unless_the_page_is_framed(options, scheme, kind):
    assert Visitors(Accounts([]), **options).cookie(ANN, scheme).endswith(kind)


def test_a_login_has_a_new_cookie_and_ends_with_a_logout():
    visitors = Visitors(Accounts([("ann", "secret")]))
    known = visitors.log_in(ANN, "ann", "secret")
    assert (known.id != ANN.id, known.owner) == (True, "user ann")
    assert [
        visitors.may_see(visitors.identify(scope(f"visitor={each.id}"))) for each in (ANN, known)
    ] == [False, True]
    visitors.log_out(known)
    assert not visitors.may_see(visitors.identify(scope(f"visitor={known.id}")))


def test_a_program_is_known_by_its_key_or_its_address():
    assert Visitors(Accounts([])).caller(scope()) == "address 1.2.3.4"
    visitors = Visitors(Accounts([("ann", "secret")]))
    assert visitors.caller(scope(authorization="Bearer ann:secret")) == "user ann"
    with pytest.raises(LoginError):
        visitors.caller(scope())


def test_a_session_is_its_first_visitors():
    sessions = Sessions()
    sessions.check(ANN, "s1")
    sessions.check(ANN, "s1")
    for visitor, session in ((BOB, "s1"), (ANN, ""), (ANN, None), (ANN, "x" * 65), (ANN, ["s1"])):
        with pytest.raises(Refusal):
            sessions.check(visitor, session)


def test_connections_of_one_visitor_are_bounded_and_given_back():
    sessions = Sessions()
    streams = [sessions.open_stream(ANN) for _ in range(MAX_STREAMS_PER_VISITOR)]
    for stream in streams:
        stream.__enter__()
    with (
        pytest.raises(Refusal, match=f"{MAX_STREAMS_PER_VISITOR} connections"),
        sessions.open_stream(ANN),
    ):
        pass
    with sessions.open_stream(BOB):
        pass
    streams[0].__exit__(None, None, None)
    with sessions.open_stream(ANN):
        pass


def test_the_newest_files_of_a_visitor_are_remembered(tmp_path):
    uploads = Uploads()
    for number in range(MAX_FILES_PER_VISITOR + 1):
        uploads.add(ANN, str(tmp_path / str(number)))
    uploads.check(ANN, str(tmp_path / "1"))
    for visitor, name in ((ANN, "0"), (BOB, "1")):
        with pytest.raises(Refusal, match="was not added in this browser"):
            uploads.check(visitor, str(tmp_path / name))


def test_public_files_are_for_the_eye_only(tmp_path):
    icon = str(tmp_path / "icon.png")
    uploads = Uploads([icon])
    uploads.check(ANN, icon, public=True)
    with pytest.raises(Refusal):
        uploads.check(ANN, icon)


def test_files_are_found_wherever_an_event_names_one():
    deep = {
        "data": [
            [{"files": [{"path": "a", "url": "b"}]}],
            {"x": {"path": "c", "y": {"path": 7}}},
            "path",
        ]
    }
    assert sorted(file_paths(deep)) == ["", "a", "c"]
