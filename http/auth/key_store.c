/* SPDX-License-Identifier: Apache-2.0 */
/* One lock for the few threads that change it; no loop takes it. */
#include "http/auth/key_store.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct key_store {
	pthread_mutex_t lock;
	struct snapshot *snapshot;
	struct keyring *current; /* published, and not buried while the lock is held */
	struct buf of_file, of_database;
	enum keyring_state state; /* of the database */
	int64_t as_of_us; /* the database's keys are known to be those of then; 0: nothing is */
	int64_t aged_us;  /* when that was compared with the clock last */
	bool ever;        /* there was a key: that is for good */
};

static void key_store_bury(void *value)
{
	keyring_free(*(struct keyring **)value);
}

static const char *key_store_counts_text(const struct keyring_counts *counts, char *out,
					 size_t room)
{
	snprintf(out, room, "%u of the database, %u of the file; %u revoked", counts->of_database,
		 counts->of_file, counts->revoked);
	return out;
}

static void key_store_say(const struct keyring *keyring)
{
	const struct keyring_counts *counts = keyring_counts(keyring);
	char text[96];

	if (keyring_state(keyring) == KEYRING_IN_USE)
		log_info("keys", "API keys: %s", key_store_counts_text(counts, text, sizeof(text)));
	if (counts->wrong)
		log_error("keys", "%u rows of cqrsd.api_key cannot be read and let nobody in",
			  counts->wrong);
	if (counts->doubled)
		log_warn("keys",
			 "%u keys are in cqrsd.api_key and in --keys-file: the file's "
			 "lines count, and keys revoke does not reach them",
			 counts->doubled);
}

/* What was used and is not noted yet stays so; what was noted is not again. */
static void key_store_keep_use(const struct keyring *older, const struct keyring *newer)
{
	for (size_t i = 0; older && i < keyring_count(older); i++) {
		const struct api_key *key = keyring_by_id(newer, keyring_at(older, i)->id);

		if (!key)
			continue;
		keyring_note(newer, key, keyring_noted(older, i));
		if (keyring_take_used(older, i))
			keyring_set_used(newer, key);
	}
}

/* Under the lock. What the database told is of no use while its state is not known. */
static void key_store_publish(struct key_store *store)
{
	struct keyring_lines lines = {
		.of_file = { store->of_file.ptr, store->of_file.len },
	};
	struct keyring *keyring;
	uint64_t seed;

	if (store->state == KEYRING_IN_USE)
		lines.of_database = (struct text){ store->of_database.ptr, store->of_database.len };
	random_bytes(&seed, sizeof(seed));
	keyring = keyring_new(store->state, &lines, seed);
	store->ever |= keyring_state(keyring) == KEYRING_IN_USE;
	key_store_keep_use(store->current, keyring);
	key_store_say(keyring);
	store->current = keyring;
	snapshot_publish(store->snapshot, &keyring);
}

struct key_store *key_store_new(void)
{
	struct key_store *store = calloc(1, sizeof(*store));

	if (!store)
		log_fatal("keys", "no memory");
	pthread_mutex_init(&store->lock, NULL);
	buf_init(&store->of_file);
	buf_init(&store->of_database);
	store->snapshot = snapshot_new(sizeof(struct keyring *));
	snapshot_on_bury(store->snapshot, key_store_bury);
	key_store_publish(store);
	return store;
}

void key_store_free(struct key_store *store)
{
	snapshot_free(store->snapshot);
	buf_fini(&store->of_file);
	buf_fini(&store->of_database);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

struct snapshot *key_store_snapshot(const struct key_store *store)
{
	return store->snapshot;
}

static bool buf_holds(const struct buf *buf, struct text text)
{
	return text_equal((struct text){ buf->ptr, buf->len }, text);
}

static void buf_set(struct buf *buf, struct text text)
{
	buf_clear(buf);
	buf_text(buf, text);
}

void key_store_set_file(struct key_store *store, struct text lines)
{
	pthread_mutex_lock(&store->lock);
	if (!buf_holds(&store->of_file, lines)) {
		buf_set(&store->of_file, lines);
		key_store_publish(store);
	}
	pthread_mutex_unlock(&store->lock);
}

void key_store_view(struct key_store *store, struct key_store_view *view)
{
	pthread_mutex_lock(&store->lock);
	*view = (struct key_store_view){
		.state = keyring_state(store->current),
		.counts = *keyring_counts(store->current),
		.age_us = -1,
	};
	if (store->as_of_us)
		view->age_us =
			store->aged_us > store->as_of_us ? store->aged_us - store->as_of_us : 0;
	pthread_mutex_unlock(&store->lock);
}

/* --- what the database tells ----------------------------------------------------------------- */

void key_store_tell(struct key_store *store, enum keyring_state state, int64_t as_of_us,
		    const struct text *lines)
{
	bool changed;

	assert(state != KEYRING_UNKNOWN);
	pthread_mutex_lock(&store->lock);
	/* A promotion may have lost the first key, a restore may have taken the table away. */
	if (store->ever)
		state = KEYRING_IN_USE;
	changed = state != store->state || (lines && !buf_holds(&store->of_database, *lines));
	if (lines)
		buf_set(&store->of_database, *lines);
	store->state = state;
	if (as_of_us > store->as_of_us)
		store->as_of_us = as_of_us;
	if (changed)
		key_store_publish(store);
	pthread_mutex_unlock(&store->lock);
}

void key_store_age(struct key_store *store, int64_t now_us)
{
	pthread_mutex_lock(&store->lock);
	store->aged_us = now_us;
	if (store->state != KEYRING_UNKNOWN && now_us - store->as_of_us > KEYS_AGE_US_MAX) {
		store->state = KEYRING_UNKNOWN;
		log_error("keys", "no node has told the API keys of the last five minutes: "
				  "requests with keys of the database are answered 503 "
				  "keys-unknown");
		key_store_publish(store);
	}
	pthread_mutex_unlock(&store->lock);
}

/* --- use ------------------------------------------------------------------------------------- */

void key_store_take_used(struct key_store *store, int64_t day, struct buf *ids)
{
	size_t taken = 0;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < keyring_count(store->current); i++) {
		const struct api_key *key = keyring_at(store->current, i);

		if (taken == KEYS_USED_AT_ONCE_MAX)
			break;
		if (!keyring_take_used(store->current, i) || key->of_file ||
		    keyring_noted(store->current, i) >= day)
			continue;
		keyring_note(store->current, key, day);
		if (ids->len)
			buf_byte(ids, ' ');
		buf_text(ids, key->id);
		taken++;
	}
	pthread_mutex_unlock(&store->lock);
}
