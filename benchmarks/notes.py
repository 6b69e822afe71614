"""Twenty invented notes with the identifiers in them, for asking a proxy what it lets through. Nobody here exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["NOTES", "Note"]


@dataclass(frozen=True, slots=True)
class Note:
    """A note, what identifies its patient by kind, and what a clinician needs to stay."""

    text: str
    identifiers: Mapping[str, str]
    keep: tuple[str, ...]


_PEOPLE = (
    ("Nimal Perera", "911042754V", "20-48813", "077 123 4567"),
    ("Kumari Jayasuriya", "856340127V", "19-20457", "071 880 2231"),
    ("Tharindu Wickramasinghe", "199534501284", "MG-77310", "+94 76 555 0143"),
    ("Fathima Rizwan", "200165804417", "21-00934", "0772318890"),
    ("Selvarajah Kandiah", "682201945X", "18-66120", "021 222 7788"),
    ("Anoma Dissanayake", "735881206V", "22-41076", "081-238-5510"),
    ("Ruwan Bandara", "198812300567", "H204417", "070 314 1592"),
    ("Priyanka de Silva", "945123098V", "23-11894", "+94 11 269 1111"),
    ("Mohamed Ashraff", "791420336V", "20-90021", "075-440-9127"),
    ("Lakshmi Sivakumar", "200072301955", "A0098123", "078 661 0045"),
    ("Gayan Rathnayake", "880451127V", "17-30288", "0715540098"),
    ("Dilini Amarasekara", "967024418V", "24-00517", "072 907 3364"),
    ("Joseph Fernando", "550912837V", "12-84410", "031 222 4916"),
    ("Hasini Weerakoon", "199962703318", "MG-80142", "+94 77 230 8841"),
    ("Upul Gunawardena", "671834405V", "15-77206", "0112 694 033"),
    ("Zainab Cader", "925530781V", "23-65009", "076 118 2290"),
    ("Arjuna Tennakoon", "198420117743", "H117208", "071 455 6612"),
    ("Malini Rajapakse", "606721359V", "13-09945", "034 222 1907"),
    ("Kasun Herath", "200209304128", "24-31177", "074 390 5528"),
    ("Shanthi Balasubramaniam", "758113420V", "16-52830", "024-222-6641"),
)

_FORMS = (
    """Clinic note. Patient: {name}, NIC {nic}, MRN {mrn}, phone {phone}, e-mail {email}. Cough and fever for 5 days, no
chest pain. BP 120/80, SpO2 96 %. Right basal crackles. Diagnosis: pneumonia. Plan: amoxicillin 500 mg three times a
day.""",
    """{name} was brought in by a neighbour with sudden weakness of the left arm. Hospital number {mrn}, identity card
{nic}; the family can be reached on {phone} or at {email}. CT shows no bleed. Started on aspirin 300 mg, for review
tomorrow.""",
    """Discharge summary
Name: {name}
NIC No: {nic}
MRN: {mrn}
Tel: {phone}
Email: {email}
Type 2 diabetes, HbA1c 9.1 %. Metformin 1 g twice daily, gliclazide stopped after hypoglycaemia. Foot check in 3
months.""",
    """Dear colleague, thank you for seeing {name} (MRN {mrn}). The call came from {phone}, about palpitations at night.
ECG: atrial fibrillation, rate 110. The NIC is {nic}. I have started bisoprolol 2.5 mg and ask for an echocardiogram;
please write to {email} with the result.""",
)
_KEEP = (
    ("BP 120/80", "SpO2 96 %", "pneumonia", "amoxicillin 500 mg"),
    ("left arm", "CT shows no bleed", "aspirin 300 mg"),
    ("HbA1c 9.1 %", "Metformin 1 g", "gliclazide", "Foot check"),
    ("palpitations", "rate 110", "bisoprolol 2.5 mg", "echocardiogram"),
)


def _note(number: int) -> Note:
    (name, nic, mrn, phone), which = _PEOPLE[number], number % len(_FORMS)
    email = f"{name.split()[-1].lower()}{number}@mail.example.org"
    identifiers = {"name": name, "NIC": nic, "MRN": mrn, "phone": phone, "e-mail": email}
    text = _FORMS[which].format(name=name, nic=nic, mrn=mrn, phone=phone, email=email)
    return Note(text, identifiers, _KEEP[which])


NOTES = tuple(_note(number) for number in range(len(_PEOPLE)))
