"""Name behind a label with a colon: "Patient: Yıldırım, Mehmet Ali", "Naam: NOWAK, JAN", "Surgeon: Mukherjee"."""

from __future__ import annotations

import re

from filters.eponyms import is_eponym, is_medicine
from filters.findings import Type
from filters.lexicon import common_words, ordinary_words
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["CAPITAL", "EXAMPLES", "RECOGNIZER", "is_thing", "name_end"]

CAPITAL = "[A-ZÀ-ÖØ-ÞĆČĐĘĞĪİŁŃŌŐŘŚŞŠŪŮŰŹŻŽȘȚ]"
"""A capital letter of the Latin languages, Turkish and Slavic ones among them."""

_PERSONAL = (
    "Patient|PATIENT|Patientin|Patiente|Pt|PT|Pat|Paciente|PACIENTE|Pte|Paziente|PAZIENTE|Pz|Patiënt|Patiënte|Doente|"
    "Cliente|Client|Cliënt|Cliënte|Bewohner|Bewohnerin|Bew|Residente|Ospite|Utente|Usager|Usagère|Resident|Bewoner|"
    "Bewoonster|Assistito|Assistita|Utilizador|Beneficiario|Usuario|Usuária|Usuário|Versicherter|Versicherte|Enfant|"
    "Kind|Child|Baby|Mother|Father|Mutter|Vater|Madre|Padre|Mère|Père|Moeder|Vader|Mãe|Pai|Tutor|Guardian|"
    "Name|NAME|Namen|Naam|NAAM|Nome|NOME|Nombre|NOMBRE|Nom|NOM|Full name|Surname|SURNAME|Last name|Last Name|"
    "First name|First Name|Given|Given name|Given names|Given Name|Forename|Forenames|Family name|Family Name|"
    "Patient name|Patient Name|PATIENT NAME|Vorname|VORNAME|Nachname|NACHNAME|Familienname|Geburtsname|Mädchenname|"
    "Apellido|Apellidos|APELLIDOS|Nombre completo|Nome completo|Prénom|Prénoms|PRÉNOM|Cognome|COGNOME|Sobrenome|"
    "Apelido|Apelidos|Voornaam|Voornamen|Achternaam|Meisjesnaam|Subject|Re|Betreft|Betr|Betreff|Concerns|Concerne"
)
_OTHER = (
    "Next of kin|Next of Kin|NOK|Emergency contact|Contact|Contact person|Angehörige|Angehöriger|Kontakt|"
    "Kontaktperson|Bezugsperson|Verstorben|Verstorbener|Verstorbene|Betreuer|Betreuerin|Betreuung|Vormund|"
    "Contactpersoon|Mantelzorger|Acompañante|Acompanhante|Accompagnatore|Accompagnant|Cuidador|Cuidadora|Familiar|"
    "Persona de contacto|Pessoa de contacto|Personne de confiance|Carer|Spouse|Wife|Husband|Informant|Witness|"
    "Operateur|Operateurin|Assistenz|Anästhesie|Anästhesist|Perfusion|Instrumentierung|OP-Pflege|Surgeon|SURGEON|"
    "Assistant|Anaesthetist|Anesthetist|Anaesthesiologist|Anesthesiologist|Perfusionist|Scrub nurse|Scrub|Operator|"
    "Endoscopist|Radiologist|Radiographer|Sonographer|Pathologist|Consultant|Registrar|Attending|Physician|Doctor|"
    "Nurse|GP|Author|Signed|Signature|Reported by|Reported By|Reviewed by|Reviewed By|Seen by|Seen By|S/B|Dictated by|"
    "Dictated By|Requested by|Requested By|Referred by|Performed by|Performed By|Prepared by|Verified by|Checked by|"
    "Approved by|Authorised by|Authorized by|Completed by|Recorded by|Entered by|Written by|Transcribed by|"
    "Discharged by|Admitted by|Prescribed by|Prescriber|Handover from|Referrer|"
    "Aanvrager|Behandelaar|Hoofdbehandelaar|Huisarts|Radioloog|Chirurg|Arts|Verpleegkundige|Getekend|Verslaglegger|"
    "Einsender|Anforderer|Arzt|Ärztin|Behandler|Untersucher|Untersucherin|Befunder|Unterzeichner|Gez|Hausarzt|"
    "Hausärztin|Chefarzt|Oberarzt|Stationsarzt|Demandeur|Prescripteur|Opérateur|Chirurgien|Anesthésiste|Médecin|"
    "Interne|Infirmière|Infirmier|Signé|Signataire|Richiedente|Medico|Medico curante|Operatore|Chirurgo|Anestesista|"
    "Infermiera|Infermiere|Firmato|Referente|Médico|Médica|Cirujano|Cirujana|Ayudante|Enfermera|Enfermero|Firmado|"
    "Fdo|Solicitante|Responsable|Médico responsable|Cirurgião|Cirurgiã|Ajudante|Enfermeira|Enfermeiro|Assinado|"
    "Requisitante|Operador|Operadora|Médico assistente"
)
_LABELS = f"{_PERSONAL}|{_OTHER}"
_SUFFIX = r"(?:\(in\)|/in|:in|/-in|\(a\)|/a|\(e\)|s name|'s name)?"
_TITLE = (
    r"(?:(?:Dr|Drs|Dra|Prof|Mr|Mister|Mrs|Ms|Miss|Mdm|Sir|Herr|Herrn|Frau|Fr|Hr|Mme|Mlle|Pr|Mw|Mevr|Dhr|"
    r"Mevrouw|dhr|mw|mevr|"
    r"Sr|Sra|Srta|Sig|Sig\.ra|Dott|Dott\.ssa|dott|dott\.ssa|Don|Doña|D\.ª|Enf|Schwester|Pfleger|Sister|OA|OÄ|FA|FÄ|AA|"
    r"AÄ|CA|PD|med|Univ|Priv|Doz|Dipl|Mag|Ing|Encik|Puan|Cik|prof|dr|drs)\.?[ \t-]{1,2})?"
)
_PARTICLES_WORDS = (
    "von van de di da del dela della dello degli der den la le el al bin binte binti ibn zu zur zum ter ten "
    "dos das do du des y e abu freiherr freifrau graf gräfin"
)
_PARTICLES = frozenset(_PARTICLES_WORDS.split())
_OTHERS = (
    "unknown see same none nil ditto as above below tbc tba pending not no yes self alone patient doctor nurse "
    "unbekannt siehe keine kein wie oben entfällt derselbe neffe nichte gattin gatte lebensgefährtin lebensgefährte "
    "desconocido desconocida ver ninguno ninguna igual mismo inconnu inconnue voir aucun aucune néant "
    "sconosciuto sconosciuta vedi nessuno nessuna onbekend zie geen idem desconhecido desconhecida nenhum nenhuma "
    "agenda maire préfet ministre directeur directrice alcalde sindaco burgemeester bürgermeister "
    "arriva kommt tel telefon telephone handy gsm cel móvil phone fax mobile email mail cama bed room ward dob "
    "diabetes asthma asma krebs infarkt bluthochdruck schlaganfall brustkrebs darmkrebs lungenkrebs hautkrebs "
    "tumor tumour neoplasia hipertensa hipertenso fumador fumadora tabac hypertendu diabétique sain sana sano "
    "cardiología cardiologia cardiologie neurología neurologia neurologie urología urologia urologie "
    "pediatría pediatria "
    "pédiatrie nefrología nefrologia oncología oncologia dermatología traumatología radiología hématologie gériatrie "
    "internist internista interna intern externe extern chirurgia chirurgie cirugía cirurgia "
    "bescheid auskunft vollmacht rücksprache kontakt angst hilfe besuch zuhause betreuerin betreuer vorsorgevollmacht "
    "hausfrau rentner rentnerin studentin student lehrerin lehrer verstorben gesund berufstätig ledig verheiratet "
    "mrsa esbl covid corona mum mom dad male female masculino femenino feminino masculin féminin männlich weiblich "
    "infant newborn adult elderly deceased anonymous anon redacted confidential consent position supine "
    "prone lithotomy "
    "intubation spinal general local epidural sedation vollnarkose intubationsnarkose itn larynxmaske spinalanästhesie "
    "teaching education satisfaction history complaint allergies allergic status identification number id age "
    "mutter vater tochter sohn bruder schwester ehefrau ehemann eltern familie gruppe klinik praxis heim notruf "
    "mother father daughter son brother sister wife husband parents family carer "
    "madre padre hija hijo hermana hermano esposa esposo marido figlia figlio moglie marito sorella fratello mère père "
    "oh ah hm hmm nah yeah ok okay uh um aha wow mmm ma'am hola hallo md gyn rh facultad unidad servicio "
    "avda avenida calle rua "
    "informed updated notified contacted counselled enfarte request universidad universität université "
    "università university consultant insulin propofol fentanyl "
    "sevofluran desfluran ketamin ketamine midazolam remifentanil tiva rufname correo correio courriel céd "
    "ced mister neurocirugía cirugía iop parents eltern present absent "
    "fille fils épouse époux moeder vader zoon dochter echtgenote echtgenoot mãe pai filha filho"
)
_NOBODY = frozenset(_OTHERS.split())
_VIRTUES_WORDS = "purificación concepción encarnación asunción consolación anunciación visitación"
_VIRTUES = frozenset(_VIRTUES_WORDS.split())
_ARTICLES_WORDS = "den der zu zur zum das des"
_ARTICLES = frozenset(_ARTICLES_WORDS.split())
"""Particles only behind "van" or "von": else an article."""
_THING = re.compile(
    r"(?:ung|heit|keit|schaft|ität|ismus|itis|osis|ose|oma|omas|ome|emia|aemia|ämie|émie|plegia|plegie|pathy|"
    r"pathie|patía|"
    r"patia|ectomy|ektomie|ectomie|ectomía|ectomia|scopy|skopie|scopie|scopia|graphy|graphie|grafía|grafia|"
    r"tension|tensie|"
    r"tensión|tensione|tensão|ology|ologie|ología|ologia|ologist|ologue|ologo|ólogo|oloog|ologe|ologin|krebs|"
    r"infarkt|druck|"
    r"schmerz|schmerzen|karzinom|carcinoma|krankheit|insuffizienz|syndrom|syndrome|itus|ritis|iker|ikerin|erin|entin|"
    r"meister|arbeiter|führer|fahrer|schwester|pfleger|praxis|klinik|zentrum|abteilung|station|dienst|ische[rsn]?|"
    r"ación|ação|azione|zione|ment|ness|tion|iatrie|iatry|iatria|iatría|insult|hilfe|heim|trisch|logisch|"
    r"kanker|phrenia|phrenie|somie|somy|somía|bética|bético|betica|betico|betiker)\Z"
)
_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|[-'’.](?=[^\W\d_])){0,40}")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_]){0,3}\Z")
_FIELD_END = re.compile(r"[ \t]{0,2}(?:[,;(\n/|*]|\Z|\t|  )")
_BORN = re.compile(
    r" (?:geb|né|née|nato|nata|nacid[oa]|nascid[oa]|born|aged|wohn|DOB|der|die|\(|\d|[-–·|/*<])", re.IGNORECASE
)
_OWNER = re.compile(r"[,;]? {1,4}\(?(?:DOB|D\.O\.B|geb|born|née?|nat[oa]|nacid|nascid|\*|\d{1,3}\b|MRN|NHS|NIC)")
_LOOSE = re.compile(
    r"(?<![\w-])(?:Subject|Re|Betreff|Betr|Betreft|Concern[es]|Utente|Usuario)\.?[ \t]{0,2}[:=][ \t]{0,6}\Z"
)
"""Behind these a name counts only with a birth date, an age or a number."""
_NO_PERSON = re.compile(
    r"(?:drug|file|brand|product|trade|generic|hospital|company|trial|study|test|device|ward|clinic|user|variable|"
    r"function|column|table|template|medication|project|medicine|street|vendor|event|domain|software|model|code|"
    r"not|fellow|no|same|each|every)[ _]\Z",
    re.IGNORECASE,
)
_COMMON = common_words()
_ORDINARY = ordinary_words()
_PERSONAL_LABEL = re.compile(rf"(?:{_PERSONAL}){_SUFFIX}\.?[ \t]{{0,2}}[:=][ \t]{{0,6}}\Z")
_MOST = 5


def is_thing(word: str) -> bool:
    """Return whether a word with a capital is a thing, a role or an act, and nobody's name."""
    flat = word.casefold()
    return flat not in _VIRTUES and (
        flat in _NOBODY
        or flat in _COMMON
        or flat in _ORDINARY
        or _THING.search(flat) is not None
        or is_medicine(flat)
        or is_eponym(flat)
    )


def name_end(text: str, start: int, *, most: int = _MOST, everyday: bool = False) -> int:
    """Return where the name that begins at `start` ends, on its line; `start` when none does.

    With `everyday` the first word may be an everyday one ("Rose Young").
    """
    at = end = start
    shouted, last, names = True, "", 0
    while names < most:
        token = _TOKEN.match(text, at)
        if token is None:
            break
        word, at = token.group(), token.end()
        flat, before = word.casefold(), last
        last = flat
        short = _INITIALS.match(word) is not None
        if text[at : at + 1] == ":" or text[at : at + 2] == " :" or text[at : at + 1].isdigit():
            break
        if short and word[0].isupper():
            dotted = text[at : at + 1] == "."
            if not (dotted or "." in word):
                break
            at += dotted
            end = at if end > start else end
        elif flat in _ARTICLES and end > start and before not in ("van", "von"):
            break
        elif flat not in _PARTICLES or (end > start and word.istitle() and _FIELD_END.match(text, at)):
            ends = end > start and (before in _PARTICLES or _FIELD_END.match(text, at) is not None)
            known = ends or (everyday and not names)
            if not _goes_on(word, later=end > start, shouted=shouted, known=known):
                break
            end = at
            names += 1
            shouted = word.isupper()
        if text[at : at + 1] != " ":
            break
        at += 1
    return end


def _goes_on(word: str, *, later: bool, shouted: bool, known: bool) -> bool:
    """A word of a name: no everyday word, but for the last of several ("Anna Koch,"); no abbreviation."""
    if len(word) < 2 or not word[0].isupper():
        return False
    if later and word.isupper() and len(word) < 5 and not shouted:
        return False
    if not is_thing(word):
        return True
    flat = word.casefold()
    if not known or flat in _NOBODY or flat in _ORDINARY:
        return False
    return flat in _COMMON and _THING.search(flat) is None


def _named(text: str, start: int, _end: int) -> tuple[int, int, int] | None:
    """Take the name, and the given name behind a comma; refuse a sentence and every value of another kind."""
    label_at = text.rfind("\n", 0, start) + 1
    before = text[max(label_at, start - 60) : start]
    label = re.search(r"[\w/'()-]{1,30}(?: [a-zA-Z]{1,10}){0,2}\.?[ \t]{0,2}[:=][^:=]{0,40}\Z", before)
    if label is not None and _NO_PERSON.search(text[max(0, start - len(before)) : start - len(before) + label.start()]):
        return None
    personal = _PERSONAL_LABEL.search(before) is not None
    done = name_end(text, start)
    if done == start:
        return _everyday(text, start) if personal else None
    name = text[start:done]
    if " " not in name and _is_dialogue(text, start):
        return None
    if (name.isupper() and len(name) < (4 if personal else 5)) or (" " not in name and not _stands_alone(text, done)):
        return None
    done = _with_given(text, start, done) if personal else done
    return None if _LOOSE.search(before) and not _OWNER.match(text, done) else (start, done, 0)


def _with_given(text: str, start: int, done: int) -> int:
    """Take the given name behind the comma."""
    given = name_end(text, done + 2, most=3) if text[done : done + 2] == ", " else 0
    return given if given > done + 2 and (text[start:done].isupper() or not text[done + 2 : given].isupper()) else done


def _everyday(text: str, start: int) -> tuple[int, int, int] | None:
    """A name that begins with an everyday word holds another that is none, or its owner's birth or age follows."""
    first = name_end(text, start, everyday=True)
    done = _with_given(text, start, first)
    words = text[start:done].replace(",", "").split(" ")
    if done == start or len(words) < 2 or not _stands_alone(text, done):
        return None
    named = any(word[0].isupper() and len(word) > 2 and not is_thing(word) for word in words)
    loose = _LOOSE.search(text[max(0, start - 24) : start]) is not None
    return (start, done, 0) if (named and not loose) or _OWNER.match(text, done) else None


def _is_dialogue(text: str, start: int) -> bool:
    """The line's label stands at the beginning of three lines near by."""
    line = text.rfind("\n", max(0, start - 80), start) + 1
    label = text[line:start].split(":", maxsplit=1)[0]
    return text[max(0, start - 1500) : start + 1500].count(f"{label}:") > 2 if label else True


def _stands_alone(text: str, at: int) -> bool:
    if _FIELD_END.match(text, at) or _BORN.match(text, at):
        return True
    return text[at : at + 1] in ".)" and not text[at + 1 : at + 2].isalnum()


RECOGNIZER = Recognizer(
    kind="labelled_name",
    type=Type.NAME,
    patterns=(
        (
            rf"(?<![\w-])(?P<cue>{_LABELS}){_SUFFIX}\.?[ \t]{{0,2}}[:=][ \t]{{0,6}}{_TITLE}{_TITLE}{_TITLE}{_TITLE}"
            rf"(?P<value>(?:[a-z]{{2,4}} )?(?:[a-z]{{2,4}} )?{CAPITAL}[^\W\d_]{{0,30}})"
        ),
    ),
    scores=Scores(cued=700),
    starts=tuple(sorted({re.split(r"[^\w]", label.lower())[0] for label in _LABELS.split("|")})),
    guarded=False,
    exact_case=True,
    refine=_named,
)

EXAMPLES = Examples(
    match=(
        "Patient: «Yıldırım, Mehmet Ali», geb. 02.11.1957",
        "Name: «NOWAKOWSKI, ZBIGNIEW»\nGeburtsdatum: 23.04.1969",
        "Paciente: «Wanderley Aparecido dos Reis»   Prontuário: 0077314-2",
        "Surgeon: «Mukherjee». CNS: ward",
        "Perfusion: «M. Tschirner»\n",
        "Verstorben: «Theodor Freiherr von Ruckteschell», zul. wohnhaft",
        "Aanvrager: «P. de Wilde», SEH",
        "Name: «Perera»  Given: Nimal",
        "Operateur: OA Dr. «Schleifenbaum»\n",
        "Nombre: «MARÍA PURIFICACIÓN CALLEJO SANZ»\nNHC: 1",
        "Patient : «PEREIRA DA COSTA Ilda»\nDDN",
        "Interne : «Aurélien Bacquet»",
        "Paziente: «Bruna Cattaneo», nata il",
        "Pt: «Doreen Achterberg» 72F",
        "Reviewed by: Dr «N. Achterberg»",
        "Kind: «Anbuselvan, Nila», weiblich",
        "Patient: «Koch, Anna», 71 J.",
        "PATIENT: «TAN WEI LING»\n",
        "Re: «Grace Tan», DOB 1.2.80",
    ),
    no_match=(
        "Patient: Stable today",
        "Consultant: Cardiology",
        "Nombre: desconocido",
        "Kontakt: siehe oben",
        "Requested by: ED",
        "Brand name: Panadol Extra",
        "Patient: Yes, I took it",
        "Patient: Paracetamol helps a bit",
        "Médico: ver agenda",
        "Name: Amoxicillin",
        "Betreuer: Neffe, Herr",
        "Anästhesie: Intubationsnarkose",
        "Mutter: Diabetes mellitus",
        "Contact: Ward 4",
        "Author: Unknown",
    ),
)
