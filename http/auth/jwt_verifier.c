/* SPDX-License-Identifier: Apache-2.0 */
/* A version number tells whether the keys have changed; only then they are copied and made anew. */
#include "http/auth/jwt_verifier.h"

#include "base/limits.h"
#include "base/log.h"
#include "http/auth/jwt_cache.h"

#include <stdlib.h>

struct jwt_verifier {
	struct jwt_verifier_settings settings;
	struct snapshot_reader *reader;
	uint64_t version; /* of keys; 0: none yet */
	struct jwt_keys *keys;
	struct jwt_cache *cache;
};

struct jwt_verifier *jwt_verifier_new(const struct jwt_verifier_settings *settings)
{
	struct jwt_verifier *verifier = calloc(1, sizeof(*verifier));

	if (!verifier)
		log_fatal("auth", "out of memory");
	verifier->settings = *settings;
	verifier->reader = snapshot_reader_new(settings->keys);
	verifier->cache = jwt_cache_new(JWT_CACHE_ENTRIES_MAX, JWT_CACHE_BYTES_MAX);
	return verifier;
}

void jwt_verifier_free(struct jwt_verifier *verifier)
{
	snapshot_reader_free(verifier->reader);
	jwt_cache_free(verifier->cache);
	jwt_keys_free(verifier->keys);
	free(verifier);
}

static void jwt_verifier_renew(struct jwt_verifier *verifier)
{
	struct jwk_set *set = malloc(sizeof(*set));

	if (!set)
		log_fatal("auth", "out of memory");
	verifier->version = snapshot_read(verifier->reader, set);
	jwt_cache_clear(verifier->cache);
	jwt_keys_free(verifier->keys);
	verifier->keys = jwt_keys_new(set);
	free(set);
}

/* False: there are none yet. */
static bool jwt_verifier_has_keys(struct jwt_verifier *verifier)
{
	if (snapshot_version(verifier->settings.keys) != verifier->version)
		jwt_verifier_renew(verifier);
	return verifier->version > 0;
}

const struct principal *jwt_verifier_find(struct jwt_verifier *verifier, struct text token,
					  int64_t now_s, struct arena *arena)
{
	if (!jwt_verifier_has_keys(verifier))
		return NULL;
	return jwt_cache_find(verifier->cache, token, now_s, arena);
}

enum jwt_verdict jwt_verifier_check(struct jwt_verifier *verifier, struct text token, int64_t now_s,
				    struct arena *arena, const struct principal **principal)
{
	struct principal *made = arena_zero(arena, 1, sizeof(*made));
	enum jwt_verdict verdict;

	*principal = NULL;
	if (!jwt_verifier_has_keys(verifier))
		return JWT_KEYS_UNKNOWN;
	verdict = jwt_verify(verifier->keys, token, now_s, &verifier->settings.policy, arena, made);
	if (verdict == JWT_UNKNOWN_KEY)
		verifier->settings.on_unknown_key(verifier->settings.arg);
	if (verdict != JWT_OK)
		return verdict;
	/* Twice only if it was checked without having been looked for. */
	*principal = jwt_cache_find(verifier->cache, token, now_s, arena);
	if (*principal)
		return JWT_OK;
	jwt_cache_add(verifier->cache, token, made);
	*principal = made;
	return JWT_OK;
}
