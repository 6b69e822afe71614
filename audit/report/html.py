"""HTML that cannot be broken out of: text is escaped by construction, and markup is a type of its own. Pure.

tag("p", "a < b", class_="quiet") == Markup('<p class="quiet">a &lt; b</p>')
"""

from html import escape

__all__ = ["Markup", "join", "tag"]

_VOID = frozenset({"meta", "rect", "line"})


class Markup(str):
    """A finished piece of markup. Only `tag` and `join` make one from data; every other string is text."""

    __slots__ = ()


def tag(name: str, *children: str | int, **attributes: str | float) -> Markup:
    """Return an element. A `_` at the end of an attribute is dropped, one inside becomes a hyphen."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"' for key, value in attributes.items()
    )
    if name in _VOID and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str | int) -> Markup:
    """Put pieces together, escaping what is text."""
    return Markup("".join(c if isinstance(c, Markup) else escape(str(c), quote=True) for c in children))
