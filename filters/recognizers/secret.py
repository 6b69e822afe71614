"""Key, token or password: what opens a door must never reach a model. "EXAMPLE" in a key exempts nothing."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_B64 = r"[\w-]{1,256}+[\w-]{0,256}+[\w-]{0,256}+[\w-]{0,256}+"
_LABELS = (
    "password|passwd|passwort|kennwort|passphrase|contraseña|contrasena|clave|mot de passe|parola d'ordine|"
    "wachtwoord|senha|palavra-passe|pwd|api[_ -]?key|secret[_ -]?key|access[_ -]?key|client[_ -]?secret|auth[_ -]?token"
)
_ANNOUNCED = r"(?i:(?<!\w)(?:" + _LABELS + r"))[\"']?[ \t]{0,3}(?:[:=]|is )[ \t]{0,3}"

RECOGNIZER = Recognizer(
    kind="secret",
    type=Type.SECRET,
    patterns=(
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])gh[pousr]_\w{36,255}+",
        r"(?<![A-Za-z0-9])github_pat_\w{22,255}+",
        r"(?<![A-Za-z0-9])xox[abeoprs]-(?:\d{1,20}+-){1,4}[A-Za-z0-9]{10,64}+",
        rf"(?<![A-Za-z0-9])eyJ{_B64}\.{_B64}(?:\.{_B64})?",
        r"(?<![A-Za-z0-9])sk-[\w-]{20,200}+",
        r"(?i:\bbearer) {1,3}(?P<value>[A-Za-z0-9._~+/=-]{16,256}+)",
        _ANNOUNCED + r"[\"']?(?P<value>(?:[^\s\"',;]|[\"',;](?=[\w\\])){4,128}+)",
        _ANNOUNCED + r"\"(?P<value>(?:[^\"\\\n]|\\.){4,128}+)\"",
        r"(?i:aws|secret)[^\n]{0,40}?(?<![A-Za-z0-9/+=])(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    anchors=(
        "akia",
        "asia",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "xox",
        "eyj",
        "sk-",
        "bearer",
        "passw",
        "passp",
        "passe",
        "palavra",
        "kennwort",
        "contrase",
        "clave",
        "parola",
        "wachtwoord",
        "senha",
        "pwd",
        "key",
        "secret",
        "token",
        "aws",
    ),
    whole=True,
    scores=Scores(shape=950),
    guarded=False,
    exact_case=True,
)

EXAMPLES = Examples(
    match=(
        "key «AKIAIOSFODNN7EXAMPLE»",
        "token «ghp_abcdefghijklmnopqrstuvwxyz0123456789»",
        "«github_pat_11ABCDEFG0abcdefghijkl»",
        "slack «xoxb-123456789012-1234567890123-abcdefABCDEF»",
        "Authorization: Bearer «abcdefghijklmnop0123456789»",
        "password: «hunter2!»",
        "Passwort = «geheim99»",
        'password: «pa"ss\\w0rd!7» was reset',
        'password="«correct horse, battery»"; next',
        "contraseña: «s3creta»",
        "aws_secret_access_key wJalrXUtnFEMI «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
        "jwt «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl»",
    ),
    no_match=("forgot the password again", "AKIA key", "bearer of news", "secret key agreement", "token ghp_short"),
)
