"""What a signature vouches for: every file and the manifest, by a trusted key, and nothing else."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabi.bundle import Bundle, Manifest
from tabi.bundle.keys import KeyPair, new_key_pair
from tabi.bundle.signature import Signer, sign, verify
from tabi.errors import BundleError, ConfigError, SignatureError

Writer = Callable[[Path], Manifest]


def signer_of(pair: KeyPair, passphrase: str = "") -> Signer:
    found = Signer.from_environment({"TABI_SIGNING_KEY": str(pair.private), "TABI_SIGNING_PASSPHRASE": passphrase})
    assert found is not None
    return found


def trusting(*pairs: KeyPair, mode: str = "enforce") -> dict[str, str]:
    return {"TABI_VERIFY_KEY": os.pathsep.join(str(pair.public) for pair in pairs), "TABI_VERIFY": mode}


def refusal(folder: Path, environ: dict[str, str], kind: type[BundleError] = SignatureError) -> str:
    with pytest.raises(kind) as caught:
        verify(folder, environ)
    assert "\n" not in str(caught.value)
    # in the other mode only the signature is let pass, never a file that is not the manifest's
    warned = {**environ, "TABI_VERIFY": "warn"}
    if kind is SignatureError:
        assert verify(folder, warned).signed.problem is not None
    else:
        with pytest.raises(BundleError):
            verify(folder, warned)
    return str(caught.value)


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return new_key_pair(tmp_path / "keys")


@pytest.fixture
def other(tmp_path: Path) -> KeyPair:
    return new_key_pair(tmp_path / "others")


@pytest.fixture
def signed(bundle: Path, pair: KeyPair) -> Path:
    (bundle / "model.sig").write_bytes(sign(bundle, signer_of(pair)))
    return bundle


def test_a_signed_bundle_names_its_key_and_is_the_bundle_that_it_was(bundle: Path, pair: KeyPair) -> None:
    before = Bundle.open(bundle)
    (bundle / "model.sig").write_bytes(sign(bundle, signer_of(pair)))
    found = verify(bundle, trusting(pair))
    assert found.signed.by == pair.fingerprint
    assert (found.id, found.manifest) == (before.id, before.manifest)


def test_who_knows_no_key_opens_a_signed_bundle(signed: Path) -> None:
    assert Bundle.open(signed).signed == verify(signed, {}).signed == (None, None)


def test_any_of_several_trusted_keys_may_have_signed(signed: Path, pair: KeyPair, other: KeyPair) -> None:
    assert verify(signed, trusting(other, pair)).signed.by == pair.fingerprint


def openssf(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model_signing", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_command_line_of_openssf_verifies_what_tabi_signs_and_the_other_way_round(
    bundle: Path, pair: KeyPair
) -> None:
    signature, public, private = str(bundle / "model.sig"), str(pair.public), str(pair.private)
    (bundle / "model.sig").write_bytes(sign(bundle, signer_of(pair)))
    checked = openssf("verify", "key", str(bundle), "--signature", signature, "--public_key", public)
    assert "Verification succeeded" in checked.stdout
    made = openssf("sign", "key", str(bundle), "--signature", signature, "--private_key", private)
    assert made.returncode == 0
    assert verify(bundle, trusting(pair)).signed.by == pair.fingerprint
    (bundle / "gates.json").write_text("{}\n")
    assert openssf("verify", "key", str(bundle), "--signature", signature, "--public_key", public).returncode != 0


FILES = [
    "MODEL_CARD.md",
    "gates.json",
    "manifest.json",
    "metrics.json",
    "model.onnx",
    "parity.json",
    "reports/roc.svg",
    "schema.json",
    "threshold.json",
]


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("path", FILES)
def test_one_flipped_bit_of_any_file_is_refused_by_name(signed: Path, pair: KeyPair, path: str) -> None:
    size = (signed / path).stat().st_size
    for position in {0, size // 2, size - 1}:
        flip(signed / path, position)
        assert refusal(signed, trusting(pair), BundleError).startswith(path)
        flip(signed / path, position)
    assert verify(signed, trusting(pair)).signed.by == pair.fingerprint


def test_no_flipped_bit_of_the_signature_is_taken_for_the_signature(signed: Path, pair: KeyPair) -> None:
    content = (signed / "model.sig").read_bytes()
    envelope = json.loads(content)["dsseEnvelope"]
    places = [content.index(text.encode()) + 9 for text in (envelope["payload"], envelope["signatures"][0]["sig"])]
    hint = json.loads(content)["verificationMaterial"]["publicKey"]["hint"]
    for position in (0, content.index(hint.encode()), *places):
        flip(signed / "model.sig", position)
        assert refusal(signed, trusting(pair)).startswith("model.sig is ")
        flip(signed / "model.sig", position)


def test_an_edit_that_the_id_does_not_hold_is_refused_by_the_signature(signed: Path, pair: KeyPair) -> None:
    manifest = signed / "manifest.json"
    for field in ("created", "name", "git_commit", "run", "snapshot", "environment"):
        content = json.loads(manifest.read_text())
        before = manifest.read_bytes()
        manifest.write_text(json.dumps({**content, field: content[field][::-1]}))
        Bundle.open(signed)
        assert "manifest.json is not what was signed" in refusal(signed, trusting(pair))
        manifest.write_bytes(before)


def test_a_forgers_new_manifest_does_not_help(signed: Path, pair: KeyPair, write: Writer) -> None:
    signature = (signed / "model.sig").read_bytes()

    def forged() -> str:
        write(signed)
        assert not (signed / "model.sig").exists()
        (signed / "model.sig").write_bytes(signature)
        Bundle.open(signed)
        return refusal(signed, trusting(pair))

    card = (signed / "MODEL_CARD.md").read_bytes()
    (signed / "MODEL_CARD.md").write_text("# better\n")
    assert "MODEL_CARD.md is not what was signed; manifest.json is not what was signed" in forged()
    (signed / "MODEL_CARD.md").unlink()
    assert "MODEL_CARD.md was signed and is missing" in forged()
    (signed / "MODEL_CARD.md").write_bytes(card)
    (signed / "reports" / "more.svg").write_text("<svg/>")
    assert "reports/more.svg was not signed" in forged()
    (signed / "reports" / "more.svg").unlink()
    (signed / "gates.json").rename(signed / "swap")
    (signed / "parity.json").rename(signed / "gates.json")
    (signed / "swap").rename(signed / "parity.json")
    assert "gates.json is not what was signed; manifest.json is not what was signed; parity.json is" in forged()


@pytest.mark.parametrize("path", ["model.pkl", "reports/more.svg", ".gitignore"])
def test_a_file_added_beside_a_signed_bundle_is_refused_by_name(signed: Path, pair: KeyPair, path: str) -> None:
    (signed / path).write_text("")
    assert refusal(signed, trusting(pair), BundleError).startswith(f"{path} is not in the manifest")


def test_a_file_renamed_or_gone_is_refused_by_name(signed: Path, pair: KeyPair) -> None:
    (signed / "MODEL_CARD.md").rename(signed / "reports" / "card.md")
    assert refusal(signed, trusting(pair), BundleError).startswith("reports/card.md is not in the manifest")
    (signed / "reports" / "card.md").unlink()
    assert refusal(signed, trusting(pair), BundleError).startswith("MODEL_CARD.md is missing")


def test_another_key_is_refused_and_both_are_named(signed: Path, pair: KeyPair, other: KeyPair) -> None:
    told = refusal(signed, trusting(other))
    assert f"by the key {pair.fingerprint[:16]}, and trusted here is {other.fingerprint[:16]}" in told


def test_a_signature_that_names_a_trusted_key_and_is_by_another_is_refused(
    signed: Path, pair: KeyPair, other: KeyPair
) -> None:
    content = json.loads(sign(signed, signer_of(other)))
    content["verificationMaterial"]["publicKey"]["hint"] = pair.fingerprint
    (signed / "model.sig").write_text(json.dumps(content))
    assert refusal(signed, trusting(pair)).startswith(f"model.sig is not by the key {pair.fingerprint[:16]}")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 50,
        b"{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"mediaType": 1}',
        b'{"a": "' + b"x" * 1000 + b'"}',
    ],
)
def test_an_empty_or_garbled_signature_is_refused(signed: Path, pair: KeyPair, content: bytes) -> None:
    (signed / "model.sig").write_bytes(content)
    assert refusal(signed, trusting(pair)).startswith("model.sig is not a signature")


def resigned(folder: Path, pair: KeyPair, change: Callable[[dict[str, Any]], object]) -> None:
    """Sign a changed statement with the true key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    from tabi.bundle.keys import private_key
    from tabi.bundle.statement import Envelope

    content = json.loads((folder / "model.sig").read_bytes())
    statement = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    signature = private_key(pair.private, None).sign(
        Envelope("", payload, b"").signed_bytes(), ec.ECDSA(hashes.SHA256())
    )
    content["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    content["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    (folder / "model.sig").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"),
        lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda s: s.update(subject=[]),
        lambda s: s["subject"][0]["digest"].update(sha256="0" * 64),
        lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]),
        lambda s: s["predicate"]["resources"][0].update(algorithm="md5"),
        lambda s: s["predicate"]["serialization"].update(allow_symlinks=True),
        lambda s: s["predicate"]["serialization"].update(ignore_paths=["model.onnx"]),
        lambda s: s["predicate"]["serialization"].update(method="shards"),
    ],
)
def test_a_true_signature_of_something_else_than_all_files_is_refused(
    signed: Path, pair: KeyPair, change: Callable[[dict[str, Any]], object]
) -> None:
    resigned(signed, pair, dict)
    assert verify(signed, trusting(pair)).signed.by == pair.fingerprint
    resigned(signed, pair, change)
    assert refusal(signed, trusting(pair)).startswith("model.sig is not a signature of files")


