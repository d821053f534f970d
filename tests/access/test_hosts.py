"""Host names and origins."""

import pytest

from webui.access.hosts import Hosts
from webui.access.refusal import Refusal


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "10.0.0.7:7860",
        "[fe80::1]:80",
        "demo.example.com",
        "a.b.example.org:443",
    ],
)
def test_own_names_and_all_addresses_are_accepted(host):
    Hosts(["demo.example.com", "*.example.org"]).check({"host": host})


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "example.org", "2130706433x", "a@127.0.0.1"],
)
def test_other_names_are_refused(host):
    with pytest.raises(Refusal, match="--allow-host"):
        Hosts(["*.example.org"]).check({"host": host})


def test_a_name_can_be_added():
    hosts = Hosts([])
    with pytest.raises(Refusal):
        hosts.check({"host": "abc.gradio.live"})
    hosts.add("abc.gradio.live")
    hosts.check({"host": "abc.gradio.live", "origin": "https://abc.gradio.live"})


def test_a_proxy_may_send_the_host_name_of_the_page():
    hosts = Hosts([])
    proxied = {"host": "127.0.0.1:7860", "origin": "https://demo.example.com"}
    with pytest.raises(Refusal, match="--allow-origin"):
        hosts.check(proxied)
    hosts.check({**proxied, "x-forwarded-host": "demo.example.com"})


def test_an_origin_with_another_port_is_another_site():
    with pytest.raises(Refusal):
        Hosts([]).check({"host": "localhost:7860", "origin": "http://localhost:3000"})
