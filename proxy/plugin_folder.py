"""A plug-in as it lies on the disk: one folder with a `cordon-plugin.toml` and the files it lists, nothing else counts.

Law: a folder is read only when every listed file has the digest that was written down; a file that is not listed makes
it refused, because a library would load it all the same. Reading is all that happens here: no download, no cache.

    id = "deid"                        examples = ["Seen by «Maria Garcia» today", "Lives in «Springfield»"]
    kind = "token-classifier"          [labels]  PATIENT = "PERSON"     HOSP = "ORG"
    threshold = 500                    [files]   "model.onnx" = "<SHA-256>"   "tokenizer.json" = "<SHA-256>"
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from filters.plugins import LABELS, Card, NerPlugin, PluginRefused

__all__ = ["MANIFEST", "Manifest", "load_plugin", "read_manifest"]

MANIFEST = "cordon-plugin.toml"
_MOST_FILES = 200
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What `cordon-plugin.toml` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,47}$")]
    kind: Literal["spacy", "token-classifier", "gliner"]
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...] = ()
    """For people; the analyst asks every plug-in about every text."""
    threshold: Annotated[int, Field(ge=1, le=999)] = 500
    """Of the plug-in's own scale, in thousandths; what is above is taken."""
    labels: Annotated[dict[str, str], Field(min_length=1, max_length=100)]
    examples: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    files: Annotated[dict[str, _Digest], Field(min_length=1, max_length=_MOST_FILES)]


def read_manifest(folder: Path) -> Manifest:
    """Read and check a folder, its files included.

    Raises:
        PluginRefused: with a sentence that names the folder and what is wrong.
    """
    try:
        manifest = Manifest.model_validate(tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except OSError as error:
        raise PluginRefused(f"{folder}: {MANIFEST} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise PluginRefused(f"{folder}: {MANIFEST} is not TOML in UTF-8") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise PluginRefused(f"{folder}: {MANIFEST}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for label in manifest.labels.values():
        if label not in LABELS:
            raise PluginRefused(f"{folder}: labels may be mapped to {', '.join(LABELS)}; {label} is none of them")
    if not all(text.count("«") == text.count("»") == 1 for text in manifest.examples):
        raise PluginRefused(f"{folder}: every example holds one value between « and »")
    _verify_files(folder, manifest)
    return manifest


def load_plugin(folder: Path) -> NerPlugin:
    """Read a folder and build the plug-in. Heavy: the model is loaded.

    Raises:
        PluginRefused: with a sentence that names the folder and what is wrong.
    """
    manifest = read_manifest(folder)
    if manifest.kind == "spacy":
        from filters.plugins.spacy_pipeline import SpacyPipeline  # heavy: only where it is wanted

        return SpacyPipeline.load(folder, _card(manifest))
    from filters.plugins.gliner import Gliner
    from filters.plugins.token_classifier import TokenClassifier

    files = {name: (folder / name).read_bytes() for name in manifest.files}
    return (Gliner if manifest.kind == "gliner" else TokenClassifier).load(files, _card(manifest))


def _card(manifest: Manifest) -> Card:
    digest = hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()  # of the digests of all files, too
    return Card(manifest.id, digest, manifest.labels, manifest.threshold, manifest.examples)


def _verify_files(folder: Path, manifest: Manifest) -> None:
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    if extra := sorted(there - {*manifest.files, MANIFEST}):
        raise PluginRefused(f"{folder}: {extra[0]} is not listed under [files]; list it with its SHA-256 or remove it")
    for name, digest in sorted(manifest.files.items()):
        path = folder / name
        if name not in there or path.is_symlink():
            raise PluginRefused(f"{folder}: {name} is listed, but is not a file of the folder")
        if _sha256(path) != digest:
            raise PluginRefused(f"{folder}: {name} is another file than the one listed (SHA-256)")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
