"""How names are written, as pieces of patterns: every quantifier is bounded, and letter case matters.

Law: no group captures, so a piece can stand in any pattern of a recognizer.
"""

from __future__ import annotations

__all__ = ["INITIAL", "PARTICLE", "WORD"]

_LOWER = "von|van|de|di|da|del|dela|della|der|den|la|le|el|al|bin|binti|ibn|zu|zur|zum|ter|ten|dos|das|do|du|des"
_UPPER = "De|Di|Da|Del|Della|Von|Van|Der|Den|La|Le|El|Al|Bin|Ibn|Dos|Du"
PARTICLE = f"(?:(?:{_LOWER}|{_UPPER}) )?"
"""At most one "van", "De" or "bin", with the space behind it."""
WORD = r"[A-ZÀ-ÖØ-Þ](?:['’][A-ZÀ-ÖØ-Þ])?[^\W\d_]{1,30}(?:[-'’][^\W\d_]{2,30})?"
"""One word with a capital: Perera, O'Brien, García-Ruiz."""
INITIAL = r"[A-ZÀ-ÖØ-Þ] ?\."
