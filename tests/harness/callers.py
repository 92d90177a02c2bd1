# SPDX-License-Identifier: Apache-2.0
"""Who asks: by the user header alone, by API keys, by JWTs; and what PostgreSQL is told of each."""

import base64
import dataclasses
import hashlib
import hmac
import json
import time

SECRET = b"a secret of the issuer, of more than 32 bytes"
ISSUER, AUDIENCE = "https://id.example", "tenants"


@dataclasses.dataclass(frozen=True)
class Caller:
    """tenant: whose rows it may see, None: no rows. The rest is what its settings hold."""

    tenant: str | None
    user: str | None = None
    claims: str = "{}"
    roles: str = "[]"
    fields: tuple = dataclasses.field(default=(), repr=False)
    known: bool = True  # False: it has no credential where one is wanted

    @property
    def settings(self):
        return " ".join(filter(None, [self.user, self.claims, self.roles]))


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims):
    """A token by HS256 whose payload is that text."""
    text = base64url(b'{"alg":"HS256"}') + "." + base64url(claims.encode())
    return text + "." + base64url(hmac.new(SECRET, text.encode(), hashlib.sha256).digest())


def by_header(members):
    """members: {user, or None: tenant}. Of a service that is open."""
    return [Caller(tenant, user, fields=named(user)) for user, tenant in members.items()]


def named(user):
    return (f"X-User-Id: {user}",) if user else ()


def by_key(key, tenant, user=None, header=None):
    claims = {"sub": key.told["name"], "roles": key.told["roles"]}
    return Caller(tenant, user, compact(claims), compact(claims["roles"]),
                  (f"Authorization: Bearer {key.text}", *named(header)))


def by_token(tenant, user, /, **claims):
    now_s = int(time.time())
    text = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now_s - 5,
                       "exp": now_s + 6 * 3600} | claims)
    return Caller(tenant, user, text, compact(claims.get("roles", [])),
                  (f"Authorization: Bearer {signed(text)}",))


def with_credentials(keys, members):
    """Keys that act for any user, for their own and for none; tokens; and no credential."""
    gate = keys.create("gate", roles="app,front", acts_for="any")
    callers = [by_key(gate, tenant, user, header=user) for user, tenant in members.items()]
    callers += [by_key(keys.create(user, acts_for="self"), members[user], user)
                for user in ("ann", "bob")]
    callers.append(by_key(keys.create("rob", acts_for="none"), None))
    callers += [by_token("red", "rae", tenant="red", roles=["clerk", "front.desk"]),
                by_token("blue", "ben", tenant="blue"),
                by_token("red", "bea", tenant="red"),  # the claim decides, not the member's tenant
                by_token("blue", "bea"),
                by_token(None, "eve", roles=["clerk"])]
    return callers + [Caller(None, known=False)]


def options(folder):
    """Of a service that asks for credentials; the secret's file is made in folder."""
    (folder / "secret").write_bytes(SECRET)
    return {"auth": "required", "jwt_secret_file": str(folder / "secret"), "jwt_issuer": ISSUER,
            "jwt_audience": AUDIENCE}
