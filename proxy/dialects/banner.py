"""The sentence a client shows above an answer that was flagged.

Law: made from rule names and nothing else, so it holds no text of anybody; no flag, no banner. It says what was
noticed, that the answer was given all the same, and that it is on record.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["banner_of", "notes_of"]

_ABOUT = {
    "dangerous": "harm to oneself or others",
    "harassment": "harassment",
    "hate": "hate speech",
    "sexual": "sexual content",
}
_WHERE = {"prompt": "the question", "response": "the answer"}
_DATA = {"tool": "A tool's result", "tools": "A tool's definition", "user": "A document in the question"}
_LANGUAGE = "language/unsupported"
_ALLOW_ALL = "unsafe-allow-all"


def banner_of(flags: Sequence[str], thresholds: str = "") -> str:
    """Return the sentences for the rules that flagged, and for thresholds nobody measured; "" if there is nothing."""
    said = [_ALLOWED] if _ALLOW_ALL in flags else []
    for where, words in _WHERE.items():
        topics = [topic for id_, topic in _ABOUT.items() if f"{id_}/{where}" in flags]
        if topics:
            said.append(f"The safety check noticed {_list(topics)} in {words}.")
    orders = [words for kind, words in _DATA.items() if f"injection/{kind}" in flags]
    said += [f"{words} contains text that gives orders to the model." for words in orders]
    if _LANGUAGE in flags:
        said.append("The safety check was not made for the language of this text.")
    if said and _ALLOW_ALL not in flags:
        said.append("The answer was given and this is on record; read it with care.")
    if thresholds == "provisional":
        said.append("The thresholds of the safety check are provisional: nobody measured them.")
    return " ".join(said)


_ALLOWED = "UNSAFE: this service runs under a policy that makes no safety check."


def notes_of(flags: Sequence[str], thresholds: str) -> dict[str, object]:
    """The keys that stand beside `flags` in the `cordon` object; none when there is nothing to say."""
    banner = banner_of(flags, thresholds)
    said: dict[str, object] = {"banner": banner} if banner else {}
    return said | ({"thresholds": thresholds} if thresholds == "provisional" else {})


def _list(topics: Sequence[str]) -> str:
    *others, last = topics
    return f"{', '.join(others)} and {last}" if others else last
