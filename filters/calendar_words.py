"""Words of dates in seven languages: months, weekdays, and the small words between."""

from __future__ import annotations

__all__ = ["AMBIGUOUS_MONTHS", "CONNECTOR", "MONTHS", "WEEKDAYS"]

_NAMES = (
    # en de es fr it nl pt; spellings with and without accents, and the usual abbreviations
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec "
    "januar jänner jaenner feber februar märz maerz mai juni juli oktober dezember mär mrz okt dez "
    "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre ene abr dic "
    "janvier février fevrier mars avril juin juillet août aout septembre octobre novembre décembre decembre "
    "janv févr fevr fév fev avr juil déc "
    "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre genn febbr giu lug ott sett "
    "januari februari maart mei augustus mrt "
    "janeiro fevereiro março marco maio junho julho setembro outubro novembro dezembro"
)
_AMBIGUOUS = "ago set out mag gen"
"""Abbreviations that are words elsewhere ("9 out of 10", "1 set"): they count only between a day and a year."""


def _alternation(words: str) -> str:
    return "|".join(sorted(set(words.split()), key=lambda word: (-len(word), word)))


MONTHS = _alternation(_NAMES)
AMBIGUOUS_MONTHS = _alternation(_AMBIGUOUS)
WEEKDAYS = _alternation(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag "
    "lunes martes miércoles miercoles jueves viernes sábado sabado domingo "
    "lundi mardi mercredi jeudi vendredi samedi dimanche "
    "lunedì lunedi martedì martedi mercoledì mercoledi giovedì giovedi venerdì venerdi domenica "
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag "
    "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira"
)
CONNECTOR = "of|de|del|di|den|der|do"
