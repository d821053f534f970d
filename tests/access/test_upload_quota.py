"""Quotas for uploads: what counts, what is refused, and what room comes back."""

import socket
import time

import pytest
from page_client import API, PageClient
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED

from webui.access.upload_quota import MEGABYTE, MIN_FILE_BYTES, UploadQuota
from webui.errors import StorageFullError, UploadQuotaError

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
GUARD_S = 60
HALF = MEGABYTE // 2


@pytest.fixture
def quota(tmp_path):
    """One megabyte for each owner, two in all."""
    return UploadQuota(tmp_path, 1, 2)


@pytest.fixture
def upload(quota, tmp_path):
    """Do what the gate and Gradio do for an upload of that size, and return its file."""

    def upload(owner, name, size=HALF):
        path = tmp_path / name
        with quota.reserve(owner, size):
            path.write_bytes(bytes(size))
            quota.add(owner, str(path))
        return path

    return upload


def test_an_owner_has_a_limit_of_its_own(upload):
    upload("ann", "1")
    upload("ann", "2")
    with pytest.raises(UploadQuotaError, match="One visitor may keep 1 MB"):
        upload("ann", "3", 1)
    upload("bob", "4")


def test_all_owners_share_a_limit(upload):
    for owner in ("ann", "bob"):
        for number in range(2):
            upload(owner, f"{owner}{number}")
    with pytest.raises(StorageFullError, match="All visitors together may keep 2 MB"):
        upload("eve", "5", 1)


def test_a_deleted_file_makes_room(upload):
    first = upload("ann", "1")
    upload("ann", "2")
    first.unlink()
    upload("ann", "3")


def test_the_same_file_again_counts_once(upload):
    for _ in range(5):
        upload("ann", "1")
    upload("ann", "2")


def test_running_uploads_count_with_what_they_may_write(quota):
    with quota.reserve("ann", MEGABYTE):
        with pytest.raises(UploadQuotaError), quota.reserve("ann", 1):
            pass
        with quota.reserve("bob", MEGABYTE):
            pass
    with quota.reserve("ann", MEGABYTE):
        pass


def test_the_rest_of_a_broken_upload_counts_until_it_is_removed(quota, tmp_path):
    with quota.reserve("bob", 1):
        with quota.reserve("ann", MEGABYTE):
            (tmp_path / "tmp123").write_bytes(bytes(HALF))
        with pytest.raises(UploadQuotaError), quota.reserve("ann", 1):
            pass
    assert not list(tmp_path.iterdir())
    with quota.reserve("ann", MEGABYTE):
        pass


def test_empty_files_count_too(upload):
    for number in range(MEGABYTE // MIN_FILE_BYTES):
        upload("ann", str(number), 0)
    with pytest.raises(UploadQuotaError):
        upload("ann", "more", 1)


@pytest.fixture
def address(tmp_path):
    flags = ("--max-visitor-upload-mb", "1", "--max-total-upload-mb", "2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
        with serving(page_app(SeeingEngine(step_s=0), *flags)) as address:
            yield address


def post_file(client, content, **headers):
    files = {"files": ("a.txt", content)}
    return client.post(f"{API}/upload", files=files, headers=headers)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-GB", "One visitor may keep 1 MB of files here"),
        ("zh-CN", "每位访客最多可保存 1 MB 的文件"),
        ("ja", "保存できるファイルは 1 人あたり 1 MB まで"),
    ],
)
def test_an_upload_beyond_the_quota_is_refused_in_the_language_of_the_browser(
    address, language, text
):
    with PageClient(address) as client, PageClient(address) as other:
        assert post_file(client, b"a" * HALF).status_code == 200
        # Larger than any socket's buffer: the refusal arrives although all of it was sent.
        response = post_file(client, b"b" * 30 * MEGABYTE, **{"Accept-Language": language})
        assert response.status_code == 413
        assert response.text.startswith(text)
        assert post_file(other, b"b" * HALF).status_code == 200


def test_the_limit_of_all_visitors_is_another_status(address):
    for letter in (b"a", b"b", b"c"):
        with PageClient(address) as client:
            assert post_file(client, letter * HALF).status_code == 200
    with PageClient(address) as client:
        assert post_file(client, b"d" * (MEGABYTE - 1000)).status_code == 507


def test_an_upload_must_say_how_large_it_is(address):
    with PageClient(address) as client:
        response = client.post(f"{API}/upload", content=iter([b"a"]))
        assert response.status_code == 411


def test_a_broken_upload_leaves_nothing(address, tmp_path):
    with PageClient(address) as client:
        url = client.client.base_url
        head = (
            f"POST /{API}/upload HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: {HALF}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n"
            f"Cookie: visitor={client.client.cookies['visitor']}\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        )
        with socket.create_connection((url.host, url.port)) as connection:
            connection.sendall(head.encode() + b"a" * 1000)
            until(lambda: list(tmp_path.glob("tmp*")))
        until(lambda: not list(tmp_path.glob("tmp*")))
        assert post_file(client, b"a" * (MEGABYTE - 1000)).status_code == 200


def until(condition):
    end = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)
