"""Every byte of a small package changed once, asked of both verifiers.

`python -m tests.kit.flips` does it for every byte of a package of one run and prints what happened; a test does it for
every so many bytes. The only bytes that may change without a word are zip header fields that say nothing of content.
"""

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.kit.attacks import Scene, copied, sound_log
from tests.kit.second_verifier import SecondVerifier, second_verifier

_LOCAL = (4, 5, 10, 11, 12, 13)
"""Version needed; time and date."""
_CENTRAL = (4, 5, 6, 7, 12, 13, 14, 15, 36, 37, 38, 39, 40, 41)
"""Versions; time and date; internal attributes; external ones, of which the type alone is read."""


def small(folder: Path) -> tuple[Scene, bytes]:
    """A package of one run, as small as they get."""
    scene = copied(sound_log(folder / "one", 1), folder / "copy")
    return scene, scene.pack()


def meaningless(package: bytes) -> set[int]:
    """Places of header fields that no reader judges."""
    local = {match.start() + place for match in re.finditer(rb"PK\x03\x04", package) for place in _LOCAL}
    central = {match.start() + place for match in re.finditer(rb"PK\x01\x02", package) for place in _CENTRAL}
    return local | central


def flipped(package: bytes, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """One bit of each byte, another one for neighbours."""
    for place in places:
        spoiled = bytearray(package)
        spoiled[place] ^= 1 << place % 8
        yield place, bytes(spoiled)


def ask(scene: Scene, package: bytes, places: Iterable[int], other: SecondVerifier) -> tuple[Counter[str], list[int]]:
    """Both verifiers must agree to the byte. Return the verdicts, and the places where the change went unseen."""
    verdicts: Counter[str] = Counter()
    unseen = []
    for place, spoiled in flipped(package, places):
        verdict = other.both(spoiled, scene.house.trust, scene.keyring).verdict
        verdicts[verdict] += 1
        if verdict != "NOT VERIFIED":
            unseen.append(place)
    return verdicts, unseen


def main() -> None:
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as name, second_verifier(Path(name)) as other:
        scene, package = small(Path(name))
        verdicts, unseen = ask(scene, package, range(0, len(package), step), other)
    allowed = meaningless(package)
    print(f"{len(package)} bytes, {sum(verdicts.values())} changed: {dict(verdicts)}")
    print(
        f"unseen {len(unseen)}, of them in header fields without meaning {len(set(unseen) & allowed)} of {len(allowed)}"
    )
    print(f"elsewhere: {sorted(set(unseen) - allowed)}")


if __name__ == "__main__":
    main()
