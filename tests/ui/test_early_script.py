import httpx
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from webui.ui.early_script import EarlyScript

PAGE = "<html><head><title>ä</title></head></html>"
SCRIPTED = "<html><head><script>early()</script><title>ä</title></head></html>"


def page(request):
    return HTMLResponse(PAGE)


def streamed_page(request):
    return StreamingResponse(iter([PAGE[:8], PAGE[8:]]), media_type="text/html; charset=utf-8")


def compressed_page(request):
    return HTMLResponse(PAGE, headers={"content-encoding": "identity"})


def text(request):
    return PlainTextResponse(PAGE)


async def responses(method):
    handlers = (page, streamed_page, compressed_page, text)
    app = Starlette(routes=[Route(f"/{handler.__name__}", handler) for handler in handlers])
    transport = httpx.ASGITransport(EarlyScript(app, "early()"))
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        return [await client.request(method, f"/{handler.__name__}") for handler in handlers]


async def test_the_script_comes_first_in_a_page_and_its_length_is_right():
    whole, streamed, compressed, plain = await responses("GET")
    for response in (whole, streamed):
        assert response.text == SCRIPTED
        assert int(response.headers["content-length"]) == len(response.content)
    assert (compressed.text, plain.text) == (PAGE, PAGE)


async def test_the_head_of_a_page_stays_as_it_is():
    whole, *_ = await responses("HEAD")
    assert int(whole.headers["content-length"]) == len(PAGE.encode())
