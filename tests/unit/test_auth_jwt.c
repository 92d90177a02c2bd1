/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* Callers with JWTs: who is let in, and what a flood of forged ones costs the others. */
#include "base/clock.h"
#include "base/limits.h"
#include "http/auth/auth.h"
#include "jwt_story.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}"

static struct snapshot *keys;
static struct auth_failures *failures;
static struct auth *auth;
static struct arena arena;
static struct text address;
static int64_t now_us;
static unsigned wanted_keys;

static void on_unknown_key(void *arg)
{
	assert_null(arg);
	wanted_keys++;
}

static int setup(void **state)
{
	const struct gcra_rate three_a_minute = { 20 * INT64_C(1000000000),
						  60 * INT64_C(1000000000) };
	static struct jwt_verifier_settings jwt;
	struct auth_settings settings = { .mode = AUTH_REQUIRED, .jwt = &jwt };

	arena_init(&arena);
	keys = snapshot_new(sizeof(struct jwk_set));
	failures = auth_failures_new(three_a_minute);
	settings.failures = failures;
	jwt = (struct jwt_verifier_settings){ .policy = jwt_story_policy,
					      .keys = keys,
					      .on_unknown_key = on_unknown_key };
	auth = auth_new(&settings);
	address = TEXT("10.0.0.9");
	now_us = 1000000000;
	wanted_keys = 0;
	return 0;
}

static int teardown(void **state)
{
	auth_free(auth);
	auth_failures_free(failures);
	snapshot_free(keys);
	arena_fini(&arena);
	return 0;
}

static void keys_are_published(void)
{
	static struct jwk_set set;

	jwt_story_set(JWT_STORY_KEYS, &set);
	snapshot_publish(keys, &set);
}

static struct text token_of(const char *user)
{
	return jwt_story_sign(JWS_EDDSA, HEADER,
			      arena_printf(&arena,
					   "{\"iss\":\"https://id.example\",\"aud\":\"shop\","
					   "\"sub\":\"%s\",\"exp\":1700000600}",
					   user));
}

static struct auth_answer comes_with(const char *scheme, struct text token)
{
	static struct head head;
	const struct auth_asked asked = {
		.head = &head, .address = address, .now_us = now_us, .now_s = JWT_STORY_NOW_S
	};

	memset(&head, 0, sizeof(head));
	head_add(&head, TEXT("authorization"),
		 text_of(arena_printf(&arena, "%s%.*s", scheme, (int)token.len, token.ptr)));
	return authenticate(auth, &asked, &arena);
}

static struct text forged(void)
{
	return jwt_story_token(HEADER, jwt_story_claims, jwt_story_claims, 64);
}

static void a_good_token_is_its_user(void **state)
{
	struct auth_answer answer;

	keys_are_published();
	for (int i = 0; i < 2; i++) {
		answer = comes_with("bearer  ", token_of("ann"));
		assert_int_equal(answer.outcome, OUTCOME_OK);
		assert_string_equal(answer.principal->id.ptr, "jwt:https://id.example:ann");
		assert_string_equal(answer.principal->subject.ptr, "ann");
	}
	answer = comes_with("Bearer ", token_of("bob"));
	assert_string_equal(answer.principal->subject.ptr, "bob");
}

static void a_forged_token_is_401_and_the_reason_is_for_the_log(void **state)
{
	struct auth_answer answer;

	keys_are_published();
	answer = comes_with("Bearer ", forged());
	assert_int_equal(answer.outcome, OUTCOME_UNAUTHENTICATED);
	assert_string_equal(answer.kind, "jwt");
	assert_string_equal(answer.reason, "signature");
	assert_null(strstr(answer.detail, "signature"));
	answer = comes_with("Bearer ", jwt_story_sign(JWS_EDDSA,
						      "{\"alg\":\"EdDSA\","
						      "\"kid\":\"other\"}",
						      jwt_story_claims));
	assert_string_equal(answer.reason, "unknown-key");
	assert_int_equal(wanted_keys, 1);
}

static void before_there_are_keys_nothing_is_known_and_it_does_not_count_as_failed(void **state)
{
	for (int i = 0; i < 10; i++)
		assert_int_equal(comes_with("Bearer ", token_of("ann")).outcome,
				 OUTCOME_KEYS_UNKNOWN);
	keys_are_published();
	assert_int_equal(comes_with("Bearer ", token_of("ann")).outcome, OUTCOME_OK);
}

