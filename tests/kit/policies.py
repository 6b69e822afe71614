"""The shipped policies, and calibrations to load them with."""

from __future__ import annotations

from pathlib import Path

from policies.calibrate import Maker, provisional
from policies.calibrated import write_calibration
from policies.load import load_policy
from policies.model import TEMPLATE_DIGEST, Act, Policy

__all__ = ["ACT", "GUARD", "IDS", "calibration", "files", "maker", "policy_of"]

_ROOT = Path(__file__).parents[2] / "policies"
GUARD = "ab" * 32
ACT = Act("root", "2026-11-21T10:00:00Z", "no labelled rows yet")
IDS = ("dangerous", "harassment", "hate", "sexual")


def files(folder: str) -> dict[str, bytes]:
    """Return the files of `policies/<folder>` by name."""
    return {path.stem: path.read_bytes() for path in sorted((_ROOT / folder).glob("*.toml"))}


def maker(**changed: str) -> Maker:
    """Return what the test calibrations are bound to."""
    values = {
        "guard_sha256": GUARD,
        "template_digest": TEMPLATE_DIGEST,
        "made": "2026-11-21",
        "engine": "test 1",
    } | changed
    return Maker(**values, canary=tuple((id_, 9900, 100) for id_ in IDS))


def calibration(**changed: str) -> bytes:
    """Return a provisional calibration: flag 0.5, block 0.8."""
    return write_calibration(provisional(IDS, maker=maker(**changed), act=ACT))


def policy_of(name: str = "hospital", **library: bytes) -> Policy:
    """Load a shipped policy, or one of `library`."""
    return load_policy(
        name,
        library=files("library") | library,
        guidelines=files("guidelines"),
        calibration=calibration(),
        guard_sha256=GUARD,
    )
