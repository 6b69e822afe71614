"""SHA-256 of the three files of the bundled model: a file that is not the one measured is not used.

Written by `python -m models.clinical_ner.ship`; a change here is a new model.
"""

from __future__ import annotations

__all__ = ["PINS"]

PINS = {
    "model": "53e4e90436e0a0920e02bf83b6f2926d5c99ca10ba074057a0da9a46e8c137dc",
    "tokenizer": "2c5d145a110a0e3d9d6d61ef88c8353cdb11d20119b11576f8580849f4f8eee5",
    "labels": "a9ac928868a1bdb097a924df844f0fd40e13fbe0af8a18524e57ea21680c3400",
}
