"""What each identifier slot of a template becomes: a surface form and its label.

Law: every function takes the random generator it draws from; the same seed gives the same text.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from models.clinical_ner.lexicon import SCRIPT_LANGS, Lexicon, NameGroup

__all__ = ["SLOTS", "Filler"]

_BODIES = {
    "en": "United Nations|UNHCR|UNICEF|NATO|European Union|Amnesty International|Red Crescent|House of Lords",
    "es": "ONU|Naciones Unidas|Unión Europea|OTAN|Cruz Roja|Amnistía Internacional|Cámara de los Lores|Guardia Civil",
    "fr": "ONU|Union européenne|Croix-Rouge|Chambre des lords|Commission européenne|Ligue des droits de l’homme",
}
"""Organisations that stand in a text for themselves, not for somebody's employer."""
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "si": "ජනවාරි පෙබරවාරි මාර්තු අප්‍රේල් මැයි ජූනි ජූලි අගෝස්තු සැප්තැම්බර් ඔක්තෝබර් නොවැම්බර් දෙසැම්බර්",
    "ta": "ஜனவரி பெப்ரவரி மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}
_RELATIVE = {
    "en": "yesterday|last Monday|last Friday|last week|three weeks ago|two months ago|next Tuesday|next week|"
    "Sunday night|on Thursday|Wednesday morning|last month|two days ago|last year|the day before yesterday|in March",
    "de": "gestern|letzten Montag|vergangene Woche|vor drei Wochen|nächsten Dienstag|am Freitag|vorgestern",
    "es": "ayer|el lunes pasado|la semana pasada|hace tres semanas|el próximo martes",
    "fr": "hier|lundi dernier|la semaine dernière|il y a trois semaines|mardi prochain",
    "it": "ieri|lunedì scorso|la settimana scorsa|tre settimane fa",
    "nl": "gisteren|vorige week|afgelopen maandag|drie weken geleden",
    "pt": "ontem|na semana passada|segunda-feira passada|há três semanas",
    "si": "ඊයේ|පසුගිය සතියේ|පසුගිය සඳුදා|සති තුනකට පෙර",
    "ta": "நேற்று|கடந்த வாரம்|கடந்த திங்கட்கிழமை|மூன்று வாரங்களுக்கு முன்பு",
    "ar": "أمس|الأسبوع الماضي|الاثنين الماضي|قبل ثلاثة أسابيع",
}
_HOSPITALS = {
    "en": "{c} General Hospital|{c} Teaching Hospital|St {s} Hospital|St. {s}'s Hospital|{c} Medical Center|"
    "Base Hospital {c}|{o} Hospital|{o} Medical Centre|National Hospital of {k}|{c} Clinic|{o} Clinic, {c}|"
    "{l} Memorial Hospital|University Hospital of {c}|{c} Royal Infirmary|"
    "District Hospital {c}|{o} Health|{c} Children's Hospital",
    "de": "Klinikum {c}|Universitätsklinikum {c}|Krankenhaus {c}|St. {s} Krankenhaus {c}|Kreisklinik {c}|"
    "{l}-Klinik {c}|Charité {c}|Städtisches Klinikum {c}|Praxis Dr. {l}|MVZ {c}|Helios Klinikum {c}|Reha-Klinik {c}|"
    "Pflegeheim St. {s}",
    "es": "Hospital Universitario de {c}|Hospital General de {c}|Hospital {l}|Clínica {l}|Centro de Salud {c}|Complejo"
    " Hospitalario de {c}|Hospital San {s}|Hospital Clínico {c}|Fundación {l}",
    "fr": "CHU de {c}|Hôpital Saint-{s}|Clinique {l}|CH de {c}|Centre hospitalier {c}|Hôpital {l} de {c}",
    "it": "Ospedale {c}|Ospedale San {s}|Policlinico {c}|Clinica {l}|ASL {c}|Azienda Ospedaliera {c}",
    "nl": "{c} Ziekenhuis|Sint {s} Ziekenhuis|UMC {c}|{l} Kliniek|Huisartsenpraktijk {l}|Medisch Centrum {c}",
    "pt": "Hospital de {c}|Hospital São {s}|Centro Hospitalar de {c}|Clínica {l}|Hospital Universitário de {c}",
    "si": "{c} මූලික රෝහල|{c} ශික්ෂණ රෝහල|{c} ජාතික රෝහල|{c} දිස්ත්‍රික් රෝහල|{o} Hospital",
    "ta": "{c} போதனா வைத்தியசாலை|{c} ஆதார வைத்தியசாலை|{c} தேசிய வைத்தியசாலை|{c} மாவட்ட மருத்துவமனை|{o} Hospital",
    "ar": "مستشفى {c}|مستشفى {l}|مدينة {l} الطبية|مستشفى {c} العام|مركز {c} الصحي|عيادة {l}",
}
_COURTS = {
    "en": "{c} Assize Court|{c} Court of Appeal|{c} District Court|{c} Regional Court|{c} Magistrates' Court|"
    "{c} Public Prosecutor's Office|Supreme Court of {k}|{c} Administrative Court|{c} State Security Court|"
    "{c} Labour Court|Ministry of {m} of {k}|{c} Police Department|{c} Prison|{c} Bar Association|High Court of {c}|"
    "Court of Cassation|Constitutional Court|Supreme Administrative Court|Ministry of {m}|{c} City Council",
    "de": "Landgericht {c}|Amtsgericht {c}|Oberlandesgericht {c}|Sozialgericht {c}|Bundesgerichtshof|"
    "Staatsanwaltschaft {c}|Verwaltungsgericht {c}|Arbeitsgericht {c}|Justizvollzugsanstalt {c}",
    "es": "Tribunal Penal de Primera Instancia de {c}|Tribunal de Apelación de {c}|Audiencia Provincial de {c}|"
    "Juzgado de Instrucción de {c}|Tribunal Supremo|Tribunal de Casación|Tribunal Administrativo de {c}|"
    "Tribunal de Seguridad del Estado de {c}|Tribunal Constitucional|fiscalía de {c}|Tribunal del Distrito de {c}",
    "fr": "tribunal de grande instance de {c}|cour d’appel de {c}|cour d ' assises de {c}|"
    "tribunal correctionnel de {c}|parquet de {c}|Cour de cassation|Conseil d’Etat|tribunal administratif de {c}|"
    "tribunal de district de {c}|"
    "cour de sûreté de l’Etat de {c}|Cour constitutionnelle|tribunal régional de {c}|Chambre des Lords|"
    "ministère de la Justice|Cour suprême",
    "it": "Tribunale di {c}|Corte d'appello di {c}|Corte di cassazione|Procura di {c}|TAR di {c}|Corte d'assise di {c}",
    "nl": "rechtbank {c}|gerechtshof {c}|Hoge Raad|rechtbank te {c}|politie {c}|Raad van State",
    "pt": "Tribunal de {c}|Tribunal da Relação de {c}|Supremo Tribunal de Justiça|Ministério Público de {c}|"
    "Tribunal Judicial de {c}",
}
_PHONES = (
    "+94 ## ### ####|0#########|0##-#######|(###) ###-####|###-###-####|+49 ### #######|0####/#####|+971 5# ### ####|"
    "+44 20 #### ####|### ## ## ##|+34 #########|0# ## ## ## ##|###-####|#### ####|ext ####|"
    "077 ### ####|00## ### #######"
)
_IDS = (
    "#######|##########|##-#####|@@######|###-##-####|### ### ####|@#########|#########V|######/##|@@@ ##|##@|"
    "@@-####-##|##########@|### #### ####|784-####-#######-#|@#######@|####-####-####|####|######|## ########|"
    "########@|#####/##|@@@##|@#####|## ## #####|### ## ####|############|####/####|@@###/##"
)
_MINISTRIES = ("Health", "Justice", "Finance", "Defence", "the Interior", "Foreign Affairs", "Labour")
_FORMS = ("& Sons", "Ltd", "GmbH", "AG", "S.A.", "SL", "Inc", "LLC", "and Partners", "plc", "BV", "SpA")
_DOMAINS = (
    "hospital.local",
    "gmail.com",
    "klinikum.intern",
    "yahoo.com",
    "nhs.example",
    "health.gov.lk",
    "mail.example",
    "hotmail.com",
    "uniklinik.example.de",
    "clinic.ae",
    "hospital.es",
    "outlook.com",
    "kabelmail.de",
)


