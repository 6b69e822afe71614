"""The page with which an officer checks a log in her browser, as this build makes it.

page_bytes() -> bytes
"""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from audit.verifier.page import verifier_page
from proxy.cli.command import Exit, complain, out
from proxy.errors import ERRORS

__all__ = ["page_bytes", "write_page"]


def page_bytes() -> bytes:
    """Return the file, with the sentences of this build."""
    return verifier_page({code: entry.message for code, entry in ERRORS.items()}, version("cordon-proxy"))


def write_page(path: Path) -> int:
    """Write the page where there is none yet, and say how to recognise it."""
    data = page_bytes()
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        complain(f"{path} exists; nothing was written. Choose another name")
        return Exit.FAILED
    except OSError as error:
        complain(f"{path} cannot be written ({error.strerror}); there is no page")
        return Exit.FAILED
    console = out()
    console.print(f"Written: {path}", markup=False)
    console.print(f"SHA-256: {sha256(data).hexdigest()}", markup=False)
    console.print("Open it in a browser and drop a package and your keys on it. It needs no network.", markup=False)
    return Exit.DONE
