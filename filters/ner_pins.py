"""SHA-256 of the three files of the bundled model: a file that is not the one measured is not used.

Written by `python -m models.clinical_ner.ship`; a change here is a new model.
"""

from __future__ import annotations

__all__ = ["PINS"]

PINS = {
    "model": "f6b9f3d3fdd4c8bbc9d4ae4686031e804d31615397f4135b7f158ab47c33f7fc",
    "tokenizer": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    "labels": "545599b7a957b4d1b383ea490faa2ec99de15b3b96d998a117c1d40fd7dd839e",
}
