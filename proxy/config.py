"""Settings: read once at the edge, checked, frozen. The only reader of the environment.

Law: unknown keys are refused; every default is the safe one; paths are absolute after loading. Children receive the
resolved settings as JSON and read neither this file nor the environment again.

    [access]  port = 8642            [models]  answer = "gemma-4-e4b-it"     [audit]  dir = "/var/lib/cordon/audit"
    [policy]  name = "hospital"                guard = "shieldgemma-2b"               site = "hospital.example"
"""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = [
    "AccessSettings", "AuditSettings", "ConfigError", "DetectorSettings", "EngineSettings", "Environment",
    "ModelsSettings", "PolicySettings", "Settings", "check_loopback_url", "environment", "load_settings",
    "quiet_downloader", "quiet_libraries", "settings_to_toml",
]  # fmt: skip

DEFAULT_PATH = Path("/etc/cordon/cordon.toml")
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


# TOML and JSON have neither paths nor tuples: these fields alone are converted, the rest is strict.
_Path = Annotated[Path, Field(strict=False)]
_Users = Annotated[tuple[int | str, ...], Field(strict=False)]
_Words = Annotated[tuple[str, ...], Field(strict=False)]
_Paths = Annotated[tuple[_Path, ...], Field(strict=False, max_length=8)]


class ConfigError(Exception):
    """Settings cannot be used; the message names the key, what is wrong and what to do. Exit status 78."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AccessSettings(_Frozen):
    """Who may speak."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8642
    allow_keyless_local_user: _Users = ()
    client_token_days: Annotated[int, Field(ge=1, le=365)] = 90
    extension_ids: _Words = ()
    dir: _Path = Path("/var/lib/cordon/access")
    socket: _Path = Path("/run/cordon/api.sock")


class EngineSettings(_Frozen):
    """Where answers are made."""

    kind: Literal["embedded", "http"] = "embedded"
    base_url: str = ""
    model: str = ""
    """For `http`: the model name sent to that server."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    parallel: Annotated[int, Field(ge=1, le=64)] = 4
    context: Annotated[int, Field(ge=256, le=262_144)] = 16_384
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] = 1_024
    deadline_s: Annotated[int, Field(ge=5, le=3_600)] = 300


class ModelsSettings(_Frozen):
    """Which models, and where their files lie."""

    dir: _Path = Path("/var/lib/cordon/models")
    answer: str = "gemma-4-e4b-it"
    guard: str = "shieldgemma-2b"
    demo_models: bool = False
    pins: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}
    """Model id -> SHA-256 of the approved file, for entries whose catalogue hash is empty; never in place of one."""
    accepted_licences: _Words = ()
    """Licences the site has accepted for files that it pins; `cordon models import` records its own acceptance."""
    adapter: str = ""
    """A LoRA adapter of the catalogue for the answering model."""
    catalogue: _Path | None = None
    """A site's own catalogue file, in the form of the shipped one; its entries come first."""


class PolicySettings(_Frozen):
    """Which policy is in force."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] = "hospital"
    dir: _Path = Path("/etc/cordon/policies")
    calibration_dir: _Path = Path("/etc/cordon/calibration")


class DetectorSettings(_Frozen):
    """What finds identifiers beside the bundled detectors."""

    plugins: _Paths = ()
    """Folders of a site's own models; each holds a `cordon-plugin.toml` (docs/howto/plugins.md)."""


class AuditSettings(_Frozen):
    """Where the log lies."""

    dir: _Path = Path("/var/lib/cordon/audit")
    site: Annotated[str, Field(pattern=r"^[a-z0-9.-]{3,100}$")] = "hospital.invalid"
    retention_months: Annotated[int, Field(ge=6, le=600)] = 72


class Settings(_Frozen):
    """All settings of one installation."""

    access: AccessSettings = AccessSettings()
    engine: EngineSettings = EngineSettings()
    models: ModelsSettings = ModelsSettings()
    policy: PolicySettings = PolicySettings()
    detectors: DetectorSettings = DetectorSettings()
    audit: AuditSettings = AuditSettings()


