"""The browser verifier: one HTML file that an officer opens from her own disk, with no network. Pure.

Its parts are plain ES modules named as their Python twins, one bundle of cryptography made from npm packages
(tests/browser/verifier/build_crypto.mjs), a style and a template. Joining them needs no Node: imports and exports are
dropped, the tables of `audit/` are put in, and the policy of the page names every script and style by its digest.

    verifier_page(reasons, release="0.1.0") -> bytes        reasons: code of a refusal -> a sentence
"""

import base64
import json
import re
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources

__all__ = ["ENGINE_MODULES", "engine", "verifier_page"]

ENGINE_MODULES = (
    "tables", "strictjson", "bytes", "record", "shapes", "bech32", "checkpoint", "tree", "chain", "seal", "archive",
    "findings", "package", "officer", "structure", "coverage", "evidence", "contents", "meaning", "examine", "columns",
    "desk",
)  # fmt: skip
"""In an order in which every constant exists before the next module needs it."""
_APP = ("view", "app")
_IMPORT = re.compile(r"^import \{[^}]*\} from \"[^\"]+\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(function|const|class)\b)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*(//.*|/\*\*.*\*/)\n", re.MULTILINE)
_BLOCK = re.compile(r"^\s*/\*\*\n(?:\s*\*.*\n)+", re.MULTILINE)
_NAMES = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)


def engine(reasons: Mapping[str, str], release: str) -> str:
    """Return the part without a page, as one script that defines `Cordon`: what the worker runs, and Node in tests."""
    crypto = _EXPORT.sub("", _part("vendor/crypto.js"))
    sources = [_part(f"js/{name}.js") for name in ENGINE_MODULES]
    names = ", ".join(sorted(name for source in sources for name in _NAMES.findall(source)))
    body = _with_tables("\n".join(map(_plain, sources)), reasons, release)
    return f'const Cordon = (() => {{\n"use strict";\n{crypto}\n{body}\nreturn {{ {names} }};\n}})();\n'


def verifier_page(reasons: Mapping[str, str], release: str) -> bytes:
    """Return the file."""
    app = "\n".join(_plain(_part(f"js/{name}.js")) for name in _APP)
    scripts = (engine(reasons, release), f'(() => {{\n"use strict";\n{app}\n}})();\n')
    style = _part("style.css")
    if any("</script" in script.lower() or "<!--" in script for script in scripts):
        raise ValueError("a script would end early")
    digests = " ".join(f"'{_digest(script)}'" for script in scripts)
    page = _part("page.html").replace("@release@", release)
    page = page.replace("@scripts@", digests).replace("@style-digest@", f"'{_digest(style)}'")
    return page.replace("@style@", style).replace("@engine@", scripts[0]).replace("@app@", scripts[1]).encode()


def _part(name: str) -> str:
    return resources.files("audit.verifier").joinpath(name).read_text("utf-8")


def _plain(source: str) -> str:
    """Turn a module into statements: no imports, no exports, and comments stay in the source."""
    statements = _EXPORT.sub("", _IMPORT.sub("", source))
    return _COMMENT.sub("", _BLOCK.sub("", statements))


def _with_tables(script: str, reasons: Mapping[str, str], release: str) -> str:
    audit = resources.files("audit")
    tables = {
        name: json.loads(audit.joinpath(f"{name}.json").read_text("ascii")) for name in ("checks", "shapes", "controls")
    }
    tables["words"] = tomllib.loads(audit.joinpath("english.toml").read_text("utf-8"))
    tables["reasons"] = dict(reasons)
    for name, table in tables.items():
        script = script.replace(f'"@{name}@"', _literal(json.dumps(table, separators=(",", ":"))))
    return script.replace('"@release@"', _literal(release))


def _literal(text: str) -> str:
    """Write a text as a JavaScript string that cannot end a script element."""
    return json.dumps(text).replace("<", "\\u003c")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(sha256(text.encode()).digest()).decode()
