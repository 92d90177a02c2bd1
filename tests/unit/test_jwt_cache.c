/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* Tokens that a loop remembers: which, how many, until when; and keys that change below them. */
#include "base/snapshot.h"
#include "http/auth/jwt_cache.h"
#include "http/auth/jwt_verifier.h"
#include "jwt_story.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW JWT_STORY_NOW_S

static struct arena arena;
static const struct text roles[] = { { "app", 3 }, { "support", 7 } };
static const struct principal ann = {
	.kind = PRINCIPAL_JWT,
	.acts_for = ACTS_FOR_SELF,
	.id = { "jwt:i:ann", 9 },
	.scope = { "i", 1 },
	.subject = { "ann", 3 },
	.roles = roles,
	.roles_count = 2,
	.claims = { "{}", 2 },
	.expires_s = NOW + 60,
};

static int setup(void **state)
{
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	arena_fini(&arena);
	return 0;
}

static struct text token_number(unsigned number)
{
	return text_of(arena_printf(&arena, "header.payload-%u.signature", number));
}

static void a_copy_has_all_of_a_principal_and_nothing_of_its_memory(void **state)
{
	struct jwt_cache *cache = jwt_cache_new(8, 4096);
	const struct principal *copy;

	assert_null(jwt_cache_find(cache, TEXT("a.b.c"), NOW, &arena));
	jwt_cache_add(cache, TEXT("a.b.c"), &ann);
	copy = jwt_cache_find(cache, TEXT("a.b.c"), NOW, &arena);
	/* It outlives what it was copied from. */
	jwt_cache_free(cache);
	assert_non_null(copy);
	assert_int_equal(copy->kind, PRINCIPAL_JWT);
	assert_int_equal(copy->acts_for, ACTS_FOR_SELF);
	assert_int_equal(copy->expires_s, NOW + 60);
	assert_string_equal(copy->id.ptr, "jwt:i:ann");
	assert_string_equal(copy->scope.ptr, "i");
	assert_string_equal(copy->subject.ptr, "ann");
	assert_string_equal(copy->claims.ptr, "{}");
	assert_int_equal(copy->roles_count, 2);
	assert_string_equal(copy->roles[0].ptr, "app");
	assert_string_equal(copy->roles[1].ptr, "support");
}

static void what_is_absent_stays_absent_in_a_copy(void **state)
{
	struct jwt_cache *cache = jwt_cache_new(8, 4096);
	struct principal bare = ann;
	const struct principal *copy;

	bare.subject = (struct text){ NULL, 0 };
	bare.roles = NULL;
	bare.roles_count = 0;
	jwt_cache_add(cache, TEXT("a.b.c"), &bare);
	copy = jwt_cache_find(cache, TEXT("a.b.c"), NOW, &arena);
	assert_null(copy->subject.ptr);
	assert_int_equal(copy->roles_count, 0);
	jwt_cache_free(cache);
}

static void a_token_that_differs_in_any_byte_is_another(void **state)
{
	struct jwt_cache *cache = jwt_cache_new(8, 4096);
	struct text token = TEXT("header.payload.signature-of-37-bytes.");
	char copy[64];

	jwt_cache_add(cache, token, &ann);
	memcpy(copy, token.ptr, token.len + 1);
	for (size_t i = 0; i < token.len; i++) {
		copy[i] ^= 1;
		assert_null(jwt_cache_find(cache, (struct text){ copy, token.len }, NOW, &arena));
		copy[i] ^= 1;
	}
	for (size_t len = 0; len < token.len; len++)
		assert_null(jwt_cache_find(cache, (struct text){ copy, len }, NOW, &arena));
	assert_non_null(jwt_cache_find(cache, (struct text){ copy, token.len }, NOW, &arena));
	jwt_cache_free(cache);
}

static void a_token_that_is_over_is_forgotten(void **state)
{
	struct jwt_cache *cache = jwt_cache_new(8, 4096);

	jwt_cache_add(cache, TEXT("a.b.c"), &ann);
	assert_non_null(jwt_cache_find(cache, TEXT("a.b.c"), NOW + 59, &arena));
	assert_null(jwt_cache_find(cache, TEXT("a.b.c"), NOW + 60, &arena));
	assert_int_equal(jwt_cache_count(cache), 0);
	assert_int_equal(jwt_cache_bytes(cache), 0);
	jwt_cache_free(cache);
}

static void the_one_that_was_used_least_recently_gives_way(void **state)
{
	struct jwt_cache *cache = jwt_cache_new(5, 1 << 20);

	for (unsigned i = 0; i < 5; i++)
		jwt_cache_add(cache, token_number(i), &ann);
	assert_non_null(jwt_cache_find(cache, token_number(0), NOW, &arena));
	jwt_cache_add(cache, token_number(5), &ann);
	assert_int_equal(jwt_cache_count(cache), 5);
	assert_non_null(jwt_cache_find(cache, token_number(0), NOW, &arena));
	assert_null(jwt_cache_find(cache, token_number(1), NOW, &arena));
	for (unsigned i = 2; i <= 5; i++)
		assert_non_null(jwt_cache_find(cache, token_number(i), NOW, &arena));
	jwt_cache_free(cache);
}