def test_an_unsigned_bundle_is_refused_and_the_message_says_what_to_do(bundle: Path, pair: KeyPair) -> None:
    assert refusal(bundle, trusting(pair)).startswith("model.sig is missing: ")
    assert "tabi sign" in refusal(bundle, trusting(pair))


def test_a_signature_that_is_a_link_or_too_large_is_refused(signed: Path, pair: KeyPair) -> None:
    (signed / "model.sig").rename(signed.parent / "elsewhere")
    (signed / "model.sig").symlink_to(signed.parent / "elsewhere")
    assert refusal(signed, trusting(pair), BundleError).startswith("model.sig is a link")
    (signed / "model.sig").unlink()
    (signed / "model.sig").write_bytes(b" " * ((4 << 20) + 1))
    assert refusal(signed, trusting(pair), BundleError).startswith("model.sig has 4194305 bytes, over the limit")


def test_a_manifest_cannot_list_the_signature(signed: Path, pair: KeyPair) -> None:
    content = json.loads((signed / "manifest.json").read_text())
    content["files"].append({"path": "model.sig", "size": 0, "sha256": "0" * 64})
    (signed / "manifest.json").write_text(json.dumps(content))
    assert "stands beside the list" in refusal(signed, trusting(pair), BundleError)


def test_what_changes_after_it_was_verified_is_refused_not_used(signed: Path, pair: KeyPair) -> None:
    opened = verify(signed, trusting(pair))
    flip(signed / "model.onnx", 5)
    with pytest.raises(BundleError, match=r"^model\.onnx in .* was changed"):
        opened.graph_bytes()


