"""SHA-256 of the three files of the bundled model: a file that is not the one measured is not used.

Written by `python -m models.clinical_ner.ship`; a change here is a new model.
"""

from __future__ import annotations

__all__ = ["PINS"]

PINS = {
    "model": "764837a4f1f0644191ff51599526f91d7ba98edd090a015a6855afb75cb4b047",
    "tokenizer": "2c5d145a110a0e3d9d6d61ef88c8353cdb11d20119b11576f8580849f4f8eee5",
    "labels": "4374e6fcdeb57be8994aade33b171d47fd20d6d16e9be4efb46e8073366fdb6c",
}
