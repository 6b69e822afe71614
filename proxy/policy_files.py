"""Where policies, guidelines and calibrations lie; reads bytes for `policies.load`.

Law: a site's file of the same name wins over the shipped one; a calibration is found by the guard's digest alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from policies.load import load_policy, read_regime
from policies.model import Policy, Regime
from proxy.config import PolicySettings

__all__ = ["calibration_of", "policy_text", "read_policy", "read_rules", "shipped_policies"]


def read_policy(settings: PolicySettings, guard_sha256: str) -> Policy:
    """Load the policy in force. Raises PolicyError."""
    library = {**shipped_policies(), **_tomls(settings.dir)}
    return load_policy(
        settings.name,
        library=library,
        guidelines=_tomls(resources.files("policies") / "guidelines"),
        calibration=calibration_of(settings, guard_sha256),
        guard_sha256=guard_sha256,
    )


def read_rules(settings: PolicySettings) -> Regime:
    """Load what a policy says about text, without a guard. Raises PolicyError."""
    library = {**shipped_policies(), **_tomls(settings.dir)}
    return read_regime(settings.name, library=library, guidelines=_tomls(resources.files("policies") / "guidelines"))


def policy_text(settings: PolicySettings) -> bytes:
    """The file of the policy in force, as it is kept beside the log for whoever reads it later."""
    return {**shipped_policies(), **_tomls(settings.dir)}[settings.name]


def shipped_policies() -> Mapping[str, bytes]:
    """The policies that come with Cordon, by name."""
    return _tomls(resources.files("policies") / "library")


def calibration_of(settings: PolicySettings, guard_sha256: str) -> bytes | None:
    """The calibration file of a guard file, or None."""
    name = guard_sha256[:16]
    shipped = _tomls(resources.files("policies") / "calibration")
    return {**shipped, **_tomls(settings.calibration_dir)}.get(name)


def _tomls(folder: Traversable | Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    return {
        item.name.removesuffix(".toml"): item.read_bytes() for item in folder.iterdir() if item.name.endswith(".toml")
    }