def test_only_a_whole_bundle_is_signed(bundle: Path, pair: KeyPair) -> None:
    flip(bundle / "model.onnx", 0)
    with pytest.raises(BundleError, match=r"^model\.onnx was changed"):
        sign(bundle, signer_of(pair))


def test_a_private_key_is_its_owners_alone_and_no_key_is_overwritten(tmp_path: Path, pair: KeyPair) -> None:
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    before = pair.private.read_bytes()
    with pytest.raises(ConfigError, match="is not overwritten"):
        new_key_pair(pair.private.parent)
    pair.private.rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match="is not overwritten"):
        new_key_pair(pair.private.parent)
    assert not pair.private.exists()
    assert (tmp_path / "moved").read_bytes() == before


def test_a_passphrase_is_needed_again_and_never_shown(tmp_path: Path, bundle: Path) -> None:
    pair = new_key_pair(tmp_path / "locked", "sésame")
    assert b"ENCRYPTED" in pair.private.read_bytes()
    (bundle / "model.sig").write_bytes(sign(bundle, signer_of(pair, "sésame")))
    assert verify(bundle, trusting(pair)).signed.by == pair.fingerprint
    assert "sésame" not in repr(signer_of(pair, "sésame"))
    for passphrase, told in (("", "is encrypted: set TABI_SIGNING_PASSPHRASE"), ("s3cret", "is not its passphrase")):
        with pytest.raises(ConfigError, match=told) as caught:
            signer_of(pair, passphrase)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"TABI_VERIFY_KEY": "nowhere.pub"}, "nowhere.pub cannot be read"),
        ({"TABI_VERIFY_KEY": "{private}"}, "is no public key"),
        ({"TABI_VERIFY_KEY": "{manifest}"}, "is no public key"),
        ({"TABI_VERIFY_KEY": "{rsa}"}, "is a key of another kind"),
        ({"TABI_VERIFY_KEY": "{public}", "TABI_VERIFY": "maybe"}, "write enforce or warn"),
        ({"TABI_VERIFY": "enforce"}, "TABI_VERIFY_KEY is not"),
    ],
)
def test_a_configuration_that_would_verify_nothing_is_an_error(
    signed: Path, pair: KeyPair, environ: dict[str, str], told: str
) -> None:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    rsa = signed.parent / "rsa.pub"
    key = generate_private_key(65537, 2048).public_key()
    rsa.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    files = {"private": pair.private, "public": pair.public, "manifest": signed / "manifest.json", "rsa": rsa}
    with pytest.raises(ConfigError, match=told) as caught:
        verify(signed, {name: value.format(**files) for name, value in environ.items()})
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("curve", ["SECP384R1", "SECP521R1"])
def test_larger_curves_sign_too(bundle: Path, tmp_path: Path, curve: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = ec.generate_private_key(getattr(ec, curve)())
    pair = KeyPair(tmp_path / "k.key", tmp_path / "k.pub", "")
    pair.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (bundle / "model.sig").write_bytes(sign(bundle, signer_of(pair)))
    assert verify(bundle, trusting(pair)).signed.by == signer_of(pair).fingerprint


def test_verifying_imports_nothing_that_makes_signatures(signed: Path, pair: KeyPair) -> None:
    code = (
        "import sys; from pathlib import Path; from tabi.bundle.signature import verify; "
        f"verify(Path({str(signed)!r})); print(sorted(sys.modules))"
    )
    environ = {**os.environ, **trusting(pair)}
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environ)
    assert "'cryptography'" in modules.stdout
    for module in ("model_signing", "sigstore", "google.protobuf", "pydantic", "requests"):
        assert f"'{module}" not in modules.stdout