def load_settings(path: Path | None) -> Settings:
    """Read settings from `path`, or from the default place. Raises ConfigError."""
    chosen = path if path is not None else DEFAULT_PATH
    try:
        table = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no settings file {chosen}; nothing was started. Name one with --config, "
            "or run `cordon demo` to try Cordon without any"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{chosen} cannot be read ({type(error).__name__}); nothing was started") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{chosen} is not TOML: {error}; nothing was started") from None
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{chosen}: {key}: {first['msg']}; nothing was started. Correct that line") from None
    _check(settings)
    return settings


def settings_to_toml(settings: Settings) -> str:
    """Write settings as the file they can be read from; defaults are left out."""
    lines: list[str] = []
    for name, table in settings.model_dump(mode="json", exclude_defaults=True).items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """Write one value as TOML 1.0; a JSON string is a basic string there, but for DEL and pairs of surrogates."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _check(settings: Settings) -> None:
    for key, value in (
        ("audit.dir", settings.audit.dir), ("access.dir", settings.access.dir), ("models.dir", settings.models.dir),
        ("access.socket", settings.access.socket),
    ):  # fmt: skip
        if not value.is_absolute():
            raise ConfigError(f"{key} must be an absolute path; nothing was started")
    if not all(folder.is_absolute() for folder in settings.detectors.plugins):
        raise ConfigError("detectors.plugins must be absolute paths; nothing was started")
    if settings.engine.kind == "http":
        check_loopback_url(settings.engine.base_url)
    elif settings.engine.base_url:
        raise ConfigError('engine.base_url is set, but engine.kind is not "http"; nothing was started')


def check_loopback_url(url: str) -> tuple[str, int, str]:
    """Return (host, port, path) of an http engine's address, or raise ConfigError.

    Only an IP literal of 127.0.0.0/8 or ::1, or the name localhost, is an address on this computer.
    """
    problem = "engine.base_url must be http:// and an address of this computer (127.0.0.1, [::1] or localhost)"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        raise ConfigError(f"{problem}; nothing was started") from None
    if parts.scheme != "http" or parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(f"{problem}; nothing was started")
    if host != "localhost":
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise ConfigError(f"{problem}; nothing was started") from None
        if not any(address in net for net in _LOOPBACK if net.version == address.version):
            raise ConfigError(f"{problem}; nothing was started")
    return host, port, parts.path.rstrip("/")


class Environment(_Frozen):
    """What Cordon takes from the environment; nothing else of it is used."""

    home: Path
    data_home: Path
    runtime_dir: Path
    no_color: bool
    listen_pid: str
    listen_fds: str
    listen_fdnames: str
    notify_socket: str
    watchdog_usec: str
    boot: str
    """The boot's identifier as the unit passes it on; /proc does not show it there."""


def environment() -> Environment:
    """Read the environment once."""
    home = Path(os.environ.get("HOME") or "/nonexistent")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or data / "cordon" / "run")
    return Environment(
        home=home, data_home=data, runtime_dir=runtime, no_color=bool(os.environ.get("NO_COLOR")),
        listen_pid=os.environ.get("LISTEN_PID", ""), listen_fds=os.environ.get("LISTEN_FDS", ""),
        listen_fdnames=os.environ.get("LISTEN_FDNAMES", ""), notify_socket=os.environ.get("NOTIFY_SOCKET", ""),
        watchdog_usec=os.environ.get("WATCHDOG_USEC", ""), boot=os.environ.get("CORDON_BOOT", ""),
    )  # fmt: skip


def quiet_downloader() -> None:
    """Have huggingface_hub report nothing, send no token it finds, and fetch over plain ranges that can be resumed.

    For the explicit command of an administrator, before that library is imported.
    """
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_DISABLE_XET"):
        os.environ[name] = "1"


def quiet_libraries() -> None:
    """Switch off the telemetry of onnxruntime before it is imported; the locked children are given this too."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
