"""What the API bounds before it works: numbers, pictures, messages and bytes; what ends when the client goes."""

import asyncio
import json
import threading
from base64 import b64encode
from dataclasses import replace
from io import BytesIO

import pytest
from api_client import ASK, PATH, FakeReader, http, picture_url, refusal, served
from fakes import READY, FakeEngine
from PIL import Image

from webui.api.data_urls import natural_size
from webui.api.json_body import LARGE_BYTES, BodyReader
from webui.protocol import SAMPLING_RANGES, ImagePart, PixelBudget

FIELDS = [*SAMPLING_RANGES, "max_completion_tokens"]


def bounds(field):
    accepted = SAMPLING_RANGES[field.replace("completion_", "")]
    return accepted, 1 if accepted.whole else 1e-7


@pytest.mark.parametrize("field", FIELDS)
async def test_a_number_is_accepted_up_to_its_bounds_and_refused_beyond_by_name(field):
    accepted, step = bounds(field)
    async with http(FakeEngine()) as client:
        for value in (accepted.minimum, accepted.maximum):
            assert (
                await client.post(PATH, json={"messages": ASK, field: value})
            ).status_code == 200
    for value in (accepted.minimum - step, accepted.maximum + step, True, "1", [1]):
        error = await refusal({field: value})
        assert (error["param"], error["code"]) == (field, "invalid_value")
        assert str(accepted) in error["message"]


async def test_the_request_that_once_ended_everybodys_answers_is_refused():
    error = await refusal({"temperature": 2, "top_k": 50, "repetition_penalty": 1e-39})
    assert error["message"].startswith(
        "The field 'repetition_penalty' is 1e-39; accepted: a number from 0.1 to 2"
    )


@pytest.mark.parametrize(
    ("number", "param"),
    [
        ("NaN", "body"),
        ("Infinity", "body"),
        ("-Infinity", "body"),
        ("1e400", "temperature"),
        ("9" * 5000, "body"),
    ],
)
async def test_a_number_that_is_none_is_refused(number, param):
    body = json.dumps({"messages": ASK, "temperature": 0}).replace(": 0}", f": {number}}}")
    async with http(FakeEngine()) as client:
        response = await client.post(
            PATH, content=body, headers={"content-type": "application/json"}
        )
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert len(response.text) < 500


async def test_a_huge_integer_is_told_by_its_size():
    assert "an integer of 1000 bits" in (await refusal({"top_k": 2**999}))["message"]


def asking(*urls):
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"messages": [{"role": "user", "content": pictures}]}


# 4,096 tokens; a picture takes at least 16.
BUDGET = replace(READY, info=replace(READY.info, image=PixelBudget(28, 112 * 112, 4_816_896)))


@pytest.mark.parametrize(("count", "side"), [(300, 1), (30, 400)])
async def test_pictures_that_cannot_fit_are_refused_before_one_is_read(count, side):
    engine, reader = FakeEngine(model_status=BUDGET), FakeReader()
    async with http(engine, reader=reader) as client:
        response = await client.post(PATH, json=asking(*[picture_url(side=side)] * count))
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert "reads at most 4096" in response.json()["error"]["message"]
    assert (reader.read, engine.requests) == ([], [])


class Growing(FakeReader):
    """Its pictures turn out to be larger than their headers say: 1,024 tokens each."""

    async def load_image_bytes(self, data, name, info, *, owner=""):
        part = await super().load_image_bytes(data, name, info, owner=owner)
        return ImagePart(Image.new("RGB", (896, 896)), part.label, part.source)


