"""Rules for all tests: in CI a skipped test is a failure, unless it needs real weights or an accelerator."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# A person's run explores; CI repeats the same examples, so that a change is judged by itself.
settings.register_profile(
    "cordon",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("cordon")

_MAY_SKIP = {"real_weights", "gpu"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(name) for name in _MAY_SKIP):
            item.user_properties.append(("must_run", True))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    outcome = yield
    report = outcome.get_result()
    must_run = ("must_run", True) in item.user_properties
    if report.skipped and not hasattr(report, "wasxfail") and must_run and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
