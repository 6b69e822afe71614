"""`cordon models import`: the right file with an accepted licence lands, and nothing else leaves a trace."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.utils import close_session

from proxy.cli import models_import
from proxy.imports import record_of
from tests.kit.commands import Ran, cordon
from tests.kit.hub import Hub, hub
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4, tiny_lora

OWN = """
[[model]]
id = "ward-chat"
role = "answer"
family = "gemma4"
hf_id = ""
file = "ward-chat.gguf"
bytes = 1
sha256 = "{sha256}"
licence = "Apache-2.0"
context = 4096
modalities = ["text"]
kv_mib = 1
sampling = {{ temperature = 1.0, top_p = 0.95, top_k = 64 }}
empty_thought = false
scenarios = []

[[adapter]]
id = "ward-style"
base = "ward-chat"
base_sha256 = "{base}"
file = "style.gguf"
sha256 = ""
licence = "ours"
"""


class Site:
    """A computer with a shelf and a catalogue of its own."""

    def __init__(self, folder: Path) -> None:
        self.shelf = folder / "shelf"
        self.config = folder / "cordon.toml"
        self.catalogue = folder / "own.toml"
        self.own()
        self.config.write_text(f'[models]\ndir = "{self.shelf}"\ncatalogue = "{self.catalogue}"\n')

    def own(self, sha256: str = "", base: str = "0" * 64) -> None:
        self.catalogue.write_text(OWN.format(sha256=sha256, base=base))

    def load(self, source: object, model: str, *more: object) -> Ran:
        return cordon("models", "import", source, "--as", model, "--config", self.config, *more)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.shelf.iterdir()) if self.shelf.exists() else []


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def guard_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stick") / "guard.gguf"
    tiny_gemma2(path)
    return path


@pytest.fixture(scope="module")
def chat_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stick") / "chat.gguf"
    tiny_gemma4(path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- from a medium ----------------------------------------------------------------------------------------------


def test_a_file_lands_under_its_digest_with_its_record(site: Site, guard_file: Path) -> None:
    digest = sha256(guard_file)
    ran = site.load(guard_file, "shieldgemma-2b", "--sha256", digest, "--accept-licence", "Gemma")
    assert ran.status == 0, ran.err
    assert site.files() == [f"{digest}.gguf", f"{digest}.toml"]
    landed = site.shelf / f"{digest}.gguf"
    assert landed.read_bytes() == guard_file.read_bytes()
    assert landed.stat().st_mode & 0o777 == 0o444
    record = record_of(site.shelf, "shieldgemma-2b")
    assert (record.source, record.arch, record.licence, record.bench) == ("guard.gguf", "gemma2", "Gemma", None)
    assert record.accepted == record.imported
    assert record.accepted_by.endswith(")")
    assert "Gemma Terms of Use" in ran.err
    assert digest in ran.out
    assert "systemctl restart cordon" in ran.out
    verified = cordon("models", "verify", "shieldgemma-2b", "--config", site.config, "--json")
    assert (verified.status, json.loads(verified.out)[0]["state"]) == (0, "holds")


def test_without_a_named_digest_the_files_own_is_pinned_and_said(site: Site, guard_file: Path) -> None:
    ran = site.load(guard_file, "shieldgemma-2b", "--accept-licence", "Gemma")
    assert ran.status == 0
    assert "this one is now the approved one" in ran.out
    (row,) = json.loads(cordon("models", "verify", "shieldgemma-2b", "--config", site.config, "--json").out)
    assert row["approved"] == sha256(guard_file)


def test_a_changed_file_on_the_shelf_no_longer_holds(site: Site, guard_file: Path) -> None:
    site.load(guard_file, "shieldgemma-2b", "--accept-licence", "Gemma")
    landed = site.shelf / f"{sha256(guard_file)}.gguf"
    landed.chmod(0o644)
    landed.write_bytes(b"other")
    assert cordon("models", "verify", "shieldgemma-2b", "--config", site.config).status == 1


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("shieldgemma-2b", ("--sha256", "0" * 64, "--accept-licence", "Gemma"), "was expected; nothing was imported"),
        ("shieldgemma-2b", ("--sha256", "abc"), "64 hexadecimal digits"),
        ("shieldgemma-2b", (), "nobody accepted the licence"),
        ("shieldgemma-2b", ("--accept-licence", "Apache-2.0"), "is Gemma, not Apache-2.0"),
        ("gemma-4-e4b-it", (), "not a complete GGUF file of the family of gemma-4-e4b-it"),
        ("ward-style", ("--accept-licence", "ours"), "no LoRA adapter"),
    ],
)
def test_what_is_refused_leaves_nothing(
    site: Site, guard_file: Path, model: str, more: tuple[str, ...], words: str
) -> None:
    ran = site.load(guard_file, model, *more)
    assert ran.status == 1
    assert words in ran.err
    assert site.files() == []


@pytest.mark.parametrize("model", ["no-such-model", "demo-guard"])
def test_another_id_is_a_matter_of_the_catalogue(site: Site, guard_file: Path, model: str) -> None:
    ran = site.load(guard_file, model)
    assert ran.status == 78
    assert "nothing was imported" in ran.err
    assert site.files() == []


def test_a_digest_of_the_catalogue_is_not_outvoted(site: Site, chat_file: Path) -> None:
    site.own(sha256="1" * 64)
    assert "another digest" in site.load(chat_file, "ward-chat", "--sha256", sha256(chat_file)).err
    assert "was expected" in site.load(chat_file, "ward-chat").err
    site.own(sha256=sha256(chat_file))
    assert site.load(chat_file, "ward-chat").status == 0


def test_a_free_licence_is_shown_and_asks_nothing(site: Site, chat_file: Path) -> None:
    ran = site.load(chat_file, "ward-chat")
    assert ran.status == 0
    assert "Apache License" in ran.err


def test_the_licences_full_text_can_be_brought_and_is_recorded(site: Site, guard_file: Path, tmp_path: Path) -> None:
    text = tmp_path / "terms.txt"
    text.write_text("The terms, whole.\n")
    ran = site.load(guard_file, "shieldgemma-2b", "--accept-licence", "Gemma", "--licence-file", text)
    assert "The terms, whole." in ran.err
    assert record_of(site.shelf, "shieldgemma-2b").licence_sha256 == sha256(text)


@pytest.mark.parametrize(("typed", "status"), [("Gemma\n", 0), ("yes\n", 1)])
def test_on_a_terminal_the_licence_is_typed(
    site: Site, guard_file: Path, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    class Keyboard:
        def isatty(self) -> bool:
            return True

        def readline(self, _size: int = -1) -> str:
            return typed

    monkeypatch.setattr(sys, "stdin", Keyboard())
    assert site.load(guard_file, "shieldgemma-2b").status == status


def test_an_adapter_is_imported_whole_or_not(site: Site, tmp_path: Path) -> None:
    good, bad = tmp_path / "style.gguf", tmp_path / "norms.gguf"
    tiny_lora(good)
    tiny_lora(bad, norms=True)
    assert site.load(bad, "ward-style", "--accept-licence", "ours").status == 1
    ran = site.load(good, "ward-style", "--accept-licence", "ours")
    assert ran.status == 0
    assert record_of(site.shelf, "ward-style").kind == "adapter"
    assert "adapter" in ran.out


def test_a_file_without_meaning_and_a_cut_file_are_refused(site: Site, chat_file: Path, tmp_path: Path) -> None:
    shape, cut = tmp_path / "shape.gguf", tmp_path / "cut.gguf"
    shape.write_bytes(chat_file.read_bytes().replace(b"tiny random weights", b"shape-gemma-4-e2b-x", 1))
    cut.write_bytes(chat_file.read_bytes()[:1000])
    assert "no meaning" in site.load(shape, "ward-chat").err
    assert "not a complete GGUF" in site.load(cut, "ward-chat").err
    assert "there is no file" in site.load(tmp_path / "none.gguf", "ward-chat").err
    assert site.files() == []


def test_a_full_disk_leaves_nothing(site: Site, chat_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(models_import.os, "fsync", full)
    ran = site.load(chat_file, "ward-chat")
    assert ran.status == 2
    assert "No space left" in ran.err
    assert site.files() == []


# ---- from a repository ------------------------------------------------------------------------------------------


PATH = "/clinic/models/resolve/main/sub/chat.gguf"
SOURCE = "hf:clinic/models/sub/chat.gguf"


@pytest.fixture
def served(chat_file: Path) -> Iterator[Hub]:
    with hub(Hub(PATH, chat_file.read_bytes())) as running:
        yield running
        close_session()  # the library keeps its connections for the whole process


def test_a_file_is_fetched_checked_and_imported(site: Site, served: Hub) -> None:
    ran = site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint)
    assert ran.status == 0, ran.err
    digest = hashlib.sha256(served.content).hexdigest()
    assert site.files() == [f"{digest}.gguf", f"{digest}.toml"]
    assert record_of(site.shelf, "ward-chat").source == SOURCE
    assert served.users == {""}


def test_a_download_that_broke_off_goes_on_where_it_ended(site: Site, served: Hub) -> None:
    served.break_after, served.breaks = 300_000, 1
    broken = site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint)
    assert broken.status == 2
    assert "the same command goes on from there" in broken.err
    assert site.files() == [".download"]
    served.breaks, served.ranges = 0, []
    ran = site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint)
    assert ran.status == 0, ran.err
    assert served.ranges == [f"bytes={300_000}-"]
    assert ".download" not in site.files()


def test_a_server_without_ranges_starts_again(site: Site, served: Hub) -> None:
    served.break_after, served.breaks, served.knows_ranges = 300_000, 1, False
    assert site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint).status == 2
    assert site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint).status == 0


def test_another_version_is_not_continued_with_the_beginning_of_this_one(site: Site, served: Hub) -> None:
    served.break_after, served.breaks = 300_000, 1
    site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint)
    served.content = served.content[:-1] + b"x"
    served.ranges = []
    assert site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint).status == 0
    assert served.ranges == [""]


def test_another_content_than_the_repository_names_is_refused(site: Site, served: Hub) -> None:
    served.etag = "5" * 64
    ran = site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint)
    assert ran.status == 2
    assert "not the file its repository names" in ran.err
    assert not [name for name in site.files() if name.endswith(".gguf")]


def test_another_digest_than_the_administrators_is_refused(site: Site, served: Hub) -> None:
    ran = site.load(SOURCE, "ward-chat", "--endpoint", served.endpoint, "--sha256", "6" * 64)
    assert ran.status == 1
    assert "was expected" in ran.err
    assert site.files() == []


@pytest.mark.parametrize("source", ["hf:clinic", "hf:clinic/models/chat.bin", "hf:../x/y.gguf", "hf:a/b/../c.gguf"])
def test_an_address_has_one_form(site: Site, source: str) -> None:
    ran = site.load(source, "ward-chat", "--endpoint", "http://127.0.0.1:9")
    assert "an address reads hf:OWNER/REPO/FILE.gguf" in ran.err


def test_a_missing_file_and_nobody_there(site: Site, served: Hub) -> None:
    assert site.load("hf:clinic/models/none.gguf", "ward-chat", "--endpoint", served.endpoint).status == 2
    assert site.load(SOURCE, "ward-chat", "--endpoint", "http://127.0.0.1:9").status == 2


def test_the_service_has_no_downloader() -> None:
    """What the service imports, in a process of its own, fetches nothing: only the command's own file may."""
    import subprocess

    code = (
        "import proxy.service, proxy.gateway, proxy.launch, proxy.stock, proxy.imports, proxy.workers.supervisor, sys;"
        "bad = [m for m in sys.modules if m.startswith(('huggingface_hub', 'proxy.cli.models_download', 'httpx'))];"
        "sys.exit(repr(bad) if bad else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_record_is_toml(site: Site, chat_file: Path) -> None:
    site.load(chat_file, "ward-chat")
    (path,) = site.shelf.glob("*.toml")
    assert tomllib.loads(path.read_text())["id"] == "ward-chat"
