"""Signing in at the organisation's own provider (OpenID Connect, code flow with PKCE, state and nonce).

Who has none of the mapped roles is not let in. The provider's tokens are read once and kept nowhere.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from twin.errors import NotFound, Refused, Unavailable
from twin.settings import Settings

SCOPE = "openid profile email"
ALGORITHMS = ["RS256", "PS256", "ES256"]
"""How the provider may sign; never by a shared secret, never not at all."""
PENDING_S, MANY = 600.0, 1000
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider has signed in."""

    subject: str
    """`issuer subject`."""
    name: str
    display: str
    role: str


class Outside:
    """The way out to the provider and back; what is under way is remembered for ten minutes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pending: OrderedDict[str, tuple[str, str, float]] = OrderedDict()

    @property
    def is_connected(self) -> bool:
        """Tell whether a provider is set."""
        return bool(self._settings.oidc_issuer and self._settings.oidc_client_id)

    async def start(self, back: str) -> tuple[str, str]:
        """Return the provider's address to go to, and the state that the browser keeps meanwhile.

        Parameters
        ----------
        back
            Where the provider sends the browser afterwards.

        Raises
        ------
        NotFound
            No provider is set.
        Unavailable
            It does not answer.
        """
        provider = await self._provider()
        state, nonce, verifier = token_urlsafe(24), token_urlsafe(24), token_urlsafe(48)
        async with self._client(back) as client:
            address, _ = client.create_authorization_url(
                provider["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        self._pending[state] = (nonce, verifier, time.monotonic() + PENDING_S)
        while len(self._pending) > MANY:
            self._pending.popitem(last=False)
        return address, state

    async def finish(self, back: str, state: str, code: str) -> Person:
        """Change the code for a token, and return whom it names.

        Raises
        ------
        Refused
            Nothing is under way with that state, the token is not right, or it names nobody with a role here.
        """
        nonce, verifier, ends = self._pending.pop(state, ("", "", 0.0))
        if time.monotonic() > ends:
            raise Refused("no sign-in is under way with this state")
        provider = await self._provider()
        try:
            async with self._client(back) as client:
                token = await client.fetch_token(provider["token_endpoint"], code=code, code_verifier=verifier)
                keys = (await client.request("GET", provider["jwks_uri"], withhold_token=True)).json()
            claims = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=30,
                iss={"essential": True, "value": provider["issuer"]},
                aud={"essential": True, "value": self._settings.oidc_client_id or ""},
                exp={"essential": True}, sub={"essential": True}, nonce={"essential": True, "value": nonce},
            ).validate(claims)  # fmt: skip
        except httpx.HTTPError as error:
            raise Unavailable(f"the provider does not answer: {type(error).__name__}") from error
        except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError) as error:
            raise Refused(f"the provider's token is not right: {type(error).__name__}") from error
        return self._person(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        held: Any = claims
        for part in self._settings.oidc_claim.split("."):
            held = held.get(part) if isinstance(held, Mapping) else None
        held = [held] if isinstance(held, str) else held if isinstance(held, list) else []
        values = {one for one in held if isinstance(one, str)}
        role = next((role for value, role in self._settings.oidc_roles.items() if value in values), None)
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"]).lower()
        if role is None:
            raise Refused(f"{name} has no role here: {self._settings.oidc_claim} names none that is mapped")
        subject = f"{self._settings.oidc_issuer} {claims['sub']}"
        return Person(subject, name, str(claims.get("name") or name), role)

    def _client(self, back: str) -> Any:
        from authlib.integrations.httpx_client import (
            AsyncOAuth2Client,
        )  # loads much, and only who has a provider needs it

        secret = self._settings.oidc_client_secret
        return AsyncOAuth2Client(
            self._settings.oidc_client_id, secret.get_secret_value() if secret else None, scope=SCOPE,
            redirect_uri=back, code_challenge_method="S256", timeout=TIMEOUT_S, trust_env=False,
        )  # fmt: skip

    async def _provider(self) -> dict[str, str]:
        issuer = self._settings.oidc_issuer
        if not self.is_connected or issuer is None:
            raise NotFound("no provider is set (OIDC_ISSUER, OIDC_CLIENT_ID)")
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            told: dict[str, str] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(f"the provider {issuer} does not answer: {type(error).__name__}") from error
        if told.get("issuer") != issuer:
            raise Unavailable(f"the provider {issuer} calls itself {told.get('issuer')!r}")
        return told
