"""Import a module of a package without running the package's own `__init__`.

Law: only for a package whose `__init__` does what a locked process may not. `llama_cpp/__init__.py` imports the
high-level classes, which open /dev/null for writing and make a log callback at import; the engine needs none of them,
and in the lock that import fails. The low-level module `llama_cpp.llama_cpp` has no such needs.

    register_bare("llama_cpp")
    import llama_cpp.llama_cpp as lib  # the package's __init__ did not run
"""

import importlib.util
import sys

__all__ = ["register_bare"]


def register_bare(name: str) -> None:
    """Put an empty package of this name where `import` looks first; nothing happens if it is imported already.

    Raises:
        ModuleNotFoundError: no such package is installed.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(name=name)
    sys.modules[name] = importlib.util.module_from_spec(spec)
