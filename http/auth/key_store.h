/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the keyring of a service comes from: the --keys-file, read at the start and at each reload
 * on the main thread, and the table cqrsd.api_key, as the monitor's thread tells it. Each change
 * publishes a new keyring; a loop enters the newest one while it decides a head.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/snapshot.h"
#include "base/text.h"
#include "http/auth/keyring.h"

#include <stdint.h>

struct key_store;

/* What it knows, for metrics. */
struct key_store_view {
	enum keyring_state state;
	struct keyring_counts counts;
	int64_t age_us; /* of what is known of the database's keys; -1: nothing is */
};

/* Publishes a keyring that knows nothing. */
struct key_store *key_store_new(void) must_check;
/* No reader may be left. */
void key_store_free(struct key_store *store);

/*
 * Published there: a struct keyring *, never NULL, so that snapshot_enter gives a
 * struct keyring *const *. It lives until snapshot_leave.
 */
struct snapshot *key_store_snapshot(const struct key_store *store) must_check;
static inline const struct keyring *key_store_enter(struct snapshot_reader *reader)
{
	struct keyring *const *keyring = snapshot_enter(reader);

	return *keyring;
}

/* These two: any thread but a loop's. Lines are copied; len 0: none. */
void key_store_set_file(struct key_store *store, struct text lines);
void key_store_view(struct key_store *store, struct key_store_view *view);

/* These three: the monitor's thread. */

/*
 * The database was asked: state is none of KEYRING_UNKNOWN, its keys are those of as_of_us
 * (monotonic) or later. lines: NULL: as told last.
 */
void key_store_tell(struct key_store *store, enum keyring_state state, int64_t as_of_us,
		    const struct text *lines);
/* To be called at least each second or so: what is too old is given up. */
void key_store_age(struct key_store *store, int64_t now_us);
/*
 * Ids of keys of the database that were used on this day (since 1970, UTC) and are not noted with
 * it, separated by blanks; each id comes once a day, at most KEYS_USED_AT_ONCE_MAX at once.
 */
void key_store_take_used(struct key_store *store, int64_t day, struct buf *ids);