static void any_number_of_tokens_takes_bounded_memory(void **state)
{
	struct jwt_cache *cache = jwt_cache_new(64, 10000);
	size_t most = 0;

	for (unsigned i = 0; i < 5000; i++) {
		jwt_cache_add(cache, token_number(i), &ann);
		assert_true(jwt_cache_count(cache) <= 64);
		assert_true(jwt_cache_bytes(cache) <= 10000);
		most = jwt_cache_count(cache) > most ? jwt_cache_count(cache) : most;
		assert_non_null(jwt_cache_find(cache, token_number(i), NOW, &arena));
	}
	assert_true(most > 10 && most < 64);
	jwt_cache_clear(cache);
	assert_int_equal(jwt_cache_bytes(cache), 0);
	assert_null(jwt_cache_find(cache, token_number(4999), NOW, &arena));
	jwt_cache_free(cache);
}

/* --- with keys ---- */

static unsigned wanted_keys;

static void on_unknown_key(void *arg)
{
	assert_null(arg);
	wanted_keys++;
}

static struct jwk_set set;

static struct jwt_verifier *verifier_of(struct snapshot *snapshot)
{
	const struct jwt_verifier_settings settings = { .policy = jwt_story_policy,
							.keys = snapshot,
							.on_unknown_key = on_unknown_key };

	wanted_keys = 0;
	return jwt_verifier_new(&settings);
}

static void without_keys_nothing_is_known_of_a_token(void **state)
{
	struct snapshot *snapshot = snapshot_new(sizeof(struct jwk_set));
	struct jwt_verifier *verifier = verifier_of(snapshot);
	struct text token =
		jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", jwt_story_claims);
	const struct principal *principal;

	assert_null(jwt_verifier_find(verifier, token, NOW, &arena));
	assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal),
			 JWT_KEYS_UNKNOWN);
	jwt_story_set(JWT_STORY_KEYS, &set);
	snapshot_publish(snapshot, &set);
	assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal), JWT_OK);
	assert_string_equal(principal->id.ptr, "jwt:https://id.example:ann");
	assert_int_equal(wanted_keys, 0);
	jwt_verifier_free(verifier);
	snapshot_free(snapshot);
}

static void a_token_is_found_again_until_it_is_over_or_its_key_is_gone(void **state)
{
	struct snapshot *snapshot = snapshot_new(sizeof(struct jwk_set));
	struct jwt_verifier *verifier = verifier_of(snapshot);
	struct text token =
		jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", jwt_story_claims);
	const struct principal *principal;

	jwt_story_set(JWT_STORY_KEYS, &set);
	snapshot_publish(snapshot, &set);
	assert_null(jwt_verifier_find(verifier, token, NOW, &arena));
	assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal), JWT_OK);
	principal = jwt_verifier_find(verifier, token, NOW, &arena);
	assert_non_null(principal);
	assert_string_equal(principal->subject.ptr, "ann");
	assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal), JWT_OK);
	assert_null(jwt_verifier_find(verifier, token, principal->expires_s, &arena));
	assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal), JWT_OK);

	jwt_story_set("{\"keys\":[" JWT_STORY_EC "]}", &set);
	snapshot_publish(snapshot, &set);
	assert_null(jwt_verifier_find(verifier, token, NOW, &arena));
	assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal),
			 JWT_UNKNOWN_KEY);
	assert_null(principal);
	assert_int_equal(wanted_keys, 1);
	jwt_verifier_free(verifier);
	snapshot_free(snapshot);
}

static void a_token_that_is_refused_is_not_remembered(void **state)
{
	struct snapshot *snapshot = snapshot_new(sizeof(struct jwk_set));
	struct jwt_verifier *verifier = verifier_of(snapshot);
	struct text token = jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}",
					   "{\"iss\":\"https://id.example\"}");
	const struct principal *principal;

	jwt_story_set(JWT_STORY_KEYS, &set);
	snapshot_publish(snapshot, &set);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(jwt_verifier_check(verifier, token, NOW, &arena, &principal),
				 JWT_AUDIENCE);
		assert_null(principal);
		assert_null(jwt_verifier_find(verifier, token, NOW, &arena));
	}
	jwt_verifier_free(verifier);
	snapshot_free(snapshot);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(a_copy_has_all_of_a_principal_and_nothing_of_its_memory),
		STORY(what_is_absent_stays_absent_in_a_copy),
		STORY(a_token_that_differs_in_any_byte_is_another),
		STORY(a_token_that_is_over_is_forgotten),
		STORY(the_one_that_was_used_least_recently_gives_way),
		STORY(any_number_of_tokens_takes_bounded_memory),
		STORY(without_keys_nothing_is_known_of_a_token),
		STORY(a_token_is_found_again_until_it_is_over_or_its_key_is_gone),
		STORY(a_token_that_is_refused_is_not_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
