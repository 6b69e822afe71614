"""The page with which an officer checks a log in her browser, as this build makes it: in every package, and by
`cordon audit verify --html`.

    page_bytes() -> bytes
"""

from importlib.metadata import version

from audit.verifier.page import verifier_page
from proxy.errors import ERRORS

__all__ = ["page_bytes"]


def page_bytes() -> bytes:
    """Return the file, with the sentences of this build. It reads parts of the installation, nothing else."""
    return verifier_page({code: entry.message for code, entry in ERRORS.items()}, version("cordon-proxy"))
