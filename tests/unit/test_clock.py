"""Readings agree with the kernel's own."""

from __future__ import annotations

import re
import time

from proxy.clock import Clock, read_boot_id


def test_a_boot_has_one_name() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", read_boot_id())
    assert read_boot_id() == read_boot_id()


def test_an_instant_is_both_clocks_and_the_boot() -> None:
    clock = Clock("boot")
    utc, boot = time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    at = clock.instant()
    assert 0 <= at.utc_ms - utc < 60_000
    assert 0 <= at.boot_ms - boot < 60_000
    assert at.boot_id == "boot"
    assert at.offset_min * 60 == time.localtime().tm_gmtoff


def test_durations_never_run_backwards_and_sleep_is_never_negative() -> None:
    clock = Clock("boot")
    readings = [clock.mono_s() for _ in range(5)]
    assert readings == sorted(readings)
    assert clock.asleep_ms() >= 0
    assert abs(clock.boot_ms() - clock.asleep_ms() - clock.mono_s() * 1000) < 60_000
