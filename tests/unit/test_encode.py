"""Control by id, content as content: over both vocabularies, no text makes a structural id."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.tokens import Control, Text
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.binding import Model, silence
from proxy.workers.engine.encode import Vocabulary, answer_id, encode, load_vocabulary
from proxy.workers.engine.templates import FAMILIES
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma3, tiny_gemma4

_MARKERS = sorted({name for family in FAMILIES.values() for name in (*family.controls, *family.optional)})


_BUNDLED = Path(__file__).parents[2] / "proxy" / "share" / "models"
_MAKE = {"gemma4": tiny_gemma4, "gemma3": tiny_gemma3, "gemma2": tiny_gemma2}


@pytest.fixture(
    scope="module", params=["tiny-gemma4", "tiny-gemma3", "tiny-gemma2", "demo-chat-gemma4", "demo-guard-gemma2"]
)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Model, Vocabulary]]:
    """A vocabulary of each kind, made up and trained: BPE with user-defined markers, SentencePiece."""
    name, _, kind = str(request.param).rpartition("-")
    path = _BUNDLED / f"{name}.gguf"
    if name == "tiny":
        path = tmp_path_factory.mktemp("models") / "tiny.gguf"
        _MAKE[kind](path)
    silence()
    with path.open("rb") as file:
        loaded = Model(os.dup(file.fileno()), gpu_layers=0)
    family = FAMILIES[kind]
    yield loaded, load_vocabulary(loaded, family.controls, family.optional)
    loaded.close()


def _said(model: Model, ids: tuple[int, ...]) -> bytes:
    return b"".join(map(model.piece, ids))


_TEXTS = st.lists(
    st.sampled_from(_MARKERS) | st.sampled_from(["the patient", "\n", " ", "<", "|", ">", "turn"]) | st.text(max_size=5)
).map("".join)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=_TEXTS)
def test_no_text_makes_a_structural_id_and_none_is_changed(model: tuple[Model, Vocabulary], text: str) -> None:
    loaded, vocabulary = model
    ids = encode(vocabulary, (Text(text),))
    assert vocabulary.structural.isdisjoint(ids)
    assert _said(loaded, ids) == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.text("the patient<|>\n", max_size=12), min_size=1, max_size=3))
def test_pieces_are_the_whole_string_with_control_tokens_read(
    model: tuple[Model, Vocabulary], texts: list[str]
) -> None:
    loaded, vocabulary = model
    mark = "<bos>"
    pieces = [piece for text in texts for piece in (Control(mark), Text(text))]
    whole = loaded._tokenize("".join(mark + text for text in texts).encode(), special=True)
    assert encode(vocabulary, pieces) == whole


def test_every_marker_as_text_is_letters(model: tuple[Model, Vocabulary]) -> None:
    loaded, vocabulary = model
    for marker in _MARKERS:
        ids = encode(vocabulary, (Text(marker),))
        assert len(ids) > 1
        assert _said(loaded, ids) == marker.encode()


def test_controls_are_one_id_each(model: tuple[Model, Vocabulary]) -> None:
    loaded, vocabulary = model
    for name, token in vocabulary.controls.items():
        assert encode(vocabulary, (Control(name),)) == (token,)
        assert loaded.text_of(token) == name


def test_an_unknown_control_and_a_missing_one_are_refused(model: tuple[Model, Vocabulary]) -> None:
    loaded, vocabulary = model
    with pytest.raises(EngineError, match="model_invalid"):
        encode(vocabulary, (Control("<|nothing|>"),))
    with pytest.raises(EngineError, match="model_invalid"):
        load_vocabulary(loaded, ("<|nothing|>",))
    assert "<|nothing|>" not in load_vocabulary(loaded, (), ("<|nothing|>",)).controls


def test_a_text_that_stays_structural_is_refused() -> None:
    class OneLetter:
        """A vocabulary whose marker is one character, which no cut can take apart."""

        def tokenize(self, text: bytes) -> tuple[int, ...]:
            return tuple(text)

        def control(self, text: str) -> int | None:
            return ord(text)

        def text_of(self, token: int) -> str:
            return chr(token)

        def piece(self, token: int) -> bytes:
            return bytes([token])

        def control_ids(self) -> frozenset[int]:
            return frozenset({ord("#")})

    vocabulary = load_vocabulary(OneLetter(), ())
    assert encode(vocabulary, (Text("abc"),)) == tuple(b"abc")
    with pytest.raises(EngineError, match="content_tokens"):
        encode(vocabulary, (Text("a#c"),))


def test_half_a_surrogate_pair_is_a_replacement_character(model: tuple[Model, Vocabulary]) -> None:
    loaded, vocabulary = model
    assert _said(loaded, encode(vocabulary, (Text("a\ud83db"),))).decode() == "a\ufffdb"


def test_judge_words_are_single_tokens_without_a_space(model: tuple[Model, Vocabulary]) -> None:
    loaded, _ = model
    words = [word for word in ("Yes", "No") if len(loaded.tokenize(word.encode())) == 1]
    assert [loaded.piece(answer_id(loaded, word)).decode() for word in words] == words
    for word in (*({"Yes", "No"} - set(words)), "Maybe", "", "Yes No", "\ud800"):
        with pytest.raises(EngineError, match="guard_invalid"):
            answer_id(loaded, word)


def test_a_very_long_line_is_tokenised(model: tuple[Model, Vocabulary]) -> None:
    loaded, vocabulary = model
    for text in ("x" * 100_000, "\n" * 100_000, "<|turn>" * 8_000):
        assert _said(loaded, encode(vocabulary, (Text(text),))) == text.encode()
