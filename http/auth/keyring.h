/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All API keys that a service knows, as one table that never changes: a change makes a new one,
 * which http/auth/key_store.h publishes. Any thread, no lock.
 */
#pragma once

#include "base/check.h"
#include "base/sign.h"
#include "base/text.h"
#include "http/auth/api_key.h"

#include <stddef.h>
#include <stdint.h>

/* What the database says of its keys. Those of a --keys-file are known in any case. */
enum keyring_state {
	KEYRING_UNKNOWN,    /* no answer yet, or the last one is older than KEYS_AGE_US_MAX */
	KEYRING_UNMIGRATED, /* it has no table of keys: cqrsd migrate was not run */
	KEYRING_NEVER,      /* there never was a key, in the database or in a file */
	KEYRING_IN_USE,     /* there is one, or was */
};

enum key_verdict {
	KEY_GOOD,
	KEY_MALFORMED, /* not of the form of a key, or mistyped */
	KEY_NO_SUCH,   /* no key has this id */
	KEY_WRONG,     /* one has, and another secret */
	KEY_EXPIRED,
	KEY_REVOKED,
	KEY_KEYS_UNKNOWN, /* it is none of a file, and the database's are not known */
};

struct keyring;

/* Lines of http/auth/api_key.h, of the --keys-file and of the database; len 0: none. */
struct keyring_lines {
	struct text of_file, of_database;
};

struct keyring_counts {
	unsigned of_file, of_database; /* that are not revoked */
	unsigned revoked;              /* as many as the database tells, see docs/callers.md */
	unsigned wrong;                /* lines that are none, which were left out */
	unsigned doubled;              /* ids of the database that the file has, too */
};

/*
 * Copies what it needs. state: of the database; a key of the file makes it KEYRING_IN_USE, unless
 * it is unknown. Where both have an id, the file's counts. seed: random, so that no choice of ids
 * makes the table slow.
 */
struct keyring *keyring_new(enum keyring_state state, const struct keyring_lines *lines,
			    uint64_t seed) must_check;
void keyring_free(struct keyring *keyring);

enum keyring_state keyring_state(const struct keyring *keyring) must_check;
const struct keyring_counts *keyring_counts(const struct keyring *keyring) must_check;

/*
 * The key whose text this is. now_s: Unix time. The time it takes tells nothing of the secret, nor
 * whether there is a key of that id. *key: with KEY_GOOD, KEY_EXPIRED and KEY_REVOKED, as long as
 * the keyring, else NULL. A good key is noted as used.
 */
enum key_verdict keyring_find(const struct keyring *keyring, struct hasher *hasher,
			      struct text text, int64_t now_s,
			      const struct api_key **key) must_check;
/* For logs and metrics: "expired"; for KEY_GOOD "ok". */
const char *key_verdict_name(enum key_verdict verdict);

/* The key of that id, NULL: there is none. */
const struct api_key *keyring_by_id(const struct keyring *keyring, struct text id) must_check;
size_t keyring_count(const struct keyring *keyring);
const struct api_key *keyring_at(const struct keyring *keyring, size_t index);
/* Was it used since this was asked last? Any thread. */
bool keyring_take_used(const struct keyring *keyring, size_t index) must_check;
void keyring_set_used(const struct keyring *keyring, const struct api_key *key);
/* The last day with which its use was noted, as days since 1970; 0: none. One thread at a time. */
int64_t keyring_noted(const struct keyring *keyring, size_t index);
void keyring_note(const struct keyring *keyring, const struct api_key *key, int64_t day);
