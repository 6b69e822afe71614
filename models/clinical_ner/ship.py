"""Puts a finished model where the product takes it from, with its card and its pins.

    python -m models.clinical_ner.ship build/ner/seed-1/out

Law: files, card and pins change together. `filters/ner_pins.py` is rewritten, so that the product refuses every other
file; the tests compare pins, files and card.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
from pathlib import Path

__all__ = ["main", "ship"]

_ROOT = Path(__file__).parents[2]
_FILES = {"model": "model.onnx", "tokenizer": "tokenizer.json", "labels": "labels.json"}
_LIMIT = 25_000_000


def ship(folder: Path, root: Path = _ROOT) -> dict[str, str]:
    """Copy the files below `root` and pin them; return the pins.

    Raises:
        ValueError: the files are larger than what may be shipped; nothing was copied.
    """
    size = sum((folder / name).stat().st_size for name in _FILES.values())
    if size > _LIMIT:
        raise ValueError(size)
    target, module = root / "filters" / "clinical_ner", root / "filters" / "ner_pins.py"
    pins = {key: hashlib.sha256((folder / name).read_bytes()).hexdigest() for key, name in _FILES.items()}
    for name in _FILES.values():
        shutil.copyfile(folder / name, target / name)
    shutil.copyfile(root / "models" / "clinical_ner" / "CARD.md", target / "CARD.md")
    text = module.read_text("utf8")
    for key, pin in pins.items():
        text = re.sub(rf'("{key}": ")[0-9a-f]{{64}}', rf"\g<1>{pin}", text)
    module.write_text(text, "utf8")
    return pins


def main() -> int:
    """Ship one folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what `make` named: model.onnx, tokenizer.json, labels.json")
    folder = parser.parse_args().folder
    try:
        pins = ship(folder)
    except ValueError as large:
        sys.exit(f"{large} bytes are more than {_LIMIT}; nothing was shipped; quantise the model first")
    for key, pin in pins.items():
        print(f"{_FILES[key]} {pin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
