/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls: decided once from the head of a request (http/auth/), and constant from then on. A
 * request has one principal and at most one user, on whose behalf the principal asks. It lives in
 * the request's arena, or as long as the process; it holds no secret.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum principal_kind {
	PRINCIPAL_OPEN,      /* authentication is off: every client that reaches the port */
	PRINCIPAL_ANONYMOUS, /* it is on, and no credential came: only @public, acts for no user */
	PRINCIPAL_KEY,       /* an API key */
	PRINCIPAL_JWT,
	PRINCIPAL_PEER, /* the process at the other end of a Unix socket */
};

/* Which users the principal may name. */
enum acts_for {
	ACTS_FOR_NONE,
	ACTS_FOR_SELF, /* its subject */
	ACTS_FOR_ANY,
};

struct principal {
	enum principal_kind kind;
	enum acts_for acts_for;
	/* Unique over all kinds, printable: "key:ID", "jwt:ISSUER:SUBJECT", "peer:NAME"; ptr NULL:
	 * open or anonymous: the address alone distinguishes them. */
	struct text id;
	/* Users of one name in two scopes are two users: "" for keys and peers, a JWT's issuer. */
	struct text scope;
	struct text subject;      /* the user of ACTS_FOR_SELF; ptr NULL: it has none */
	const struct text *roles; /* [roles_count] */
	size_t roles_count;
	struct text claims; /* a JSON object, for request.jwt.claims */
	int64_t expires_s;  /* Unix time; 0: never */
};

/* PRINCIPAL_OPEN: acts for any user, has no roles. */
extern const struct principal principal_open;
/* PRINCIPAL_ANONYMOUS: acts for none, has no roles. */
extern const struct principal principal_anonymous;

struct arena;
struct buf;

/* Appends roles as a JSON array of strings. */
void roles_put(const struct text *roles, size_t count, struct buf *out);
/* The claims of one that is known by name alone, in the arena: {"sub":"web","roles":["app"]}. */
struct text principal_claims(const struct principal *principal, struct arena *arena) must_check;

/* Its texts are copied into the arena, too. */
const struct principal *principal_copy(const struct principal *principal,
				       struct arena *arena) must_check;

const char *principal_kind_text(enum principal_kind kind);

bool principal_has_role(const struct principal *principal, struct text role) must_check;
/* Has it a role of the list, "a, b"? Blanks around a name do not count. */
bool principal_has_role_of(const struct principal *principal, const char *list) must_check;
