"""Write the page with which an officer checks a log in her browser.

Law: nothing is overwritten, and what was written is named by its digest.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from proxy.cli.command import Exit, complain, out
from proxy.verifier_page import page_bytes

__all__ = ["write_page"]


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