class Filler:
    """Draws the surface form of a slot for one language from one lexicon."""

    def __init__(self, lexicon: Lexicon, lang: str, rng: random.Random) -> None:
        self.lexicon, self.lang, self.rng = lexicon, lang, rng

    def _group(self) -> NameGroup:
        home = self.lexicon.home.get(self.lang) or self.lexicon.groups
        share = 0.9 if self.lang in SCRIPT_LANGS else 0.4
        return self.rng.choice(home if self.rng.random() < share else self.lexicon.groups)

    def _made_up(self) -> str:
        """Join pieces of two names: unseen names must be found by their context."""
        a, b = (self.rng.choice(self.rng.choice(self.lexicon.groups).last) for _ in range(2))
        made = a[: max(2, len(a) // 2)] + b[len(b) // 2 :].lower()
        return made.split(" ")[0].capitalize()

    def given(self) -> str:
        return self.rng.choice(self._group().given)

    def last(self) -> str:
        draw = self.rng.random()
        if draw < 0.12:
            return self._made_up()
        name = self.rng.choice(self._group().last)
        if draw < 0.18:
            return f"{name}-{self.rng.choice(self._group().last)}"
        if draw < 0.22:
            return f"{self.rng.choice(('van', 'von', 'de', 'de la', 'bin', 'Mc', 'el', 'di', 'van der', 'St'))} {name}"
        return name

    def person(self) -> str:
        group, draw = self._group(), self.rng.random()
        given, last = self.rng.choice(group.given), self.last() if draw < 0.3 else self.rng.choice(group.last)
        initial = self.rng.choice(string.ascii_uppercase)
        forms: tuple[tuple[float, str], ...] = (
            (0.50, f"{given} {last}"),
            (0.58, f"{last}, {given}"),
            (0.63, f"{given} {initial}. {last}"),
            (0.68, f"{given[0]}. {last}"),
            (0.72, f"{given} {self.rng.choice(group.given)} {last}"),
            (0.76, f"{given} {last} {self.rng.choice(group.last)}"),
            (0.79, f"{given[0]}.{initial}. {last}"),
            (0.81, f"{last} {given}"),
            (0.83, f"{given} {self.rng.choice(('bin', 'binti', 's/o', 'd/o', 'a/l', 'bint', 'ibn'))} {last}"),
            (0.85, f"{given} {initial} {last}"),
            (0.87, f"{self._made_up()} {self._made_up()}"),
            (0.89, f"{initial}.{given[0]}.M. {last}"),
            (0.91, f"{last} {initial}"),
        )
        spot = self.rng.random()
        return next((form for limit, form in forms if spot < limit), f"{given} {last}")

    def city(self) -> str:
        own = self.lexicon.own_cities.get(self.lang)
        if own and self.rng.random() < 0.8:
            return self.rng.choice(own)
        return self.rng.choice(self.lexicon.cities)

    def year(self) -> str:
        return str(self.rng.randint(1930, 2027))

    def date(self) -> str:
        d, m, y = self.rng.randint(1, 28), self.rng.randint(1, 12), int(self.year())
        name = _MONTHS[self.lang].split()[m - 1]
        short = name[:3]
        of = {"es": " de ", "pt": " de ", "de": ". "}.get(self.lang, " ")
        forms = [
            f"{d:02}/{m:02}/{y}",
            f"{d}/{m}/{y % 100:02}",
            f"{d:02}.{m:02}.{y}",
            f"{d}.{m}.{y % 100:02}",
            f"{y}-{m:02}-{d:02}",
            f"{d}{of}{name}{of if len(of) > 2 else ' '}{y}",
            f"{d:02}-{m:02}-{y}",
            f"{d}{of}{name}",
            f"{d:02}-{short}-{y}",
        ]
        if self.lang == "en":
            th = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(d, "th")
            forms += [
                f"{name} {d}, {y}",
                f"{short} {d} {y}",
                f"{d}{th} of {name} {y}",
                f"{name} {d}{th}",
                f"{m}/{d}/{y}",
                f"the {d}{th} of {name}",
                f"{d}{short.upper()}{y}",
            ]
        if self.lang == "de":
            forms += [f"{d}.{m}.", f"{d:02}.{m:02}.", f"{d}.{m}.{y}"] * 2
        return self.rng.choice(forms)

    def monthyear(self) -> str:
        name, y = self.rng.choice(_MONTHS[self.lang].split()), self.year()
        return self.rng.choice((f"{name} {y}", f"{self.rng.randint(1, 12):02}/{y}", f"{name[:3]} {y}", name))

    def reldate(self) -> str:
        return self.rng.choice(_RELATIVE[self.lang].split("|"))

    def street(self) -> str:
        street, n = self.rng.choice(self.lexicon.streets[self.lang]), self.rng.randint(1, 399)
        if any(c.isdigit() for c in street):
            return street
        if self.lang in {"en", "fr"}:
            flat = self.rng.choice(
                ("", "", "", f"Flat {self.rng.randint(1, 40)}, ", f"No. {n}/{self.rng.randint(1, 9)}, ")
            )
            return flat + street if flat.startswith("No") else f"{flat}{n} {street}"
        return (
            f"{street} {n}"
            if self.lang != "es"
            else f"{street}, {n}, {self.rng.randint(1, 9)}º {self.rng.choice('ABCD')}"
        )

    def zip(self) -> str:
        r = self.rng
        if self.lang == "en" and r.random() < 0.4:
            return self._shaped(r.choice(("SW# #@@", "LS## #@@", "M# #@@", "CB# #@@", "EH# #@@", "B## #@@")))
        if self.lang == "nl":
            return f"{r.randint(1000, 9999)} {r.choice('ABCDEG')}{r.choice('HJKLM')}"
        return str(r.randint(10000, 99999))

    def address(self) -> str:
        tail = self.rng.choice(
            (
                f"{self.zip()} {self.city()}",
                f"{self.city()} {self.zip()}",
                self.city(),
                f"{self.city()}, {self.country()}",
            )
        )
        return f"{self.street()}, {tail}"

    def country(self) -> str:
        return self.rng.choice(self.lexicon.countries[self.lang])

    def hospital(self) -> str:
        form = self.rng.choice(_HOSPITALS[self.lang].split("|"))
        x = self.lexicon
        return form.format(
            c=self.city(), s=self.rng.choice(x.saints), o=self.rng.choice(x.org_stems), k=self.country(), l=self.last()
        )

    def tribunal(self) -> str:
        form = self.rng.choice(_COURTS[self.lang].split("|"))
        office = self.rng.choice(_MINISTRIES)
        return form.format(c=self.city(), k=self.country(), m=office)

    def caseno(self) -> str:
        return self._shaped(self.rng.choice(("#####/##", "#####/##", "####/##", "##### / ##", "#####/0#")))

    def org(self) -> str:
        r, x = self.rng, self.lexicon
        forms = (
            lambda: r.choice(x.org_names),
            lambda: f"{self.last()} {r.choice(_FORMS)}",
            lambda: f"{r.choice(x.org_tails)} of {self.city()}",
            lambda: f"{self.city()} {r.choice(x.org_tails)}",
            lambda: self._made_up() + r.choice(("", "soft", "corp", "tech", " Bank", "med")),
            lambda: r.choice(x.companies),
            lambda: f"{r.choice(x.org_stems)} {r.choice(x.org_tails)}",
        )
        return r.choices(forms, (25, 15, 10, 15, 7, 15, 13))[0]()

    def phone(self) -> str:
        return self._shaped(self.rng.choice(_PHONES.split("|")))

    def _shaped(self, shape: str) -> str:
        """Replace `#` by a digit and `@` by a capital letter."""
        marks = {"#": string.digits, "@": string.ascii_uppercase}
        return "".join(self.rng.choice(marks[c]) if c in marks else c for c in shape)

    def body(self) -> str:
        return self.rng.choice(_BODIES.get(self.lang, _BODIES["en"]).split("|"))

    def acronym(self) -> str:
        return "".join(self.rng.choices(string.ascii_uppercase, k=self.rng.randint(3, 5)))

    def email(self) -> str:
        r = self.rng
        forms = (
            f"{self.given()}.{self.last()}",
            f"{self.given()}{r.randint(1, 99)}",
            f"ward{r.randint(1, 20)}",
            self.last(),
        )
        return f"{r.choice(forms).lower().replace(' ', '')}@{r.choice(_DOMAINS)}"

    def url(self) -> str:
        r = self.rng
        host = f"{r.choice(('www', 'portal', 'pacs'))}.{self.last().lower().replace(' ', '')}"
        scheme, path = r.choice(("https://", "http://", "")), r.choice(("", "/", f"/p/{r.randint(100, 99999)}"))
        return f"{scheme}{host}.{r.choice(('com', 'local', 'org', 'de', 'lk'))}{path}"

    def id(self) -> str:
        return self._shaped(self.rng.choice(_IDS.split("|")))

    def card(self) -> str:
        return self._shaped(self.rng.choice(("#### #### #### ####", "#" * 16, "####-####-####-####", "#" * 13)))

    def age(self) -> str:
        return str(self.rng.choice((self.rng.randint(1, 89), self.rng.randint(18, 85), self.rng.randint(90, 104))))

    def initials(self) -> str:
        a, b = self.rng.choice(string.ascii_uppercase), self.rng.choice(string.ascii_uppercase)
        return self.rng.choice((f"{a}.{b}.", f"{a}. {b}.", f"{a}{b}"))

    def doctor(self) -> str:
        return self.last() if self.rng.random() < 0.5 else self.person()


SLOTS: dict[str, tuple[str, Callable[[Filler], str]]] = {
    "patient": ("PERSON", Filler.person),
    "doctor": ("PERSON", Filler.doctor),
    "given": ("PERSON", Filler.given),
    "last": ("PERSON", Filler.last),
    "lastup": ("PERSON", lambda f: f.last().upper()),
    "givenup": ("PERSON", lambda f: f.given().upper()),
    "givenlast": ("PERSON", lambda f: f"{f.given()} {f.last()}"),
    "initialname": ("PERSON", lambda f: f"{f.rng.choice(string.ascii_uppercase)} . {f.last()}"),
    "initials": ("PERSON", Filler.initials),
    "date": ("DATE", Filler.date),
    "isodate": ("DATE", lambda f: f"{f.year()}{f.rng.randint(1, 12):02}{f.rng.randint(1, 28):02}"),
    "year": ("DATE", Filler.year),
    "monthyear": ("DATE", Filler.monthyear),
    "reldate": ("DATE", Filler.reldate),
    "age": ("AGE", Filler.age),
    "city": ("LOCATION", Filler.city),
    "country": ("LOCATION", Filler.country),
    "street": ("LOCATION", Filler.street),
    "zip": ("LOCATION", Filler.zip),
    "address": ("LOCATION", Filler.address),
    "hospital": ("ORG", Filler.hospital),
    "org": ("ORG", Filler.org),
    "tribunal": ("ORG", Filler.tribunal),
    "body": ("ORG", Filler.body),
    "acro": ("ORG", Filler.acronym),
    "caseno": ("ID", Filler.caseno),
    "phone": ("PHONE", Filler.phone),
    "email": ("EMAIL", Filler.email),
    "url": ("URL", Filler.url),
    "id": ("ID", Filler.id),
    "card": ("ID", Filler.card),
}
