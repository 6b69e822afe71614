"""Settings: unknown keys and unsafe values are refused with a sentence that says which line to correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import ConfigError, Settings, check_loopback_url, environment, load_settings, settings_to_toml


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cordon.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_gives_the_safe_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, ""))
    assert settings.access.port == 8642
    assert settings.policy.name == "hospital"
    assert settings.engine.kind == "embedded"
    assert settings.models.demo_models is False
    assert settings.access.allow_keyless_local_user == ()


def test_settings_survive_the_way_to_a_child(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, '[access]\nport = 9000\nallow_keyless_local_user = [1000, "ana"]\n'))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_settings_survive_being_written_down(tmp_path: Path) -> None:
    text = "[access]\nport = 9000\nallow_keyless_local_user = [7]\n"
    text += f'[models]\ndir = "/\U0001f3e5 \\"a\\" \\u007f"\n[models.pins]\n"a.b" = "{"0" * 64}"\nc = "{"f" * 64}"\n'
    settings = load_settings(write(tmp_path, text))
    assert load_settings(write(tmp_path, settings_to_toml(settings))) == settings


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[access]\nprot = 1\n", "access.prot"),
        ("[nonsense]\n", "nonsense"),
        ("[access]\nport = 70000\n", "access.port"),
        ('[access]\nport = "8642"\n', "access.port"),
        ('[audit]\ndir = "relative/path"\n', "audit.dir"),
        ('[engine]\nkind = "cloud"\n', "engine.kind"),
        ('[engine]\nbase_url = "http://127.0.0.1:1/v1"\n', "engine.base_url"),
        ('[policy]\nname = "../../etc/passwd"\n', "policy.name"),
        ("[audit]\nretention_months = 5\n", "audit.retention_months"),
        ("not toml at all", "TOML"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings(write(tmp_path, text))
    assert word in str(error.value)
    assert "nothing was started" in str(error.value)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cordon demo"):
        load_settings(tmp_path / "absent.toml")


def test_a_folder_in_place_of_the_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080),
        ("http://127.9.9.9:1/v1/", "127.9.9.9", 1),
        ("http://[::1]:11434/v1", "::1", 11434),
        ("http://localhost:8000", "localhost", 8000),
        ("http://127.0.0.1", "127.0.0.1", 80),
    ],
)
def test_addresses_on_this_computer(url: str, host: str, port: int) -> None:
    assert check_loopback_url(url)[:2] == (host, port)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "https://127.0.0.1:8080/v1",
        "http://10.0.0.1:8080/v1",
        "http://0.0.0.0:8080/v1",
        "http://[::]:8080/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "http://127.0.0.1.example.org/v1",
        "http://localhost.example.org/v1",
        "http://user:pass@127.0.0.1/v1",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1/v1?next=http://example.org",
        "http://2130706433/v1",
        "http://0x7f.1/v1",
        "ftp://127.0.0.1/",
    ],
)
def test_any_other_address_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="address of this computer"):
        check_loopback_url(url)
    with pytest.raises(ConfigError):
        load_settings(write(tmp_path, f'[engine]\nkind = "http"\nbase_url = "{url}"\n'))


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    env = environment()
    assert env.data_home == Path("/home/ana/.local/share")
    assert env.runtime_dir == Path("/home/ana/.local/share/cordon/run")
    assert env.no_color
