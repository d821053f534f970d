"""The file with the secret: private, kept, replaced where it cannot be trusted."""

import os
import stat
from pathlib import Path

import pytest

from webui.access.login.secret_file import NAME, SECRET_BYTES, load_secret


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    folder = tmp_path / "state" / "demo"
    old_mask = os.umask(0)
    try:
        secret = load_secret(folder)
    finally:
        os.umask(old_mask)
    assert len(secret) == SECRET_BYTES
    assert load_secret(folder) == secret
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(folder) == [NAME]


def open_to_others(path):
    path.chmod(0o640)


def cut_off(path):
    path.write_bytes(b"short")


def turn_into_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [open_to_others, cut_off, turn_into_link])
def test_a_file_that_cannot_be_trusted_is_replaced(tmp_path, caplog, spoil):
    secret = load_secret(tmp_path)
    spoil(tmp_path / NAME)
    new = load_secret(tmp_path)
    assert new != secret
    assert load_secret(tmp_path) == new
    assert stat.S_IMODE((tmp_path / NAME).lstat().st_mode) == 0o600
    assert "a new secret replaces it" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize("folder", ["{tmp_path}/file/state", "~no-such-user/state"])
def test_without_a_writable_folder_the_secret_is_in_memory(tmp_path, caplog, folder):
    (tmp_path / "file").touch()
    folder = Path(folder.format(tmp_path=tmp_path))
    secret = load_secret(folder)
    assert len(secret) == SECRET_BYTES
    assert load_secret(folder) != secret
    assert len(caplog.records) == 2
    assert "Logins end with this process" in caplog.text
