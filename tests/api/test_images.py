"""Images of a request: refused before decoding if they cannot fit, and read for their owner."""

import asyncio
from dataclasses import replace

import pytest
from api_client import (
    GUARD_S,
    PATH,
    FakeReader,
    ask_about,
    http,
    official,
    picture_url,
    refusal,
    served,
)
from fakes import READY, FakeEngine
from PIL import Image

from webui.protocol import ImagePart, PixelBudget

# 4,096 tokens; an image takes at least 16.
BUDGET = replace(READY, info=replace(READY.info, image=PixelBudget(28, 112 * 112, 4_816_896)))


@pytest.mark.parametrize(("count", "side"), [(300, 1), (30, 400)])
async def test_images_that_cannot_fit_are_refused_before_decoding(count, side):
    engine, reader = FakeEngine(model_status=BUDGET), FakeReader()
    async with http(engine, reader=reader) as client:
        response = await client.post(PATH, json=ask_about(*[picture_url(side=side)] * count))
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert "reads at most 4096" in response.json()["error"]["message"]
    assert (reader.read, engine.requests) == ([], [])


class Growing(FakeReader):
    """Returns images larger than their headers say: 1,024 tokens each."""

    async def load_image_bytes(self, data, name, info, *, owner=""):
        part = await super().load_image_bytes(data, name, info, owner=owner)
        return ImagePart(Image.new("RGB", (896, 896)), part.label, part.source)


async def test_decoding_stops_at_the_first_image_that_does_not_fit():
    reader = Growing()
    async with http(FakeEngine(model_status=BUDGET), reader=reader) as client:
        response = await client.post(PATH, json=ask_about(*[picture_url()] * 20))
    assert "5120 tokens; the model reads at most 4096" in response.json()["error"]["message"]
    assert len(reader.read) == 5


async def test_an_image_is_sent_as_a_data_url():
    engine = FakeEngine()
    content = [
        {"type": "image_url", "image_url": {"url": picture_url()}},
        {"type": "text", "text": "Colour?"},
    ]
    async with official(engine) as client:
        await client.chat.completions.create(
            model="fake", messages=[{"role": "user", "content": content}]
        )
    image, text = engine.requests[0].messages[0].parts
    assert (image.image.getpixel((0, 0)), text) == ((255, 0, 0), "Colour?")


async def test_a_damaged_image_is_refused():
    error = await refusal(ask_about("data:image/png;base64,"))
    assert error["code"] == "invalid_image"


async def test_images_are_read_for_their_owner():
    reader = FakeReader()
    async with http(FakeEngine(), reader=reader, accounts=[("ann", "secret")]) as client:
        key = {"authorization": "Bearer ann:secret"}
        response = await client.post(PATH, json=ask_about(picture_url()), headers=key)
    assert response.status_code == 200
    assert reader.owners == {"user ann"}


async def test_a_disconnect_ends_the_decoding_of_images():
    reader = FakeReader(stuck=True)
    async with served(FakeEngine(), reader=reader) as client:
        body = ask_about(picture_url(), picture_url())
        request = asyncio.ensure_future(client.post(PATH, json=body))
        await asyncio.wait_for(reader.began.wait(), GUARD_S)
        request.cancel()
        await asyncio.wait_for(reader.cancelled.wait(), GUARD_S)
    assert reader.read == ["messages[0].content[0].image_url.url"]
