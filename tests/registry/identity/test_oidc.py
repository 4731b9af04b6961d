"""OIDC tokens, signed by real keys that a real server hands out."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tabi.errors import ConfigError, ForbiddenError
from tabi.registry.identity import Identity, whoami
from tabi.workspace import Workspace

ISSUER = "https://ci.example.org"
GRANTS = """
[[oidc.role]]
role = "releaser"
claim = "ref"
values = ["refs/heads/main", "refs/heads/release"]

[[oidc.role]]
role = "operator"
claim = "groups"
values = ["operators"]

[[oidc.role]]
role = "approver"
claim = "realm_access.roles"
values = ["approvers"]
"""


class Keys(NamedTuple):
    """Private keys of the issuer, one that is not its own, and the set of public ones."""

    rsa: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey
    stranger: rsa.RSAPrivateKey
    public: dict[str, Any]


@pytest.fixture(scope="module")
def keys() -> Keys:
    first, second = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    public = [
        RSAAlgorithm.to_jwk(first.public_key(), as_dict=True) | {"kid": "first", "use": "sig", "alg": "RS256"},
        ECAlgorithm.to_jwk(second.public_key(), as_dict=True) | {"kid": "second", "use": "sig", "alg": "ES256"},
        RSAAlgorithm.to_jwk(first.public_key(), as_dict=True) | {"kid": "not to sign", "use": "enc"},
    ]
    return Keys(first, second, rsa.generate_private_key(65537, 2048), {"keys": public})


@pytest.fixture(scope="module")
def server(keys: Keys) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/jwks": json.dumps(keys.public), "/page": "<html>", "/empty": '{"keys": []}'}.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()
    thread.join()


Signed = Callable[..., str]


@pytest.fixture
def signed(keys: Keys) -> Signed:
    """A token as the issuer makes it, but for what is given; None leaves a claim out."""

    def sign(kid: str | None = "first", key: Any = None, algorithm: str = "RS256", **claims: object) -> str:
        moment = int(time.time())
        all_claims = {
            "iss": ISSUER,
            "aud": "tabi",
            "sub": "repo:tabi:main",
            "iat": moment,
            "exp": moment + 300,
            "ref": "refs/heads/main",
            **claims,
        }
        given = {name: value for name, value in all_claims.items() if value is not None}
        return jwt.encode(given, key or keys.rsa, algorithm=algorithm, headers={"kid": kid} if kid else None)

    return sign


@pytest.fixture
def ci(workspace: Workspace, server: str) -> Workspace:
    configure(workspace, f"{server}/jwks")
    return workspace


def configure(workspace: Workspace, jwks: str, more: str = "") -> None:
    workspace.identity.write_text(
        f'[oidc]\nissuer = "{ISSUER}"\naudience = "tabi"\njwks = "{jwks}"\n{more}\n{GRANTS}', encoding="utf-8"
    )


def who(workspace: Workspace, token: str) -> Identity:
    return whoami(workspace, {"TABI_OIDC_TOKEN": token})


def test_claims_say_who_it_is_and_give_roles(ci: Workspace, signed: Signed) -> None:
    assert who(ci, signed()) == Identity("repo:tabi:main", "oidc", frozenset({"releaser"}))
    everything = signed(groups=["staff", "operators"], realm_access={"roles": ["approvers"]}, aud=["other", "tabi"])
    assert who(ci, everything).roles == {"releaser", "operator", "approver"}


@pytest.mark.parametrize(
    "claims",
    [
        {"ref": "refs/heads/mainline"},
        {"ref": None},
        {"ref": {"refs/heads/main": True}},
        {"ref": True},
        {"ref": None, "realm_access": "approvers"},
        {"ref": None, "realm_access.roles.x": ["approvers"]},
    ],
)
def test_a_claim_that_is_not_exactly_so_gives_no_role(claims: dict[str, object], ci: Workspace, signed: Signed) -> None:
    assert who(ci, signed(**claims)).roles == frozenset()


def test_another_key_of_the_issuer_and_another_algorithm_hold_too(ci: Workspace, keys: Keys, signed: Signed) -> None:
    assert who(ci, signed("second", keys.ec, "ES256")).name == "repo:tabi:main"


def test_keys_may_lie_in_a_file(workspace: Workspace, keys: Keys, signed: Signed) -> None:
    configure(workspace, "jwks.json", 'name = "email"')
    (workspace.root / "jwks.json").write_text(json.dumps(keys.public))
    assert who(workspace, signed(email="maria@example.org")).name == "maria@example.org"
    for claims in ({}, {"email": ""}, {"email": 5}):
        with pytest.raises(ForbiddenError, match="no text in its claim 'email'"):
            who(workspace, signed(**claims))


def test_a_token_that_names_no_key_is_of_the_only_one(workspace: Workspace, keys: Keys, signed: Signed) -> None:
    configure(workspace, "jwks.json")
    (workspace.root / "jwks.json").write_text(json.dumps({"keys": keys.public["keys"][:1]}))
    assert who(workspace, signed(kid=None)).name == "repo:tabi:main"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": 1_700_000_000}, "has expired"),
        ({"exp": None}, "lacks the claim 'exp'"),
        ({"aud": "another"}, "is for another audience"),
        ({"aud": None}, "lacks the claim 'aud'"),
        ({"iss": "https://ci.example.org.evil.example"}, "is of another issuer"),
        ({"iss": None}, "lacks the claim 'iss'"),
        ({"iat": None}, "lacks the claim 'iat'"),
        ({"nbf": 9_999_999_999}, "is not valid yet"),
        ({"iat": 9_999_999_999}, "is not valid yet"),
        ({"sub": None}, "no text in its claim 'sub'"),
        ({"kid": "third"}, "names a key that the issuer does not have"),
        ({"kid": None}, "names a key that the issuer does not have"),
        ({"kid": "not to sign"}, "names a key that the issuer does not have"),
    ],
)
def test_each_fault_is_refused_by_name(claims: dict[str, Any], told: str, ci: Workspace, signed: Signed) -> None:
    with pytest.raises(ForbiddenError, match=told):
        who(ci, signed(**claims))


def test_a_stranger_s_signature_is_refused(ci: Workspace, keys: Keys, signed: Signed) -> None:
    with pytest.raises(ForbiddenError, match="has a signature that is not of the issuer's key"):
        who(ci, signed(key=keys.stranger))


def test_a_changed_claim_is_refused(ci: Workspace, signed: Signed) -> None:
    head, body, signature = signed(ref="refs/heads/else").split(".")
    changed = base64.urlsafe_b64decode(body + "==").replace(b"refs/heads/else", b"refs/heads/main")
    forged = ".".join([head, base64.urlsafe_b64encode(changed).decode().rstrip("="), signature])
    with pytest.raises(ForbiddenError, match="has a signature that is not"):
        who(ci, forged)


def test_an_algorithm_that_is_not_allowed_is_refused(ci: Workspace, keys: Keys, signed: Signed) -> None:
    told = "is signed with an algorithm that identity.toml does not allow"
    _, body, _ = signed().split(".")
    for algorithm in ("none", "None", "NONE", "", None):
        header = json.dumps({"alg": algorithm, "typ": "JWT", "kid": "first"}).encode()
        unsigned = f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{body}."
        with pytest.raises(ForbiddenError, match=told):
            who(ci, unsigned)
    with pytest.raises(ForbiddenError, match=told):
        who(ci, signed(algorithm="RS512"))
    # the right algorithm of another kind of key
    with pytest.raises(ForbiddenError, match=told):
        who(ci, signed("second", keys.rsa, "RS256"))


def test_the_public_key_is_no_secret_to_sign_with(ci: Workspace, keys: Keys, signed: Signed) -> None:
    import hashlib
    import hmac

    public = keys.rsa.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _, body, _ = signed().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"first"}').decode().rstrip("=")
    seal = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(seal).decode().rstrip('=')}"
    with pytest.raises(ForbiddenError, match="an algorithm that identity"):
        who(ci, forged)


def test_a_key_that_is_too_short_is_refused(workspace: Workspace, signed: Signed) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the test
    public = RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True) | {"kid": "weak"}
    configure(workspace, "jwks.json")
    (workspace.root / "jwks.json").write_text(json.dumps({"keys": [public]}))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed("weak", weak)
    with pytest.raises(ForbiddenError, match="is signed with a key that is too short"):
        who(workspace, token)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "..", "e30.e30.e30", "ü.ü.ü"])
def test_what_is_no_token_is_refused(token: str, ci: Workspace) -> None:
    with pytest.raises(ForbiddenError, match="the OIDC token is") as caught:
        who(ci, token)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("path", ["/page", "/empty", "/nothing"])
def test_keys_that_cannot_be_had_are_told(path: str, server: str, workspace: Workspace, signed: Signed) -> None:
    configure(workspace, server + path)
    with pytest.raises(ConfigError, match=f"the issuer's keys cannot be had from {server}{path}"):
        who(workspace, signed())
    configure(workspace, "nowhere.json")
    with pytest.raises(ConfigError, match=r"cannot be had from nowhere\.json"):
        who(workspace, signed())