static void who_has_failed_too_often_is_let_in_only_with_what_was_verified_before(void **state)
{
	struct text ann = token_of("ann"), bob = token_of("bob");

	keys_are_published();
	assert_int_equal(comes_with("Bearer ", ann).outcome, OUTCOME_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(comes_with("Bearer ", forged()).outcome, OUTCOME_UNAUTHENTICATED);
	assert_int_equal(comes_with("Bearer ", forged()).outcome, OUTCOME_RATE_LIMITED);
	/* No signature is verified for it, a good one neither. */
	assert_int_equal(comes_with("Bearer ", bob).outcome, OUTCOME_RATE_LIMITED);
	assert_int_equal(comes_with("Bearer ", ann).outcome, OUTCOME_OK);
	/* Others are not concerned; later it may try again. */
	address = TEXT("10.0.0.8");
	assert_int_equal(comes_with("Bearer ", bob).outcome, OUTCOME_OK);
	address = TEXT("10.0.0.9");
	now_us += 61000000;
	assert_int_equal(comes_with("Bearer ", token_of("eve")).outcome, OUTCOME_OK);
}

/* 20 at once and 100 in a second, of all addresses that none has been let in from. */
static void forged_tokens_of_many_addresses_leave_room_for_who_was_let_in_before(void **state)
{
	struct text late = arena_text(&arena, token_of("eve"));
	char name[32];

	keys_are_published();
	assert_int_equal(comes_with("Bearer ", token_of("ann")).outcome, OUTCOME_OK);
	for (int i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "10.1.0.%d", i);
		address = text_of(name);
		assert_int_equal(comes_with("Bearer ", forged()).outcome,
				 i < AUTH_FORGED_AT_ONCE_MAX ? OUTCOME_UNAUTHENTICATED
							     : OUTCOME_RATE_LIMITED);
	}
	/* Somebody of whom nothing is known waits, for a hundredth of a second. */
	address = TEXT("10.0.0.8");
	assert_int_equal(comes_with("Bearer ", late).outcome, OUTCOME_RATE_LIMITED);
	assert_int_equal(comes_with("Bearer ", late).retry_after_us,
			 US_PER_S / AUTH_FORGED_PER_S_MAX);
	/* An address that was let in has its own limit only: for new tokens, and for bad ones. */
	address = TEXT("10.0.0.9");
	assert_int_equal(comes_with("Bearer ", token_of("bob")).outcome, OUTCOME_OK);
	assert_int_equal(comes_with("Bearer ", forged()).outcome, OUTCOME_UNAUTHENTICATED);
	address = TEXT("10.0.0.8");
	now_us += US_PER_S / AUTH_FORGED_PER_S_MAX;
	assert_int_equal(comes_with("Bearer ", late).outcome, OUTCOME_OK);
}

#define CLAIMS_BUT(aud, times) "{\"iss\":\"https://id.example\"" aud ",\"sub\":\"ann\"," times "}"
#define AUD ",\"aud\":\"shop\""
#define EXP "\"exp\":1700000600"

/* All clients of an issuer whose tokens ended in one night, too. */
static void what_is_refused_without_a_signature_is_not_counted_for_all(void **state)
{
	const struct text expired =
		jwt_story_sign(JWS_EDDSA, HEADER, CLAIMS_BUT(AUD, "\"exp\":1699999000"));
	const struct text tokens[] = { TEXT("e30.e30.e30"), arena_text(&arena, expired) };
	char name[32];

	keys_are_published();
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "10.1.0.%d", i);
		address = text_of(name);
		assert_int_equal(comes_with("Bearer ", tokens[i % 2]).outcome,
				 OUTCOME_UNAUTHENTICATED);
	}
	address = TEXT("10.0.0.8");
	assert_int_equal(comes_with("Bearer ", token_of("ann")).outcome, OUTCOME_OK);
}

