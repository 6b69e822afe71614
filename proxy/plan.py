"""What the supervisor tells each child on its command line: resolved settings and digests, no text, no keys."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from proxy.config import Settings

__all__ = ["GatewayPlan", "HostFacts", "LockOrder", "PlannedModel"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockOrder(_Frozen):
    """What `lockdown` reads."""

    own_namespaces: bool
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


class PlannedModel(_Frozen):
    """A model that will be loaded, as its catalogue entry says."""

    id: str
    file: Path
    sha256: str
    family: str
    demo: bool


class HostFacts(_Frozen):
    """The computer around the service, as the supervisor saw it before anything was locked."""

    kernel: str
    lsm: tuple[str, ...]
    tcp_fastopen: int
    netns: int


class GatewayPlan(_Frozen):
    """Everything the gateway must know to compose the house."""

    settings: Settings
    answer: PlannedModel | None
    guard: PlannedModel | None
    boot_id: str
    uid: int
    version: str
    software: str
    """Digest of the installed packages."""
    config: str
    """Digest of the settings."""
    catalogue: str
    """Digest of the model catalogue."""
    created: int
    """Unix seconds of the answer model's file, for the model list."""
    host: HostFacts
    filters: dict[str, str]
    """Role -> digest of the system call filter that role must have."""
    unit: str = "none"
    """The service manager's unit and the start of its digest; `none` without one."""
    counters: dict[str, int] = {}
    """What the service manager had counted before the start: its own name of the counter -> bytes."""
    swap_max: int = -1
    """Bytes of swap the unit may use; -1 for unlimited or unknown."""
