"""SHA-256 of the three files of the bundled model: a file that is not the one measured is not used.

Written by `python -m models.clinical_ner.ship`; a change here is a new model.
"""

from __future__ import annotations

__all__ = ["PINS"]

PINS = {
    "model": "94abad5fcff45b7fa2a61479a3a9ad4f72fb0326488f6c5f93c9dada2521c549",
    "tokenizer": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    "labels": "9e7136e3ada4078f9041c558118f44d9b2ed24c444cf0db9708e34835fb6f268",
}
