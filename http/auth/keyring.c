/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing by a seeded hash of the id, at most half full. That a key was used is a byte that
 * is written once, so that loops do not fight for its cache line.
 */
#include "http/auth/keyring.h"

#include "base/control.h"
#include "base/hash.h"
#include "base/log.h"
#include "http/auth/key_text.h"
#include "http/auth/keys_file.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct keyring {
	struct arena arena;
	enum keyring_state state;
	struct keyring_counts counts;
	uint64_t seed;
	const struct api_key **keys; /* in the order of the lines, the file's first */
	size_t count;
	uint32_t *slots; /* 1 + the index of a key; 0: none */
	size_t mask;
	atomic_uchar *used;  /* [count] */
	int64_t *noted_days; /* [count] */
};

/* --- making ---------------------------------------------------------------------------------- */

static uint32_t *keyring_slot(const struct keyring *keyring, struct text id)
{
	size_t at = hash_bytes(id.ptr, id.len, keyring->seed) & keyring->mask;

	while (keyring->slots[at] && !text_equal(keyring->keys[keyring->slots[at] - 1]->id, id))
		at = (at + 1) & keyring->mask;
	return &keyring->slots[at];
}

static void keyring_put(struct keyring *keyring, struct api_key *key)
{
	uint32_t *slot = keyring_slot(keyring, key->id);

	if (*slot) {
		keyring->counts.doubled++;
		return;
	}
	key->index = (uint32_t)keyring->count;
	keyring->noted_days[key->index] = key->last_used_day;
	keyring->keys[keyring->count] = key;
	*slot = (uint32_t)++keyring->count;
	if (key->revoked_s)
		keyring->counts.revoked++;
	else if (key->of_file)
		keyring->counts.of_file++;
	else
		keyring->counts.of_database++;
}

/* Wrong lines are left out: what a database tells is not to be refused as a whole. */
static struct api_keys keyring_read(struct keyring *keyring, struct text lines)
{
	struct buf complaints;
	struct api_keys keys;

	buf_init(&complaints);
	if (!keys_lines_read(lines, "keys", &keyring->arena, &keys, &complaints))
		for (size_t i = 0; i < complaints.len; i++)
			keyring->counts.wrong += complaints.ptr[i] == '\n';
	buf_fini(&complaints);
	return keys;
}

struct keyring *keyring_new(enum keyring_state state, const struct keyring_lines *lines,
			    uint64_t seed)
{
	struct keyring *keyring = calloc(1, sizeof(*keyring));
	struct api_keys of_file, of_database;
	size_t most, slots = 8;

	if (!keyring)
		log_fatal("keys", "no memory");
	arena_init(&keyring->arena);
	keyring->seed = seed;
	of_file = keyring_read(keyring, lines->of_file);
	of_database = keyring_read(keyring, lines->of_database);
	most = of_file.count + of_database.count;
	while (slots < 2 * most)
		slots *= 2;
	keyring->mask = slots - 1;
	keyring->slots = arena_zero(&keyring->arena, slots, sizeof(*keyring->slots));
	keyring->keys = arena_zero(&keyring->arena, most + 1, sizeof(struct api_key *));
	keyring->noted_days = arena_zero(&keyring->arena, most + 1, sizeof(int64_t));
	keyring->used = arena_zero(&keyring->arena, most + 1, sizeof(*keyring->used));
	for (size_t i = 0; i < of_file.count; i++) {
		of_file.keys[i].of_file = true;
		keyring_put(keyring, &of_file.keys[i]);
	}
	for (size_t i = 0; i < of_database.count; i++)
		keyring_put(keyring, &of_database.keys[i]);
	keyring->state = state != KEYRING_UNKNOWN && keyring->count ? KEYRING_IN_USE : state;
	if (!CONTROL_CLOSED && keyring->counts.revoked == keyring->count)
		keyring->state = KEYRING_NEVER;
	return keyring;
}

void keyring_free(struct keyring *keyring)
{
	arena_fini(&keyring->arena);
	free(keyring);
}

enum keyring_state keyring_state(const struct keyring *keyring)
{
	return keyring->state;
}

const struct keyring_counts *keyring_counts(const struct keyring *keyring)
{
	return &keyring->counts;
}

/* --- finding --------------------------------------------------------------------------------- */

const struct api_key *keyring_by_id(const struct keyring *keyring, struct text id)
{
	uint32_t index = *keyring_slot(keyring, id);

	return index ? keyring->keys[index - 1] : NULL;
}

static enum key_verdict key_judge(const struct api_key *key, int64_t now_s)
{
	if (key->revoked_s && CONTROL_REVOCATION)
		return KEY_REVOKED;
	return key->expires_s && key->expires_s <= now_s ? KEY_EXPIRED : KEY_GOOD;
}

enum key_verdict keyring_find(const struct keyring *keyring, struct hasher *hasher,
			      struct text text, int64_t now_s, const struct api_key **key)
{
	/* No SHA-256 is known to be all zeros. */
	static const uint8_t dummy[SHA256_BYTES] = { 0 };
	const struct api_key *found;
	uint8_t hash[SHA256_BYTES];
	struct key_text read;
	enum key_verdict verdict;
	bool equal;

	*key = NULL;
	if (!key_text_read(text, &read))
		return KEY_MALFORMED;
	hasher_sha256(hasher, read.secret.ptr, read.secret.len, hash);
	found = keyring_by_id(keyring, read.id);
	equal = digests_equal(hash, found ? found->hash : dummy);
	if (!found)
		return keyring->state == KEYRING_UNKNOWN ? KEY_KEYS_UNKNOWN : KEY_NO_SUCH;
	if (!equal)
		return KEY_WRONG;
	*key = found;
	verdict = key_judge(found, now_s);
	if (verdict == KEY_GOOD)
		keyring_set_used(keyring, found);
	return verdict;
}

const char *key_verdict_name(enum key_verdict verdict)
{
	static const char *const names[] = {
		[KEY_GOOD] = "ok",
		[KEY_MALFORMED] = "malformed",
		[KEY_NO_SUCH] = "unknown",
		[KEY_WRONG] = "wrong-secret",
		[KEY_EXPIRED] = "expired",
		[KEY_REVOKED] = "revoked",
		[KEY_KEYS_UNKNOWN] = "keys-unknown",
	};

	return names[verdict];
}

/* --- use ------------------------------------------------------------------------------------- */

size_t keyring_count(const struct keyring *keyring)
{
	return keyring->count;
}

const struct api_key *keyring_at(const struct keyring *keyring, size_t index)
{
	assert(index < keyring->count);
	return keyring->keys[index];
}

bool keyring_take_used(const struct keyring *keyring, size_t index)
{
	assert(index < keyring->count);
	return atomic_load_explicit(&keyring->used[index], memory_order_relaxed) &&
	       atomic_exchange_explicit(&keyring->used[index], 0, memory_order_relaxed);
}

void keyring_set_used(const struct keyring *keyring, const struct api_key *key)
{
	atomic_uchar *used = &keyring->used[key->index];

	if (!atomic_load_explicit(used, memory_order_relaxed))
		atomic_store_explicit(used, 1, memory_order_relaxed);
}

int64_t keyring_noted(const struct keyring *keyring, size_t index)
{
	assert(index < keyring->count);
	return keyring->noted_days[index];
}

void keyring_note(const struct keyring *keyring, const struct api_key *key, int64_t day)
{
	int64_t *noted_day = &keyring->noted_days[key->index];

	if (*noted_day < day)
		*noted_day = day;
}
