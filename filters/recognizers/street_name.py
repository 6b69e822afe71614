"""Street by the word or number that begins it: Calle de Alcalá 45, 19 Temple Road, Am Mühlbach 9, on Galle Road."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores
from filters.street_patterns import (
    ADDRESS_END,
    BARE,
    BEFORE,
    CAPITAL,
    ENGLISH,
    FLOOR,
    FRENCH,
    HOUSE,
    ITALIAN,
    LAND,
    LOWER_ROAD,
    LOWER_WORD,
    MORE,
    NO,
    NUMBER,
    OF,
    ON,
    PORTUGUESE,
    REFERS,
    ROOM,
    SG,
    SPOKEN,
    TITLED,
    WORD,
    address,
)

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="street_name",
    type=Type.LOCATION,
    patterns=(
        # 19 New Henderson Street, 221B Baker Street, 14/2 Galle Road
        rf"{NUMBER} {WORD}(?: {WORD})?(?: {WORD})? (?:{ENGLISH})(?![^\W_])",
        # 12 bis rue de la Paix, 3, avenue Foch
        rf"(?<![\w./-])\d{{1,4}}(?: ?bis| ?ter)?,? (?:{FRENCH}) {TITLED}(?:[- ]{WORD})?(?:[- ]{WORD})?(?![^\W_])",
        rf"(?<![\w./-])\d{{1,4}}(?: ?bis| ?ter)?,? place (?:de|du|des) {OF}{WORD}(?:[- ]{WORD})?(?![^\W_])",
        rf"(?<![\w./-])\d{{1,4}}(?: ?bis| ?ter)?,? (?:cours|place) (?:de la |du |des )?{WORD}{MORE}(?![^\W_])",
        # Calle de Alcalá, 45; Av. da Liberdade 12; Via Roma 3; calle Atahualpa s/n
        rf"(?<![\w-])(?:{BEFORE}) {TITLED}(?: {OF}{WORD})?(?: {OF}{WORD})?,? {NO}{HOUSE}{FLOOR}{ROOM}",
        rf"(?<![\w-])(?:{BEFORE}) {TITLED}(?: {OF}{WORD})?,? s/n(?!\w)",
        # via Quarta Strada 9, corso Italia 3
        (
            rf"(?<![\w-])(?:{ITALIAN}) {TITLED}(?: {OF}{WORD})?,? (?:n\. ?)?\d{{1,3}}(?:/?[a-zA-Z])?(?![\w%./]\w|"
            rf"\w){ADDRESS_END}"
        ),
        # Am Mühlbach 9, An der Alster 12
        (
            rf"(?:^|(?<=[\n(])|(?<=[,;·|/:–-] )|(?<=wohnhaft )|(?<=Adresse )|(?<=Anschrift )|(?<= in ))"
            rf"(?P<value>(?:{ON}) [{CAPITAL}][a-zäöüß-]{{2,24}}(?: [{CAPITAL}][a-zäöüß]{{2,20}})? "
            rf"\d{{1,3}}[a-z]?)(?![\w%]){ADDRESS_END}"
        ),
        # place de la République, announced
        (
            rf"(?<![\w-])(?:{REFERS}) (?:au |à la |à |la |aux )?(?P<value>(?:\d{{1,4}}(?: ?bis| ?ter)?,?"
            rf" )?(?:{BARE}) {TITLED}{MORE})(?![^\W_])"
        ),
        (
            rf"(?:(?<=, )|(?<=\n)|(?<=dans la )|(?<=sur la )|(?<=de la )|(?<=à la ))(?P<value>(?:place|rue|avenue|"
            rf"boulevard|quai|impasse) (?:de la |de l['’]|du |des |de |d['’]){WORD}{MORE})(?![^\W_])"
        ),
        # Rua Augusta, Monte do Sobral; Carrera 15 # 93-60
        (
            rf"(?<![\w-]){PORTUGUESE}{WORD}(?: {OF}{WORD})?(?: {OF}{WORD}|"
            rf" [A-Z](?!\w))?(?:,? {NO}\d{{1,4}}[A-Z]?(?!\w))?{FLOOR}{ROOM}(?![^\W_])"
        ),
        rf"(?<![\w-]){LAND}{WORD}(?: {OF}{WORD})?(?:,? {NO}\d{{1,4}}[A-Z]?(?!\w))?{ROOM}(?![^\W_])",
        (
            r"(?<![\w-])(?:Calle|Cl\.?|Carrera|Cra\.?|Kr\.?|Transversal|Diagonal|Av\.?) \d{1,3}[A-Z]? ?"
            r"(?:#|No\.?|n\.?º|[Nn]úm\.?) ?\d{1,4}[A-Z]?(?:[ -]{1,3}\d{1,3})?(?!\w)"
        ),
        # Block 123 Bedok North Road #05-12, Jalan Besar
        (
            rf"(?<![\w-])(?:Blk|Block|BLK) \d{{1,4}}[A-Z]?,? {WORD}(?: {WORD})?(?: {WORD})? (?:{SG})(?:"
            rf" \d{{1,3}})?(?:,? #\d{{2}}-\d{{1,4}})?(?!\w)"
        ),
        rf"(?<![\w-])(?:Lorong(?: \d{{1,3}}[A-Z]?)?|Jalan|Jln\.?) {WORD}(?: {WORD})?(?![^\W_])",
        # Flat 9, Kestrel House; 12/3A, Galle Road; 22 Park Grove, Leeds
        (
            rf"(?<![\w-])(?:Flat|Apartment|Apt\.?) \d{{1,4}}[A-Za-z]?,? {WORD}(?: {WORD})? (?:House|Court|Lodge|"
            rf"Towers?|Mansions|Heights|Building|Villas)(?!\w)"
        ),
        (
            rf"(?<![\w-])(?:Flat|Unit|Apartment|Apt\.?) \d{{1,4}}[A-Za-z]?, \d{{1,4}}[A-Za-z]? {WORD}(?: {WORD})?"
            rf" (?:{ENGLISH})(?![^\W_])"
        ),
        (
            rf"{NUMBER} {WORD}(?: {WORD})? (?:Court|Grove|Place|Way|Mews|Square|Hill|Row|Marg|Salai)(?=,"
            rf" [A-Z][a-z]{{2,20}})"
        ),
        # on Galle Road, 45/2, temple road
        (
            rf"(?<![\w-])(?:on|at|in|off|near|along|from) (?P<value>{WORD}(?: {WORD})? "
            r"(?:[Rr]oad|[Ss]treet|[Aa]venue|[Ll]ane|[Mm]awatha|[Cc]rescent))(?![^\W_])(?! (?:[A-Z]|traffic|accident|"
            r"crash|collision|users?))"
        ),
        rf"{NUMBER} {WORD}(?: {WORD})? (?:road|street|avenue|lane|mawatha|crescent)(?![^\W_])",
        # eighteen rowan close, 29 priory road, on mill street
        rf"(?<![\w./-])(?:{SPOKEN}|\d{{1,4}}[a-z]?) {LOWER_WORD}(?: {LOWER_WORD})? (?:{LOWER_ROAD})(?![^\W_])",
        (
            rf"(?<![\w-])(?:on|at|off|from|in) (?P<value>{LOWER_WORD} (?:street|road|avenue|"
            rf"crescent))(?![^\W_])"
        ),
        (
            r"(?<![\w-])(?:Autobahn|autoroute|autovía|autopista|autostrada|snelweg|motorway|carretera|rodovia|"
            r"Bundesstraße) (?P<value>[A-Z]{1,2}[- ]?\d{1,3})(?!\w)"
        ),
    ),
    scores=Scores(shape=700),
    starts=(
        "#", "calle", "c", "avda", "avenida", "av", "paseo", "ronda", "rúa", "carrer", "travessa", "rua", "via",
        "viale", "piazza", "corso", "plaza", "praça", "largo", "camino", "carretera", "ctra", "pasaje", "estrada",
        "alameda", "v", "piazzale", "p", "vicolo", "strada", "contrada", "lungomare", "laan", "am", "im", "an", "auf",
        "zum", "zur", "zu", "hinter", "unter", "vor", "bei", "in", "habite", "habitant", "demeurant", "demeure",
        "domicilié", "domiciliée", "adresse", "réside", "résidant", "sis", "sise", "place", "rue", "avenue",
        "boulevard", "quai", "impasse", "quinta", "monte", "bairro", "comunidade", "cl", "carrera", "cra", "kr",
        "transversal", "diagonal", "blk", "block", "lorong", "jalan", "jln", "flat", "unit", "apartment", "apt", "on",
        "at", "off", "near", "along", "from", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty",
        "ninety", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
        "nineteen", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "autobahn", "autoroute",
        "autovía", "autopista", "autostrada", "snelweg", "motorway", "rodovia", "bundesstraße",
    ),
    refine=address,
    guarded=False,
    exact_case=True,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "lives at «19 New Henderson Street» with",
        "«14/2 Galle Road», Colombo",
        "domiciliée «12 bis rue de la Paix» à",
        "«Calle de Alcalá, 45», Madrid",
        "«Av. da Liberdade 12» Lisboa",
        "habite «365 place de la République», 94915",
        "vive en «Calle Mayor, 19, 5º B»; se",
        "residente in «Via Garibaldi, 3» a",
        "residente in «via Gramsci 15». È",
        "Studio: «largo Garibaldi 4» – 059",
        "vers 19 h, «place de la République». Ecchymose",
        "habite «chemin des Lilas» depuis",
        "Leibinger\n«Im Weiler 9»\n74532 Ilshofen",
        "geb. 05.05.1957, «Am Mühlbach 9», 79100 Freiburg",
        "Cunhada. «Rua Projetada B, casa 12», Recife",
        "Morada: «Monte do Sobral», Arraiolos",
        "Address «Flat 9, Kestrel House», Barking",
        "No. «12/3A, Galle Road», Colombo",
        "fell at «Hemmathagama road». GCS",
        "still «eighteen rowan close»\n",
        "still at «twenty nine priory road»\n",
        "at the hostel on «mill street»\n",
    ),
    no_match=(
        "via PEG tube 3 times",
        "12 Close contacts",
        "walked 3 Road",
        "rue de la Paix",
        "plaza 12 mg",
        "en 3 plazas",
        "12 patients in Lane",
        "en 3 place de repos",
        "Im Verlauf 3, dann",
        "Am Montag 3, dann",
        "via Sonde 3 Tage",
        "in the middle lane",
        "five minutes drive from the main road",
        "on the wet road",
        "two people close contacts",
        "la place de la coloscopie",
        "Main road traffic",
    ),
)
