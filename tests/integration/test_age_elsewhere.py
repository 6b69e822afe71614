"""age files against the rest of the world: npm's age-encryption both ways, and the published vectors (C2SP CCTV).

Both our readers, Python and JavaScript, take every vector; what they do not support is named here, with the reason.
"""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest

from audit.seal import (
    Identity,
    NotOpenedError,
    _open_payload,
    _parse,
    age_decrypt,
    age_decrypt_passphrase,
    age_encrypt,
    age_encrypt_passphrase,
)
from audit.strictjson import MalformedError
from audit.verifier.page import engine
from tests.kit.audit_house import counting_random
from tests.kit.second_verifier import BROWSER

UNSUPPORTED = {
    "hybrid_and_x25519": "a second recipient of another kind is what V23 is there to find",
    "hybrid_grease": "a stanza that nobody understands may be a reader that nobody approved",
}
"""Vector -> why a correct age reader opens it and ours refuse it."""
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    script = tmp_path_factory.mktemp("engine") / "engine.mjs"
    names = "sha256, ...Cordon"
    script.write_text(engine({}, "0") + 'import { createHash } from "node:crypto";\n'
        'const sha256 = (data) => Uint8Array.from(createHash("sha256").update(data).digest());\n'
        f"export default {{ {names} }};\n")  # fmt: skip
    command = ["node", str(BROWSER / "verifier/age.mjs"), str(script)]
    with subprocess.Popen(command, cwd=BROWSER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(op: str, **given: object) -> Any:
            process.stdin.write(json.dumps({"op": op, **given}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            if "error" in answer:
                raise ValueError(answer["error"])
            return answer["value"]

        yield ask
        process.stdin.close()


@pytest.fixture(scope="module")
def published(node: Ask) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = node("vectors")
    assert len(vectors) > 130
    return vectors


def outcome(read: Callable[[], bytes]) -> str:
    try:
        return f"success {sha256(read()).hexdigest()}"
    except MalformedError:
        return "malformed"
    except NotOpenedError:
        return "not opened"


def whole(vector: dict[str, Any]) -> str | None:
    """Open the file with the identity or passphrase of the vector, if it is of a kind that Cordon uses."""
    fields, file = vector["fields"], base64.b64decode(vector["file"])
    if "passphrase" in fields:
        return outcome(lambda: age_decrypt_passphrase(fields["passphrase"], file))
    if fields.get("identity", "").startswith("AGE-SECRET-KEY-PQ-1"):
        return outcome(lambda: age_decrypt([Identity.parse(fields["identity"])], file))
    return None


def inner(vector: dict[str, Any]) -> str | None:
    """Everything but the recipient: header, MAC and payload with the file key that the vector states."""
    fields, file = vector["fields"], base64.b64decode(vector["file"])
    if "file key" not in fields:
        return None
    return outcome(lambda: _open_payload(bytes.fromhex(fields["file key"]), file, _parse(file)[1]))


def test_both_readers_take_every_vector_alike(published: list[dict[str, Any]]) -> None:
    differing = [v["name"] for v in published if (whole(v), inner(v)) != (v["whole"], v["inner"])]
    assert differing == []


def test_every_vector_ends_as_published(published: list[dict[str, Any]]) -> None:
    judged, wrong = 0, {}
    for vector in published:
        fields, got = vector["fields"], vector["whole"]
        if got is None or fields.get("armored") == "yes":
            continue
        judged += 1
        right = f"success {fields['payload']}" if fields["expect"] == "success" else None
        if (got != right) if right else got.startswith("success"):
            wrong[vector["name"]] = (fields["expect"], got)
    assert set(wrong) == set(UNSUPPORTED), wrong
    assert judged > 40


def test_header_and_payload_of_every_file(published: list[dict[str, Any]]) -> None:
    """Also of files to recipients that Cordon does not use: their header, MAC and payload are the same for all."""
    judged, wrong = 0, {}
    for vector in published:
        fields, got = vector["fields"], vector["inner"]
        if got is None or fields.get("armored") == "yes" or fields["expect"] in ("no match", "header failure"):
            continue  # those are about a recipient, which is left out here
        judged += 1
        right = f"success {fields['payload']}" if fields["expect"] == "success" else "not opened"
        if got != right and not (right == "not opened" and got == "malformed"):
            wrong[vector["name"]] = (fields["expect"], got)
    assert wrong == {}
    assert judged > 20


def test_a_header_that_is_none_is_refused(published: list[dict[str, Any]]) -> None:
    about = ("header", "stanza", "version", "empty")
    failing = [v for v in published if v["name"].startswith(about) and v["fields"]["expect"] == "header failure"]
    got = {v["name"]: inner(v) or outcome(lambda v=v: _parse(base64.b64decode(v["file"])) and b"") for v in failing}
    assert {name for name, said in got.items() if said != "malformed"} == set()
    assert len(got) > 10


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_npm_opens_what_we_seal_and_we_open_what_it_seals(node: Ask, size: int) -> None:
    random = counting_random()
    identities = [Identity(bytes([number]) * 32) for number in (1, 2)]
    text = ("a line of a keyring\n" * (size // 20 + 1))[:size]
    recipients = [identity.recipient() for identity in identities]
    file = age_encrypt(recipients, text.encode(), random)
    for identity in identities:
        given = {"identity": identity.secret(), "file": base64.b64encode(file).decode()}
        assert base64.b64decode(node("decrypt", **given)) == text.encode()
        assert base64.b64decode(node("open", **given)) == text.encode()
    sealed = node("encrypt", recipients=recipients, text=text)
    for identity in identities:
        assert age_decrypt([identity], base64.b64decode(sealed)) == text.encode()
        assert base64.b64decode(node("open", identity=identity.secret(), file=sealed)) == text.encode()


def test_npm_derives_the_same_recipient(node: Ask) -> None:
    """Sealed by npm to the recipient that we derived, opened by npm with the identity that we wrote."""
    identity = Identity(b"\x07" * 32)
    sealed = node("encrypt", recipients=[identity.recipient()], text="x")
    assert base64.b64decode(node("decrypt", identity=identity.secret(), file=sealed)) == b"x"
    with pytest.raises(ValueError, match=r".+"):
        node("decrypt", identity=Identity(b"\x08" * 32).secret(), file=sealed)


def test_passphrase_files_both_ways(node: Ask) -> None:
    file = base64.b64encode(age_encrypt_passphrase("pässphräse", b"secret", counting_random())).decode()
    assert base64.b64decode(node("decrypt", passphrase="pässphräse", file=file)) == b"secret"
    sealed = node("encrypt", passphrase="pässphräse", text="secret")
    assert age_decrypt_passphrase("pässphräse", base64.b64decode(sealed)) == b"secret"
    assert base64.b64decode(node("open", passphrase="pa\u0308ssphräse", file=sealed)) == b"secret"
    with pytest.raises(NotOpenedError):
        age_decrypt_passphrase("another", base64.b64decode(sealed))
