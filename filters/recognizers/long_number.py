"""Any long number that no other recognizer explains: 8 to 19 digits, in one run or in groups."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="long_number",
    type=Type.ID,
    patterns=(
        r"(?<![\w.,/+-])\d{8,19}(?![\w]|[.,/]\d)",
        r"(?<![\w.,/+-])\d{2,10}(?:-\d{2,10}){1,5}(?![\w]|[.,/-]\d)",
        r"(?<![\w.,/+-])\d{3,8}(?: \d{3,8}){2,4}(?![\w]|[.,/-]\d)",
        r"(?<![\w.,/+-])\d{2,6}(?:\.\d{3,6}){2,4}(?![\w]|[.,/-]\d)",
    ),
    scores=Scores(shape=520),
    digits=8,
    refine=lambda text, a, b: (a, b, 0) if 8 <= sum(c.isdigit() for c in text[a:b]) <= 19 else None,
)

EXAMPLES = Examples(
    match=(
        "reference «12345678»",
        "number «1234-5678-9012»",
        "«123 456 789»",
        "paid «0012345678901» today",
        "no «88-1234567»",
    ),
    no_match=(
        "1000000 IU",
        "12345678 mg",
        "SNOMED 12345678",
        "1234567",
        "3-4 weeks",
        "120/80",
        "lot 12345678",
        "100-200",
    ),
)
