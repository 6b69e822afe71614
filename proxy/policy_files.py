"""Where policies, guidelines and calibrations lie; reads bytes for `policies.load`.

Law: a site's file of the same name wins over the shipped one; a calibration is found by the guard's digest alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from policies.calibrated import read_calibration
from policies.extend import chain_of
from policies.load import load_policy, read_regime
from policies.model import Policy, PolicyError, Regime
from proxy.config import PolicySettings

__all__ = [
    "calibration_of", "calibrations", "library", "policy_texts", "read_policy", "read_rules", "shipped_policies",
    "tomls",
]  # fmt: skip


def read_policy(settings: PolicySettings, guard_sha256: str) -> Policy:
    """Load the policy in force. Raises PolicyError."""
    return load_policy(
        settings.name,
        library=library(settings),
        guidelines=tomls(resources.files("policies") / "guidelines"),
        calibration=calibration_of(settings, guard_sha256),
        guard_sha256=guard_sha256,
    )


def read_rules(settings: PolicySettings) -> Regime:
    """Load what a policy says about text, without a guard. Raises PolicyError."""
    guidelines = tomls(resources.files("policies") / "guidelines")
    return read_regime(settings.name, library=library(settings), guidelines=guidelines)


def policy_texts(settings: PolicySettings) -> tuple[bytes, ...]:
    """The files of the policy in force, its own and those it extends, as they are kept beside the log."""
    files = library(settings)
    return tuple(files[name] for name in chain_of(settings.name, files))


def library(settings: PolicySettings) -> Mapping[str, bytes]:
    """Every policy by name; a site's file hides a shipped one."""
    return {**shipped_policies(), **tomls(settings.dir)}


def shipped_policies() -> Mapping[str, bytes]:
    """The policies that come with Cordon, by name."""
    return tomls(resources.files("policies") / "library")


def calibration_of(settings: PolicySettings, guard_sha256: str) -> bytes | None:
    """The calibration file of a guard file, or None."""
    name = guard_sha256[:16]
    shipped = tomls(resources.files("policies") / "calibration")
    return {**shipped, **tomls(settings.calibration_dir)}.get(name)


def calibrations(settings: PolicySettings) -> Iterator[tuple[str, bytes]]:
    """Every calibration at hand that can be read, with the digest of its guard file."""
    shipped = tomls(resources.files("policies") / "calibration")
    for raw in {**shipped, **tomls(settings.calibration_dir)}.values():
        try:
            yield read_calibration(raw).guard_sha256, raw
        except PolicyError:
            continue


def tomls(folder: Traversable | Path) -> dict[str, bytes]:
    """The TOML files of a folder by name; none where there is no folder."""
    if not folder.is_dir():
        return {}
    return {
        item.name.removesuffix(".toml"): item.read_bytes() for item in folder.iterdir() if item.name.endswith(".toml")
    }
