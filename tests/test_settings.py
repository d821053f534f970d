"""Settings: flags, environment variables, and the errors for wrong ones."""

import pytest

from webui.errors import SettingsError
from webui.protocol import MediaLimits
from webui.settings import Settings, make_options

# A text for each option.
TEXTS = {
    "model": "nano",
    "quantization": "none",
    "device": "cuda:1",
    "slots": "3",
    "context_length": "4096",
    "idle_minutes": "9",
    "host": "::1",
    "port": "0",
    "share": "on",
    "auth": "a:b",
    "state_folder": "/state",
    "allow_host": "a.example",
    "allow_origin": "http://b.example",
    "max_visitor_upload_mb": "8",
    "max_total_upload_mb": "9",
    "plan": "on",
    "plan_for": "24 GB",
    "max_file_mb": "1",
    "max_image_megapixels": "2",
    "max_pages": "3",
    "max_frames": "4",
    "max_video_minutes": "5",
    "convert_timeout_s": "6",
    "office_timeout_s": "7",
    "convert_memory_mb": "512",
}


def test_defaults():
    assert Settings.from_args([], {}) == Settings()


def test_every_setting_is_a_flag_and_a_variable():
    options = make_options(False)
    flags = []
    for option in options:
        flags += [option.flag] if option.switch else [option.flag, TEXTS[option.name]]
    environ = {option.variable: TEXTS[option.name] for option in options}
    limits = MediaLimits(1024**2, 2_000_000, 3, 4, 300, 6, 7, 512 * 1024**2)
    expected = Settings(
        models=("nano",),
        quantization="none",
        device="cuda:1",
        host="::1",
        port=0,
        share=True,
        auth=(("a", "b"),),
        state_folder="/state",
        allow_host=("a.example",),
        allow_origin=("http://b.example",),
        max_visitor_upload_mb=8,
        max_total_upload_mb=9,
        slots=3,
        context_length=4096,
        idle_minutes=9,
        plan=True,
        plan_for="24 GB",
        limits=limits,
    )
    assert Settings.from_args(flags, {}) == Settings.from_args([], environ) == expected


def test_a_flag_takes_precedence():
    assert Settings.from_args(["--port", "1"], {"WEBUI_PORT": "2"}).port == 1


def test_auth_is_repeatable():
    flags = ["--auth", "ann:a:b", "--auth", "bob:c"]
    assert Settings.from_args(flags, {}).auth == (("ann", "a:b"), ("bob", "c"))
    assert Settings.from_args([], {"WEBUI_AUTH": "ann:a:b bob:c"}).auth == (
        ("ann", "a:b"),
        ("bob", "c"),
    )


def test_model_is_a_name_a_hub_id_or_a_folder(tmp_path):
    for model in ("auto", "nano", "zai-org/GLM-4.1V-9B-Thinking", str(tmp_path)):
        assert Settings.from_args(["--model", model], {}).models == (model,)


def test_models_are_a_list_without_repeats(tmp_path):
    folder = tmp_path / "a, b"
    folder.mkdir()
    flags = ["--model", "nano, zai-org/A", "--model", "zai-org/B", "--model", "nano"]
    assert Settings.from_args(flags, {}).models == ("nano", "zai-org/A", "zai-org/B")
    assert Settings.from_args([], {"WEBUI_MODEL": "nano,zai-org/A"}).models == ("nano", "zai-org/A")
    assert Settings.from_args(["--model", str(folder)], {}).models == (str(folder),)
    flags = ["--model", "a/b,nano", "--quantization", "4bit"]
    assert Settings.from_args(flags, {}).quantization == "4bit"


def test_a_space_is_public_and_embedded():
    settings = Settings.from_args([], {"SPACE_ID": "a/b"})
    assert (settings.host, settings.embedded, settings.allow_host) == ("0.0.0.0", True, ("*",))


def test_names_and_origins_are_repeatable():
    hosts = ["--allow-host", "a.example,*.b.example", "--allow-host", "c"]
    settings = Settings.from_args([*hosts, "--allow-origin", "https://d.example:8443"], {})
    assert settings.allow_host == ("a.example", "*.b.example", "c")
    assert settings.allow_origin == ("https://d.example:8443",)


WRONG = [
    (["--allow-host", "http://a"], {}, "--allow-host is 'http://a'; accepted: host names such as"),
    (
        ["--allow-origin", "a.example"],
        {},
        "--allow-origin is 'a.example'; accepted: origins such as",
    ),
    (["--port", "http"], {}, "--port is 'http'; accepted: a whole number from 0 to 65535."),
    (
        [],
        {"WEBUI_PORT": "70000"},
        "WEBUI_PORT is '70000'; accepted: a whole number from 0 to 65535.",
    ),
    (["--quantization", "2bit"], {}, "--quantization is '2bit'; accepted: auto, none, 8bit, 4bit."),
    (["--device", "tpu"], {}, "--device is 'tpu'; accepted: auto, cpu, cuda or cuda:N."),
    (["--model", "no such"], {}, "--model is 'no such'; accepted: auto, nano, a hub id such as"),
    (["--auth", "ann"], {}, "--auth is 'ann'; accepted: USER:PASSWORD"),
    ([], {"WEBUI_SHARE": "maybe"}, "WEBUI_SHARE is 'maybe'; accepted: on or off."),
    (["--max-frames", "-1"], {}, "--max-frames is '-1'; accepted: a whole number from 2 to 1000."),
    (["--prot", "1"], {}, "The command line is '--prot 1'; accepted: the flags that --help lists."),
    (
        ["--port"],
        {},
        "The command line is 'argument --port: expected one argument'; accepted: the flags",
    ),
    (
        ["--model", "nano", "--quantization", "4bit"],
        {},
        "--quantization is '4bit'; accepted: auto or none with",
    ),
    (["--model", "nano,"], {}, "--model is 'nano,'; accepted: auto, nano, a hub id such as"),
    (
        ["--idle-minutes", "soon"],
        {},
        "--idle-minutes is 'soon'; accepted: a whole number from 0 to 100000.",
    ),
    (["--share"], {"SPACE_ID": "a/b"}, "--share is 'on'; accepted: off on Spaces"),
]


@pytest.mark.parametrize(("argv", "environ", "line"), WRONG)
def test_a_wrong_value_is_an_error_of_one_line(argv, environ, line):
    with pytest.raises(SettingsError) as caught:
        Settings.from_args(argv, environ)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_help_has_flags_variables_and_defaults(capsys):
    with pytest.raises(SystemExit):
        Settings.from_args(["--help"], {})
    text = " ".join(capsys.readouterr().out.split())
    for option in make_options(False):
        assert option.flag in text
        assert option.variable in text
        assert f"default: {option.default or 'none'}" in text