/* Whatever is wrong with it, the client learns the same; the address pays for each. */
static void each_forged_token_is_the_same_401_and_tells_its_reason_to_the_log_alone(void **state)
{
	static const uint8_t zeros[64];
	static const char es[] = "{\"alg\":\"ES256\",\"kid\":\"ec\"}";
	const char *good = CLAIMS_BUT(AUD, EXP);
	struct text whole = jwt_story_sign(JWS_EDDSA, HEADER, good);
	struct text bits = arena_text(&arena, whole);
	const struct {
		const char *reason;
		struct text token;
	} rows[] = {
		{ "algorithm", jwt_story_token("{\"alg\":\"none\"}", good, zeros, 1) },
		{ "malformed", jwt_story_token("{\"alg\":\"none\"}", good, zeros, 0) },
		{ "algorithm", jwt_story_mac("{\"alg\":\"HS256\",\"kid\":\"rsa\"}", good,
					     JWT_STORY_RSA_N, strlen(JWT_STORY_RSA_N)) },
		{ "algorithm", jwt_story_mac("{\"alg\":\"HS256\"}", good, JWT_STORY_RSA,
					     strlen(JWT_STORY_RSA)) },
		{ "signature", jwt_story_token(es, good, zeros, 64) },
		{ "malformed", bits },
		{ "unknown-key",
		  jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"../../dev/null\"}",
				 good) },
		{ "unknown-key",
		  jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"' OR 1=1 --\"}", good) },
		{ "audience",
		  jwt_story_sign(JWS_EDDSA, HEADER, CLAIMS_BUT(",\"aud\":\"bank\"", EXP)) },
		{ "audience", jwt_story_sign(JWS_EDDSA, HEADER, CLAIMS_BUT("", EXP)) },
		{ "expired",
		  jwt_story_sign(JWS_EDDSA, HEADER, CLAIMS_BUT(AUD, "\"exp\":1699999000")) },
		{ "not-yet",
		  jwt_story_sign(JWS_EDDSA, HEADER, CLAIMS_BUT(AUD, EXP ",\"nbf\":1700000500")) },
	};

	/* The last of 86 characters has four bits to spare. */
	((char *)(uintptr_t)bits.ptr)[bits.len - 1]++;
	keys_are_published();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_answer answer;

		address = text_of(arena_printf(&arena, "10.1.0.%zu", i));
		answer = comes_with("Bearer ", rows[i].token);
		assert_int_equal(answer.outcome, OUTCOME_UNAUTHENTICATED);
		assert_string_equal(answer.detail, "The credential is not accepted");
		assert_string_equal(answer.reason, rows[i].reason);
		assert_null(answer.principal);
		assert_null(answer.key_id.ptr);
	}
}

static void a_good_token_that_is_shown_in_another_way_is_none(void **state)
{
	static const struct {
		const char *scheme;
		enum outcome outcome;
	} rows[] = {
		{ "Bearer ", OUTCOME_OK },
		{ "BEARER   ", OUTCOME_OK },
		{ "Bearer", OUTCOME_UNAUTHENTICATED },
		{ "Bearer\t", OUTCOME_BAD_REQUEST },
		{ "Bearer x ", OUTCOME_BAD_REQUEST },
		{ "Bearer \"", OUTCOME_BAD_REQUEST },
		{ "Bearer Bearer ", OUTCOME_BAD_REQUEST },
		{ "DPoP ", OUTCOME_UNAUTHENTICATED },
		{ "", OUTCOME_UNAUTHENTICATED },
	};
	struct text token = token_of("ann");

	keys_are_published();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		address = text_of(arena_printf(&arena, "10.1.0.%zu", i));
		if (comes_with(rows[i].scheme, token).outcome != rows[i].outcome)
			fail_msg("\"%s\"", rows[i].scheme);
	}
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(a_good_token_is_its_user),
		STORY(a_forged_token_is_401_and_the_reason_is_for_the_log),
		STORY(each_forged_token_is_the_same_401_and_tells_its_reason_to_the_log_alone),
		STORY(a_good_token_that_is_shown_in_another_way_is_none),
		STORY(before_there_are_keys_nothing_is_known_and_it_does_not_count_as_failed),
		STORY(who_has_failed_too_often_is_let_in_only_with_what_was_verified_before),
		STORY(forged_tokens_of_many_addresses_leave_room_for_who_was_let_in_before),
		STORY(what_is_refused_without_a_signature_is_not_counted_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