async def test_reading_ends_with_the_picture_that_no_longer_fits():
    reader = Growing()
    async with http(FakeEngine(model_status=BUDGET), reader=reader) as client:
        response = await client.post(PATH, json=asking(*[picture_url()] * 20))
    assert "5120 tokens; the model reads at most 4096" in response.json()["error"]["message"]
    assert len(reader.read) == 5


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP", "JPEG"])
def test_the_size_of_a_picture_is_read_from_its_header(kind):
    noise = Image.effect_noise((301, 77), 50).convert("RGB")
    for options in (
        {},
        {"lossless": True},
        {"progressive": True, "icc_profile": b"x" * 100_000, "exif": b"Exif" * 99},
    ):
        file = BytesIO()
        noise.save(file, kind, **(options if kind in ("WEBP", "JPEG") else {}))
        assert natural_size(f"data:image/x;base64,{b64encode(file.getvalue()).decode()}") == (
            301,
            77,
        )


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8" + b"\xff" * 99, b"\xff\xd8\xff\xe0" + b"\0" * 99, b"GIF8" + b"\0" * 99],
)
def test_a_header_that_tells_no_size_tells_none(data):
    assert natural_size(f"data:image/x;base64,{b64encode(data).decode()}") is None
    assert natural_size("data:image/x;base64,????") is None


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (
            {"messages": [[]] * 40_000},
            413,
            "40,002 of them opening brackets; at most 1,048,576 and 32,768",
        ),
        ({"messages": ASK, "user": "." * 2**20}, 413, "the request has 1,048,"),
        ({"messages": ASK * 2049}, 400, "2,049 messages"),
        (asking(*["data:image/png;base64,"] * 4097), 400, "4,097 parts"),
        ({f"field{number}": 1 for number in range(101)}, 400, "102 fields"),
        ({"messages": [{"role": "user", "content": 5}] * 2000}, 400, "messages[0].content"),
        ({"x" * 1000: 1}, 400, "xxx"),
    ],
)
async def test_a_body_of_very_many_things_is_refused_with_the_number(body, status, told):
    error = await refusal(body, status)
    assert told in error["message"]
    assert len(error["message"]) < 300


async def test_large_bodies_are_worked_on_in_a_thread_and_one_at_a_time():
    bodies, here = BodyReader(1), threading.current_thread()
    entered, go = threading.Event(), threading.Event()

    def slow():
        entered.set()
        go.wait(20)
        return threading.current_thread()

    first = asyncio.ensure_future(bodies.process(LARGE_BYTES + 1, slow))
    await asyncio.to_thread(entered.wait, 20)
    second = asyncio.ensure_future(bodies.process(LARGE_BYTES + 1, threading.current_thread))
    assert await bodies.process(LARGE_BYTES, threading.current_thread) is here
    assert not second.done()
    go.set()
    assert here not in (await first, await second)


async def test_a_client_that_hangs_up_ends_the_reading_of_its_pictures():
    reader = FakeReader(stuck=True)
    async with served(FakeEngine(), reader=reader) as client:
        asked = asyncio.ensure_future(client.post(PATH, json=asking(picture_url(), picture_url())))
        await asyncio.wait_for(reader.began.wait(), 20)
        asked.cancel()
        await asyncio.wait_for(reader.cancelled.wait(), 20)
    assert reader.read == ["messages[0].content[0].image_url.url"]


async def test_pictures_are_read_for_their_owner():
    reader = FakeReader()
    async with http(FakeEngine(), reader=reader, accounts=[("ann", "secret")]) as client:
        key = {"authorization": "Bearer ann:secret"}
        assert (await client.post(PATH, json=asking(picture_url()), headers=key)).status_code == 200
    assert reader.owners == {"user ann"}


HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes():
    async with served(FakeEngine()) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(HEAD.format(path=PATH, length=10**12).encode())
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 413 ")
        writer.close()


async def test_a_client_that_hangs_up_in_its_body_is_nothing_to_log(caplog):
    async with served(FakeEngine(), log=caplog.handler) as client:
        _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(HEAD.format(path=PATH, length=1000).encode() + b'{"mess')
        await writer.drain()
        writer.close()
        assert (await client.get("/health")).status_code == 200
    assert caplog.records == []
