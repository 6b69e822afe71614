"""Ward, bed or room of a patient: no identifier by itself for most hospitals, which is why a policy may keep it."""

from __future__ import annotations

from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_PLACES = (
    "ward|bed|room|bay|cubicle|station|bett|zimmer|cama|habitación|habitacion|sala|chambre|lit|letto|stanza|"
    "kamer|leito|quarto|enfermaria"
)

RECOGNIZER = Recognizer(
    kind="ward_bed",
    type=Type.ID,
    patterns=(
        rf"(?<!\w)(?P<cue>{_PLACES})[ :#-]{{0,2}}(?:n[or][.:]? ?)?(?P<value>[A-Z]?\d{{1,3}}[A-Z]?)(?!\w|[.,/:]\d)",
    ),
    starts=tuple(_PLACES.split("|")),
    scores=Scores(cued=800),
    guarded=False,
    refine=lambda text, a, b: None if is_measure(text, b) else (a, b, 0),
)

EXAMPLES = Examples(
    match=("ward «7»", "Bed «12A», stable", "room no. «304»", "Zimmer «12»", "cama «3B»", "Bay «4»"),
    no_match=("bed rest", "ward 3 times", "room air 98%", "bed 2 weeks", "awarded 5", "bed 1.5"),
)
