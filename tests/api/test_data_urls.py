"""Data URLs: the size in an image's header, and errors that say what is wrong."""

from base64 import b64encode
from io import BytesIO

import pytest
from api_client import PATH, ask_about, http, refusal
from fakes import FakeEngine
from PIL import Image

from webui.api.data_urls import natural_size


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP", "JPEG"])
def test_the_size_of_an_image_is_read_from_its_header(kind):
    noise = Image.effect_noise((301, 77), 50).convert("RGB")
    for options in (
        {},
        {"lossless": True},
        {"progressive": True, "icc_profile": b"x" * 100_000, "exif": b"Exif" * 99},
    ):
        file = BytesIO()
        noise.save(file, kind, **(options if kind in ("WEBP", "JPEG") else {}))
        url = f"data:image/x;base64,{b64encode(file.getvalue()).decode()}"
        assert natural_size(url) == (301, 77)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8" + b"\xff" * 99, b"\xff\xd8\xff\xe0" + b"\0" * 99, b"GIF8" + b"\0" * 99],
)
def test_a_header_without_a_size_has_none(data):
    assert natural_size(f"data:image/x;base64,{b64encode(data).decode()}") is None
    assert natural_size("data:image/x;base64,????") is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "file:///etc/passwd", "data:image/png;base64,?", "data:,x"]
)
async def test_only_data_urls_are_accepted(url):
    error = await refusal(ask_about(url))
    assert error["param"] == "messages[0].content[0].image_url.url"
    assert "data URL" in error["message"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://a.example/a.png", "addresses are not fetched"),
        ("file:///etc/passwd", "addresses are not fetched"),
        ("iVBORw0KGgo=", "addresses are not fetched"),
        ("data:image/png;base64,iVBO*w0K", "its base64 has '*' at place 5"),
        ("data:image/png;base64,iV BO", "its base64 has ' ' at place 3"),
        ("data:image/png;base64,iVBORw0", "its base64 is incomplete: 7 characters"),
        ("data:image/png;base64,iV==Rw0K", "its base64 goes on behind its padding, at place 5"),
        ("data:text/html;base64,PGI+", "this one is text/html"),
        ("data:application/pdf;base64,AAAA", "this one is application/pdf"),
        ("data:,x", "this one is text/plain"),
        ("data:image/png,x", 'this one does not say "base64"'),
    ],
)
async def test_an_error_says_what_is_wrong_with_a_data_url(url, reason):
    error = await refusal(ask_about(url))
    assert reason in error["message"]
    assert "data:image/png;base64,..." in error["message"]
    assert error["param"] == "messages[0].content[0].image_url.url"


async def test_damage_far_into_a_large_image_is_found():
    url = "data:image/png;base64," + "A" * 2_000_000 + "?" + "A" * 999_999
    async with http(FakeEngine(), max_body_bytes=10_000_000) as client:
        response = await client.post(PATH, json=ask_about(url))
    assert "'?' at place 2,000,001" in response.json()["error"]["message"]
