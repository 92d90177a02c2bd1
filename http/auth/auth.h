/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls: from the head of a request to its principal, before any body is read. A loop has a
 * struct auth of its own. What a loop looks at is published to it; it asks no database.
 *
 * A client learns the status alone. What really was wrong stands in the log and in a metric.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/outcome.h"
#include "base/principal.h"
#include "base/snapshot.h"
#include "base/text.h"
#include "http/auth/failures.h"
#include "http/auth/jwt_verifier.h"
#include "http/head/head.h"

#include <stdbool.h>
#include <stdint.h>

enum auth_mode {
	AUTH_BY_KEYS, /* open until there is the first API key; required from then on, for good */
	AUTH_REQUIRED,
};

struct auth;

/* All of it is borrowed. */
struct auth_settings {
	enum auth_mode mode;
	struct snapshot *keyring;                /* of http/auth/key_store.h */
	struct auth_failures *failures;          /* NULL: no limit */
	const struct jwt_verifier_settings *jwt; /* NULL: no JWT is taken */
};

struct auth *auth_new(const struct auth_settings *settings) must_check;
void auth_free(struct auth *auth);
/* Is every client served, whatever its credential? By what is published now. */
bool auth_is_open(struct auth *auth) must_check;

/* The peer of a Unix socket, as far as --peer names it. */
struct peer_credential {
	const struct principal *principal; /* NULL: a proxy, whose clients have credentials */
};

struct auth_asked {
	const struct head *head;
	const struct peer_credential *peer; /* NULL: --peer does not name it, or it came over TCP */
	struct text address;                /* of the client; ptr NULL: not known */
	int64_t now_us;                     /* monotonic */
	int64_t now_s;                      /* Unix time */
};

struct auth_answer {
	enum outcome outcome;              /* OUTCOME_OK: there is a principal */
	const struct principal *principal; /* lives as long as the arena */
	/* Of what is not OK, for the client, the log and the metric. Nothing of the credential is
	 * in them but the id of an API key that exists. */
	const char *detail;
	const char *kind, *reason;
	struct text key_id; /* ptr NULL: none */
	int64_t retry_after_us;
};

/* Pure but for what is published, the count of failures and the note that a key was used. */
struct auth_answer authenticate(struct auth *auth, const struct auth_asked *asked,
				struct arena *arena) must_check;
