"""Names that are not people here: diseases, signs, scores named after someone, and brands of medicines.

Law: a guard clears only a span that nothing but the model calls a name, and only without a name cue beside it.
"""

from __future__ import annotations

import re

from filters.words import words

__all__ = ["is_eponym", "is_eponym_construction", "is_medicine"]

_AFTER = (
    "anaemia|anemia|anfall|angina|angle|arteritis|ataxia|bodies|body|cannula|catheter|cells?|chorea|clamp|"
    "classification|coma|contracture|criteria|cyst|deformity|disease|doença|drain|duct|dystrophy|effect|"
    "encephalopathy|enfermedad|equation|esophagus|examination|exponent|foot|forceps|formula|fracture|fraktur|"
    "gland|grade|grading|granulomatosis|heart|hernia|incision|index|inventory|kidney|klassifikation|"
    "kontraktur|krankheit|krise|law|lesion|level|ligament|line|lymphoma|maladie|malattia|malformation|"
    "maneuver|manoeuvre|method|model|naevus|needle|nephropathy|neuroma|nevus|node|nodes|oesophagus|operation|"
    "palsy|paralysis|phenomenon|position|procedure|purpura|questionnaire|reaction|reflex|retractor|ring|rings|"
    "risk|sarcoma|scale|score|segno|sign|signo|signs|sinal|sindrome|skala|space|staging|stain|syndrom|"
    "syndrome|syndroom|síndrome|technique|teken|test|thyreoiditis|thyroiditis|triad|tube|tumor|tumour|ulcer|"
    "view|virus|zeichen|ziekte"
)
_BEFORE = (
    "cirugía de|clasificación de|classification de|classificazione di|corea de|doença de|enfermedad de|"
    "escala de|escore de|esófago de|fenómeno de|fractura de|fracture de|linfoma de|linfoma di|lymphome de|m\\.|"
    "maladie de|malattia di|maniobra de|manœuvre de|morbo di|morbus|nach|op nach|operation nach|phénomène de|"
    "prueba de|sarcoma de|sarcome de|score de|segno di|signe de|signo de|sinal de|sindrome di|syndrome de|"
    "syndroom van|síndrome de|teken van|test de|thyroïdite de|tiroiditis de|ziekte van|índice de"
)
_FOLLOWED = re.compile(rf"(?:'s|’s|s'|'|’)?(?:[ \t]{{1,2}}|[- ])(?:{_AFTER})(?![^\W_])", re.IGNORECASE)
_PRECEDED = re.compile(rf"(?<![^\W_])(?:{_BEFORE})[ \t]{{1,2}}\Z", re.IGNORECASE)
_PAIRED = re.compile(r"[-–][A-ZÀ-Þ][^\W\d_]{2,20}(?:'s|’s)?[ \t-]", re.UNICODE)

_STEM = re.compile(
    r"[^\W\d_]{3,}(?:mab|navir|buvir|ciclovir|viroc|tegravir|tinib|ciclib|sartan|statin|gliptin|gliflozin|glitazone|glutide|"
    r"xaban|gatran|parin|prazole|conazole|setron|triptan|oxetine|azepam|azolam|floxacin|cycline|cillin|mycin|micin|"
    r"bactam|penem|dronate|profen|caine|dipine|afil|terol|tropium|metasone|nisolone|thiazide|semide|olol|"
    r"pril|arone|nirole|ipexole|zosin|apine|tidine|triptyline|azepine|gabalin|formin|olimus|lukast|grel|coxib|oxicam|"
    r"fenac|vudine|fentanil|codone|peridone|racetam)[aeo]?\Z"
)
_EPONYM_WORDS = (
    "addison adson alport alzheimer apgar asperger babinski bamberger bardet barré bartholin basedow bassini batten "
    "bechterew behcet behçet bence biedl billroth bochdalek bouchard braden brown-séquard brudzinski budd burkitt "
    "chagas charcot chiari chvostek clostridium coombs courvoisier creutzfeldt crohn cushing duchenne dupuytren "
    "eaton ebstein ehlers eisenmenger epstein erb fabry fallot fanconi felty fournier froin galeazzi gastaut "
    "gaucher gilles goodpasture gowers guillain haglund hashimoto heberden heimlich henoch hirschsprung hodgkin "
    "homans horner hurler janeway kaposi karnofsky kartagener kawasaki kearns kernig killip klinefelter klippel "
    "koplik korsakoff krabbe krukenberg kussmaul lachman lasegue lasègue laënnec leber lehane lewy lhermitte "
    "lisfranc loeffler lyme mallampati mallory marfan mcburney mcmurray meckel meissner meniere menière merkel "
    "merseburg mobitz monteggia morquio ménière niemann osler paget parkinson patau perthes peyronie pickwick "
    "plummer pompe pott prader purkinje quervain raynaud rett reye rinne romberg rorschach rovsing sandhoff "
    "sanfilippo sayre scheuermann schlatter schönlein sengstaken sezary sheehan sjogren sjögren snellen spurling "
    "steinert strümpell sudeck sydenham takayasu tay tietze tinel tourette trendelenburg trousseau valsalva virchow "
    "waldenström wallenberg warthin wegener wernicke whipple willebrand wilms wolff zenker zollinger "
)
_BRAND_WORDS = (
    "adalat advil aldactone allegra ambien amoxil aricept aspirin ativan augmentin avastin bactrim benadryl botox "
    "buscopan celebrex cialis cipro claritin clexane concerta coumadin cozaar crestor cymbalta depakote diflucan "
    "dilantin doliprane dolo dulcolax efferalgan effexor eliquis enantyum enbrel entresto epipen euthyrox flagyl "
    "flonase fosamax gaviscon glucophage haldol herceptin humalog humira ibuprom imodium januvia jardiance kardégic "
    "keppra klonopin lantus lasix levothyrox lexapro lipitor lovenox lyrica marcumar maxalt metformin metoprolol "
    "mirena motrin mounjaro naprosyn neurontin nexium nolotil norvasc novalgin novorapid nurofen orfidal ozempic "
    "panadol pantozol paracetamol paxil pepcid plavix pradaxa prednisone prilosec prozac ramipril remicade "
    "risperdal ritalin rituxan seroquel singulair spasfon spiriva symbicort synthroid tachipirina tamiflu tegretol "
    "tenormin topamax toradol torasemid tramal trankimazin tylenol valium valtrex ventolin ventolín viagra vicodin "
    "victoza voltaren wellbutrin xanax xarelto zantac zithromax zocor zofran zoloft zyrtec "
)
_EPONYMS = frozenset(_EPONYM_WORDS.split())
_BRANDS = frozenset(_BRAND_WORDS.split())


def is_eponym_construction(text: str, start: int, end: int) -> bool:
    """Return whether `text[start:end]` names a disease, sign, score or device: "X disease", "Morbus"
    " X", "maladie de X"."""
    if _FOLLOWED.match(text, end) or _PRECEDED.search(text[max(0, start - 24) : start]):
        return True
    paired = _PAIRED.match(text, end)
    return paired is not None and _FOLLOWED.match(text, paired.end() - 1) is not None


def is_eponym(value: str) -> bool:
    """Return whether every word of `value` is a known eponym."""
    found = [word.text for word in words(value)]
    return bool(found) and all(word in _EPONYMS for word in found)


def is_medicine(value: str) -> bool:
    """Return whether `value` is one known brand, or one word with the stem of a substance (WHO list of INN stems)."""
    found = [word.text for word in words(value)]
    return bool(found) and all(word in _BRANDS or _STEM.search(word) is not None for word in found)
