"""SHA-256 of the three files of the bundled model: a file that is not the one measured is not used.

Written by `python -m models.clinical_ner.ship`; a change here is a new model.
"""

from __future__ import annotations

__all__ = ["PINS"]

PINS = {
    "model": "3450eca05bccfa85444a306feadc64eaed7de5dee0754685eb89b1a288336100",
    "tokenizer": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    "labels": "46bfc2b065c65bc83de5bc6e1d338a8a410f5c856d933f55d0052f1de74d5684",
}
