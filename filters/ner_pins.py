"""SHA-256 of the three files of the bundled model: a file that is not the one measured is not used.

Written by `python -m models.clinical_ner.ship`; a change here is a new model.
"""

from __future__ import annotations

__all__ = ["PINS"]

PINS = {
    "model": "9acaddd92ec9cd2690ae38639422a2fff9e79703efb5f1b56eb14bf64b68a141",
    "tokenizer": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    "labels": "730c3047095944ab87312342896e2b765d0517ffa90b2f3e87cd8adf109ee9a2",
}
