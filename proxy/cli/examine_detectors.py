"""The detectors of an installation: what a site's policy adds, and the folders of its own models.

Law: nothing is loaded; a folder is read to see that it is as it was sealed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from filters.plugins import PluginRefused
from filters.recognizers import catalogue
from filters.stock import STOCK
from policies.model import PolicyError
from proxy.cli.examine_host import Level, Point
from proxy.config import Settings
from proxy.detectors import site_of
from proxy.plugin_folder import read_manifest
from proxy.policy_files import read_rules

__all__ = ["detector_points"]


def detector_points(settings: Settings) -> Iterator[Point]:
    """Say what would find identifiers, and what of it cannot be used."""
    says = f"{len(catalogue())} identifier kinds of our own, {len(STOCK)} kept from Presidio, the bundled name finder"
    yield Point("detectors", Level.GOOD, says)
    yield from _site(settings)
    for folder in settings.detectors.plugins:
        yield _plugin(folder)


def _site(settings: Settings) -> Iterator[Point]:
    try:
        site = site_of(read_rules(settings.policy))
    except PolicyError as error:
        if settings.policy.name in str(error) and ".pii." in str(error):
            yield Point("site rules", Level.STOPS, str(error))
        return  # a policy that cannot be read at all is told with the policy
    if site.entries or site.deny or site.allow:
        says = f"{len(site.entries)} identifiers, {len(site.deny)} words always replaced, {len(site.allow)} never alone"
        yield Point("site rules", Level.GOOD, says)


def _plugin(folder: Path) -> Point:
    try:
        manifest = read_manifest(folder)
    except PluginRefused as error:
        return Point("plug-in", Level.STOPS, str(error))
    labels = ", ".join(sorted(set(manifest.labels.values())))
    says = f"{manifest.id} ({manifest.kind}) adds {labels}; {len(manifest.files)} files as sealed in {folder}"
    return Point("plug-in", Level.GOOD, says)
