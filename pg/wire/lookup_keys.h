/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that the @lookups of one batch were sent for (pg/wire/lookup.h), each with the call that
 * asked for it. Those of one execution stand together, in the order of their texts, so that a row's
 * are found by halves. Memory is kept from batch to batch. One loop.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "pg/call.h"

#include <stdbool.h>
#include <stdint.h>

struct lookup_key {
	uint32_t at;       /* its text, in texts */
	struct call *call; /* NULL: it was forgotten */
};

struct lookup_keys {
	struct buf texts;        /* of the keys, NUL-terminated; copies: a call may be forgotten */
	struct buf literal;      /* an array on its way to libpq */
	struct lookup_key *keys; /* [count] */
	unsigned count, room;
};

void lookup_keys_init(struct lookup_keys *keys);
void lookup_keys_fini(struct lookup_keys *keys);
/* Forgets all of them. */
void lookup_keys_clear(struct lookup_keys *keys);

/*
 * Adds those of a call and of all that follow it, whose keys have texts (pg/types/key.h).
 * literal is the array of them then, each key once. The number of calls; 0: all have one key, and
 * nothing was added.
 */
unsigned lookup_keys_add(struct lookup_keys *keys, struct call *call);
/* The array of one value; value NULL: of NULL. */
const char *lookup_keys_one(struct lookup_keys *keys, const char *value);
/* The first of those from first on whose text that is; first + count: there is none. */
unsigned lookup_keys_find(const struct lookup_keys *keys, unsigned first, unsigned count,
			  const char *text) must_check;
/* Is the text of the one at that place the same? */
bool lookup_keys_same(const struct lookup_keys *keys, unsigned at, const char *text) must_check;
/* That call wants no more rows. */
void lookup_keys_forget(struct lookup_keys *keys, const struct call *call);
