"""Signing in at a provider: a real OpenID Connect server on this machine, honest and otherwise."""

import hashlib
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from backend.outside import Outside, Person
from twin.errors import NotFound, Refused, Unavailable
from twin.settings import Settings

BACK = "http://twin.example/sign-in/outside/back"
CLIENT, SECRET = "gunsan", "a secret of this test"


class Provider:
    """A provider that knows one person; a test may bend what it says."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"}, auto_kid=False)
        self.sign: Callable[[dict[str, Any]], str] = self.honest
        self.claims: dict[str, Any] = {
            "sub": "4711",
            "preferred_username": "Kim",
            "name": "김담당",
            "roles": ["desk-lead"],
        }
        self.codes: dict[str, dict[str, str]] = {}
        routes = [
            Route("/.well-known/openid-configuration", self.configuration),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/keys", self.keys),
        ]
        self.server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.issuer = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        self.named = self.issuer

    def honest(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    async def configuration(self, request: Request) -> Response:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse({"issuer": self.named} | {name: f"{self.issuer}/{path}" for name, path in ends.items()})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        self.codes["the code"] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?code=the+code&state={asked['state']}")

    async def token(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(given.get("code", ""), None)
        challenge = urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or given["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]} | self.claims
        token = {"access_token": "none of ours", "token_type": "Bearer", "id_token": self.sign(claims)}
        return JSONResponse(token)

    async def keys(self, request: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.server.should_exit = True
    provider.thread.join(5)


@pytest.fixture
def provider(server: Provider) -> Iterator[Provider]:
    """An honest provider, also after a test that bent it."""
    kept = dict(server.claims)
    yield server
    server.sign, server.claims, server.named = server.honest, kept, server.issuer


def outside(provider: Provider, **more: Any) -> Outside:
    given = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_roles": {"desk-lead": "supervisor", "desk": "operator"},
    }
    return Outside(Settings(**(given | more)))


async def go(way: Outside) -> Person:
    """Go to the provider as a browser does, and come back with its code."""
    address, state = await way.start(BACK)
    async with httpx.AsyncClient(trust_env=False) as browser:
        back = (await browser.get(address)).headers["location"]
    told = parse_qs(urlsplit(back).query)
    assert back.startswith(BACK)
    assert told["state"] == [state]
    return await way.finish(BACK, state, told["code"][0])


async def test_a_person_with_a_mapped_role_comes_in_and_is_known_by_issuer_and_subject(provider: Provider) -> None:
    assert await go(outside(provider)) == Person(f"{provider.issuer} 4711", "kim", "김담당", "supervisor")


async def test_roles_may_lie_deeper_in_the_token(provider: Provider) -> None:
    provider.claims |= {"roles": [], "realm_access": {"roles": ["desk"]}}
    assert (await go(outside(provider, oidc_claim="realm_access.roles"))).role == "operator"


@pytest.mark.parametrize("held", [[], ["somebody-else"], None, 7])
async def test_who_has_no_mapped_role_stays_outside(provider: Provider, held: Any) -> None:
    provider.claims["roles"] = held
    with pytest.raises(Refused, match="no role here"):
        await go(outside(provider))


@pytest.mark.parametrize(
    "bent",
    [{"aud": "another"}, {"iss": "https://evil.example"}, {"nonce": "old"}, {"exp": 1}, {"sub": None}],
    ids=lambda bent: next(iter(bent)),
)
async def test_a_token_for_somebody_else_or_another_time_is_refused(provider: Provider, bent: dict[str, Any]) -> None:
    provider.claims |= bent
    with pytest.raises(Refused, match="token is not right"):
        await go(outside(provider))


async def test_a_token_that_the_provider_did_not_sign_is_refused(provider: Provider) -> None:
    forger = RSAKey.generate_key(2048, parameters={"kid": "one"}, auto_kid=False)
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, forger)
    with pytest.raises(Refused, match="token is not right"):
        await go(outside(provider))
    shared = OctKey.import_key(SECRET)
    provider.sign = lambda claims: jwt.encode({"alg": "HS256", "kid": "one"}, claims, shared)
    with pytest.raises(Refused, match="token is not right"):
        await go(outside(provider))


async def test_a_state_opens_once_and_a_code_only_with_its_verifier(provider: Provider) -> None:
    way = outside(provider)
    address, state = await way.start(BACK)
    async with httpx.AsyncClient(trust_env=False) as browser:
        await browser.get(address)
    thief, other = outside(provider), (await way.start(BACK))[1]
    with pytest.raises(Refused, match="no sign-in is under way"):
        await thief.finish(BACK, state, "the code")
    with pytest.raises(Refused, match="token is not right"):
        await way.finish(BACK, other, "the code")  # begun, but with another verifier
    with pytest.raises(Refused, match="no sign-in is under way"):
        await way.finish(BACK, other, "the code")


async def test_a_provider_that_is_away_or_calls_itself_otherwise_or_is_not_set(provider: Provider) -> None:
    provider.named = "https://evil.example"
    with pytest.raises(Unavailable, match="calls itself"):
        await outside(provider).start(BACK)
    with pytest.raises(Unavailable, match="does not answer"):
        await outside(provider, oidc_issuer="http://127.0.0.1:9").start(BACK)
    with pytest.raises(NotFound, match="no provider is set"):
        await outside(provider, oidc_issuer=None).start(BACK)
