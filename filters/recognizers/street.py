"""Street with a house number, as addresses are written in German, Dutch, English, French, Spanish and Portuguese."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_CAPITAL = "A-ZÀ-ÖØ-Þ"
_HOUSE = r"\d{1,4}(?:[a-zA-Z](?![^\W\d_]))?(?:[-/]\d{1,3})?(?![\w%])"
_NO = "(?:n[º°.]{1,2} ?)?"
_FLOOR = r"(?:, ?\d{1,2}\.?[º°ªoa] ?(?:[A-Z](?!\w)|dcha|izda|izq|esq|dto)?)?"
_GERMANIC = "stra(?:ß|ss)e|str\\.|gasse|allee|chaussee|ufer|straat|laan|gracht|kade|singel|plantsoen"
_ENGLISH = "Street|Road|Avenue|Lane|Drive|Close|Crescent|Terrace|Gardens|Mawatha|Boulevard|Highway|Rd|Ave|Blvd"
_FRENCH = "rue|avenue|boulevard|bd|impasse|allée|quai"
_BEFORE = (
    "calle|c/|avda\\.?|avenida|av\\.|paseo|ronda|rúa|carrer|travessa|rua|Via|Viale|Piazza|Corso|Calle|C/|Avda\\.?|Avenida|"
    "Av\\.|Paseo|Plaza|Ronda|Rua|Travessa|Praça|Largo"
)
_OF = "(?:(?:de|du|des|la|las|los|le|les|l'|del|di|da|do|dos|das|della|dei|san|saint|sainte|santa) ?)?"
_WORD = rf"[{_CAPITAL}][^\W\d_.]{{1,24}}"
_TITLED = rf"{_OF}{_OF}{_WORD}"
_ONE = rf"(?<![\w-])[{_CAPITAL}][^\W\d_]{{1,24}}(?:[- ][{_CAPITAL}]?[^\W\d_]{{1,24}})?"
_NUMBER = r"(?<![\w./-])\d{1,4}[A-Za-z]?(?:/\d{1,4}[A-Za-z]?)?,?"

RECOGNIZER = Recognizer(
    kind="street",
    type=Type.LOCATION,
    patterns=(
        # Goethestr. 26, Berliner Allee 4, Keizersgracht 12b
        rf"{_ONE}(?:{_GERMANIC}) {_HOUSE}",
        rf"(?<![\w-]){_WORD}[ -](?:Stra(?:ß|ss)e|Str\.|Gasse|Allee|Ufer|Platz|Weg|Ring) {_HOUSE}",
        # 19 New Henderson Street, 221B Baker Street, 14/2 Galle Road
        rf"{_NUMBER} {_WORD}(?: {_WORD})?(?: {_WORD})? (?:{_ENGLISH})(?![^\W_])",
        # 12 bis rue de la Paix, 3, avenue Foch
        rf"(?<![\w./-])\d{{1,4}}(?: ?bis| ?ter)?,? (?:{_FRENCH}) {_TITLED}(?:[- ]{_WORD})?(?:[- ]{_WORD})?(?![^\W_])",
        rf"(?<![\w./-])\d{{1,4}}(?: ?bis| ?ter)?,? place (?:de|du|des) {_OF}{_WORD}(?:[- ]{_WORD})?(?![^\W_])",
        # Calle de Alcalá, 45; Av. da Liberdade 12; Via Roma 3
        rf"(?<![\w-])(?:{_BEFORE}) {_TITLED}(?: {_OF}{_WORD})?(?: {_OF}{_WORD})?,? {_NO}{_HOUSE}{_FLOOR}",
    ),
    scores=Scores(shape=700),
    anchors=(
        "straße", "strasse", "str.", "gasse", "allee", "chaussee", "ufer", " platz", " weg ", " ring ", "straat",
        "laan",
        "gracht", "kade", "singel", "plantsoen", "street", "road", "avenue", " lane", " drive", " close", "crescent",
        "terrace", "gardens", "mawatha", "boulevard", "highway", " rd", " ave", "blvd", "rue ", "bd ", "impasse",
        "allée", "quai", "place d", "calle", "c/", "avda", "avenida", "av.", "paseo", "plaza", "ronda", "rúa", "carrer",
        "travessa", "rua ", "praça", "largo", "via ", "viale", "piazza", "corso",
    ),
    guarded=False,
    exact_case=True,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "wohnhaft «Schillerstraße 63» in Rennes",
        "«Goethestr. 26b», 76155 Napoli",
        "Praxis, «Berliner Allee 4»",
        "woont «Keizersgracht 12» te",
        "lives at «19 New Henderson Street» with",
        "«14/2 Galle Road», Colombo",
        "domiciliée «12 bis rue de la Paix» à",
        "«Calle de Alcalá, 45», Madrid",
        "«Av. da Liberdade 12» Lisboa",
        "habite «365 place de la République», 94915",
        "vive en «Calle Mayor, 19, 5º B»; se",
        "residente in «Via Garibaldi, 3» a",
    ),
    no_match=(
        "via PEG tube 3 times",
        "12 Close contacts",
        "walked 3 Road",
        "Atemweg 3",
        "the Street was long",
        "rue de la Paix",
        "plaza 12 mg",
        "Harnweg Platz",
        "en 3 plazas",
        "12 patients in Lane",
        "en 3 place de repos",
    ),
)
