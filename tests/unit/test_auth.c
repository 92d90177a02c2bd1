/* SPDX-License-Identifier: Apache-2.0 */
/* links: key_story.c */
/* Who calls, by the head of a request; and what that caller may. */
#include "base/limits.h"
#include "catalog/permit.h"
#include "http/auth/acts_for.h"
#include "http/auth/auth.h"
#include "http/auth/credential.h"
#include "http/auth/key_store.h"
#include "http/auth/key_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "key_story.h"

#define NOW_S 1800000000 /* 2027-01-15T08:00:00Z */
#define US_OF_S(s) ((s)*INT64_C(1000000))
#define A_JWT "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"

static struct key_store *store;
static struct auth_failures *failures;
static struct auth *auth;
static struct arena arena;
static int64_t now_us;

static int begin(void **state)
{
	const struct gcra_rate three_a_minute = { 20 * INT64_C(1000000000),
						  60 * INT64_C(1000000000) };

	store = key_store_new();
	failures = auth_failures_new(three_a_minute);
	auth = NULL;
	arena_init(&arena);
	now_us = US_OF_S(1000);
	return 0;
}

static int end(void **state)
{
	arena_fini(&arena);
	if (auth)
		auth_free(auth);
	auth_failures_free(failures);
	key_store_free(store);
	return 0;
}

static void service_asks(enum auth_mode mode)
{
	const struct auth_settings settings = {
		.mode = mode,
		.keyring = key_store_snapshot(store),
		.failures = failures,
	};

	if (auth)
		auth_free(auth);
	auth = auth_new(&settings);
}

/* The database has it: key "web" of that id, with more attributes. */
static void database_has(const char *id, uint8_t secret, const char *more)
{
	struct buf line;
	struct text text;

	buf_init(&line);
	key_story_add_line(&line, key_story_text(id, secret), "web", more);
	text = (struct text){ line.ptr, line.len };
	key_store_tell(store, KEYRING_IN_USE, now_us, &text);
	buf_fini(&line);
}

static void database_says(enum keyring_state state)
{
	const struct text none = TEXT("");

	key_store_tell(store, state, now_us, &none);
}

/* A head of those headers, "name: value", up to NULL. */
static void head_of(struct head *head, const char *const *headers)
{
	memset(head, 0, sizeof(*head));
	for (; *headers; headers++) {
		const char *colon = strstr(*headers, ": ");

		head_add(head, (struct text){ *headers, (size_t)(colon - *headers) },
			 text_of(colon + 2));
	}
}

static struct auth_answer caller_comes(const char *const *headers,
				       const struct peer_credential *peer, const char *address)
{
	static struct head head;
	const struct auth_asked asked = {
		.head = &head,
		.peer = peer,
		.address = text_of(address),
		.now_us = now_us,
		.now_s = NOW_S,
	};

	head_of(&head, headers);
	return authenticate(auth, &asked, &arena);
}

static struct auth_answer caller_shows(const char *authorization)
{
	char line[KEY_TEXT_BYTES_MAX + 300];

	snprintf(line, sizeof(line), "authorization: %s", authorization);
	return caller_comes((const char *const[]){ line, NULL }, NULL, "10.0.0.9");
}

static struct auth_answer caller_shows_key(const char *id, uint8_t secret)
{
	char line[KEY_TEXT_BYTES_MAX + 10];

	snprintf(line, sizeof(line), "Bearer %s", key_story_text(id, secret));
	return caller_shows(line);
}

static struct auth_answer caller_shows_nothing(void)
{
	return caller_comes((const char *const[]){ NULL }, NULL, "10.0.0.9");
}

/* --- is a credential wanted? ------------------------------------------------------------------ */

static void without_a_credential_one_is_open_anonymous_or_unknown(void **state)
{
	static const struct {
		enum auth_mode mode;
		enum keyring_state keys;
		enum outcome outcome;
		enum principal_kind kind;
	} stories[] = {
		{ AUTH_BY_KEYS, KEYRING_NEVER, OUTCOME_OK, PRINCIPAL_OPEN },
		{ AUTH_BY_KEYS, KEYRING_UNMIGRATED, OUTCOME_OK, PRINCIPAL_OPEN },
		{ AUTH_BY_KEYS, KEYRING_IN_USE, OUTCOME_OK, PRINCIPAL_ANONYMOUS },
		{ AUTH_BY_KEYS, KEYRING_UNKNOWN, OUTCOME_KEYS_UNKNOWN, 0 },
		{ AUTH_REQUIRED, KEYRING_NEVER, OUTCOME_OK, PRINCIPAL_ANONYMOUS },
		{ AUTH_REQUIRED, KEYRING_UNMIGRATED, OUTCOME_OK, PRINCIPAL_ANONYMOUS },
		{ AUTH_REQUIRED, KEYRING_IN_USE, OUTCOME_OK, PRINCIPAL_ANONYMOUS },
		{ AUTH_REQUIRED, KEYRING_UNKNOWN, OUTCOME_OK, PRINCIPAL_ANONYMOUS },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct auth_answer answer;

		end(state);
		begin(state);
		service_asks(stories[i].mode);
		if (stories[i].keys != KEYRING_UNKNOWN)
			database_says(stories[i].keys);
		answer = caller_shows_nothing();
		assert_int_equal(answer.outcome, stories[i].outcome);
		if (answer.outcome == OUTCOME_OK)
			assert_int_equal(answer.principal->kind, stories[i].kind);
		assert_int_equal(auth_is_open(auth),
				 answer.outcome == OUTCOME_OK && stories[i].kind == PRINCIPAL_OPEN);
	}
}

static void the_first_key_closes_the_service_for_good(void **state)
{
	service_asks(AUTH_BY_KEYS);
	database_says(KEYRING_NEVER);
	assert_int_equal(caller_shows_nothing().principal->kind, PRINCIPAL_OPEN);
	assert_int_equal(caller_shows_key("k1", 1).principal->kind, PRINCIPAL_OPEN);

	database_has("k1", 1, "revoked=2026-01-01T00:00:00Z");
	assert_int_equal(caller_shows_nothing().principal->kind, PRINCIPAL_ANONYMOUS);
	database_says(KEYRING_NEVER);
	assert_int_equal(caller_shows_nothing().principal->kind, PRINCIPAL_ANONYMOUS);
}

/* --- API keys --------------------------------------------------------------------------------- */

static void a_key_is_who_it_says(void **state)
{
	struct auth_answer answer;

	service_asks(AUTH_REQUIRED);
	database_has("k1", 1, "roles=app,support acts-for=any");
	answer = caller_shows_key("k1", 1);
	database_says(KEYRING_IN_USE); /* the keyring that it was found in is gone */

	assert_int_equal(answer.outcome, OUTCOME_OK);
	assert_int_equal(answer.principal->kind, PRINCIPAL_KEY);
	assert_int_equal(answer.principal->acts_for, ACTS_FOR_ANY);
	assert_true(text_is(answer.principal->id, "key:k1"));
	assert_true(text_is(answer.principal->subject, "web"));
	assert_true(principal_has_role(answer.principal, TEXT("support")));
	assert_false(principal_has_role(answer.principal, TEXT("app,support")));
}

static void a_key_that_does_not_count_is_401_whatever_is_wrong(void **state)
{
	static const struct {
		const char *more;
		const char *shown_id;
		uint8_t shown_secret;
		const char *reason;
	} stories[] = {
		{ "", "k2", 1, "unknown" },
		{ "", "k1", 2, "wrong-secret" },
		{ "revoked=2026-01-01T00:00:00Z", "k1", 1, "revoked" },
		{ "expires=2027-01-15T08:00:00Z", "k1", 1, "expired" },
	};
	const char *detail = NULL;

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct auth_answer answer;

		end(state);
		begin(state);
		service_asks(AUTH_REQUIRED);
		database_has("k1", 1, stories[i].more);
		answer = caller_shows_key(stories[i].shown_id, stories[i].shown_secret);
		assert_int_equal(answer.outcome, OUTCOME_UNAUTHENTICATED);
		assert_string_equal(answer.reason, stories[i].reason);
		assert_string_equal(answer.kind, "key");
		if (detail)
			assert_string_equal(answer.detail, detail);
		detail = answer.detail;
	}
}

static void while_the_keys_are_not_known_a_key_is_503(void **state)
{
	service_asks(AUTH_REQUIRED);
	assert_int_equal(caller_shows_key("k1", 1).outcome, OUTCOME_KEYS_UNKNOWN);
	assert_int_equal(caller_shows("Bearer cq_none").outcome, OUTCOME_UNAUTHENTICATED);
}

/* --- tricks ----------------------------------------------------------------------------------- */

static void the_header_is_read_in_one_way_only(void **state)
{
	static const struct {
		const char *form; /* %s: a good key */
		enum outcome outcome;
	} stories[] = {
		{ "Bearer %s", OUTCOME_OK },
		{ "bearer %s", OUTCOME_OK },
		{ "BEARER    %s", OUTCOME_OK },
		{ "Bearer\t%s", OUTCOME_BAD_REQUEST },
		{ "Bearer%s", OUTCOME_UNAUTHENTICATED },
		{ "Bearer", OUTCOME_BAD_REQUEST },
		{ "Bearer ", OUTCOME_BAD_REQUEST },
		{ "Bearer %s x", OUTCOME_BAD_REQUEST },
		{ "Bearer %s, Bearer %s", OUTCOME_BAD_REQUEST },
		{ "Bearer %s,%s", OUTCOME_BAD_REQUEST },
		{ "Bearer \"%s\"", OUTCOME_BAD_REQUEST },
		{ "Bearer token=%s", OUTCOME_UNAUTHENTICATED },
		{ "Bearer %s=", OUTCOME_UNAUTHENTICATED },
		{ "Basic %s", OUTCOME_UNAUTHENTICATED },
		{ "%s", OUTCOME_UNAUTHENTICATED },
		{ "", OUTCOME_UNAUTHENTICATED },
		{ "Bearer " A_JWT, OUTCOME_UNAUTHENTICATED },
		{ "Bearer " A_JWT ", Bearer " A_JWT, OUTCOME_BAD_REQUEST },
		{ "Bearer " A_JWT " x", OUTCOME_BAD_REQUEST },
		{ "Bearer " A_JWT "\"", OUTCOME_BAD_REQUEST },
		{ "Bearer cq_ %s", OUTCOME_BAD_REQUEST },
		{ "Bearer %s\t", OUTCOME_BAD_REQUEST },
		{ "Bearer abc", OUTCOME_UNAUTHENTICATED },
		{ "Bearer abc def", OUTCOME_BAD_REQUEST },
		{ "Bearer \xc3\xa4", OUTCOME_BAD_REQUEST },
	};
	char key[KEY_TEXT_BYTES_MAX + 1], line[3 * KEY_TEXT_BYTES_MAX];

	snprintf(key, sizeof(key), "%s", key_story_text("k1", 1));
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		end(state);
		begin(state);
		service_asks(AUTH_REQUIRED);
		database_has("k1", 1, "");
		snprintf(line, sizeof(line), stories[i].form, key, key);
		if (caller_shows(line).outcome != stories[i].outcome)
			fail_msg("\"%s\": %d", stories[i].form, caller_shows(line).outcome);
	}
}

static void two_credentials_are_400_even_if_both_are_good(void **state)
{
	const struct principal cron = { .kind = PRINCIPAL_PEER, .id = TEXT("peer:cron") };
	const struct peer_credential peer = { &cron }, proxy = { NULL };
	const char *const one[] = { "Authorization: Bearer x", NULL };
	const char *const two[] = { "Authorization: Bearer x", "authorization: Bearer x", NULL };
	const char *const none[] = { NULL };

	service_asks(AUTH_REQUIRED);
	assert_int_equal(caller_comes(two, NULL, "a").outcome, OUTCOME_BAD_REQUEST);
	assert_int_equal(caller_comes(one, &peer, "a").outcome, OUTCOME_BAD_REQUEST);
	assert_ptr_equal(caller_comes(none, &peer, "a").principal, &cron);
	/* A proxy is transport. */
	assert_int_equal(caller_comes(one, &proxy, "a").outcome, OUTCOME_UNAUTHENTICATED);
	assert_int_equal(caller_comes(none, &proxy, "a").principal->kind, PRINCIPAL_ANONYMOUS);
}

static void a_credential_in_the_query_string_is_found(void **state)
{
	char key[KEY_TEXT_BYTES_MAX + 1];
	struct pair pairs[] = { { TEXT("id"), TEXT("7") }, { TEXT("q"), TEXT("cq_like") } };

	snprintf(key, sizeof(key), "%s", key_story_text("k1", 1));
	assert_false(credential_in_query(pairs, 2));
	pairs[1].value = TEXT("eyJust.some.words");
	assert_false(credential_in_query(pairs, 2));
	pairs[1].value = text_of(key);
	assert_true(credential_in_query(pairs, 2));
	pairs[1].value = TEXT(A_JWT);
	assert_true(credential_in_query(pairs, 2));
	pairs[1] = (struct pair){ TEXT("access_token"), TEXT("") };
	assert_true(credential_in_query(pairs, 2));
}

/* --- many failures ---------------------------------------------------------------------------- */

static void an_address_fails_so_often_and_then_is_429_until_it_paused(void **state)
{
	const char *const bad[] = { "Authorization: Bearer " A_JWT, NULL };
	struct auth_answer answer;

	service_asks(AUTH_REQUIRED);
	database_has("k1", 1, "");
	for (int i = 0; i < 3; i++)
		assert_int_equal(caller_comes(bad, NULL, "10.0.0.9").outcome,
				 OUTCOME_UNAUTHENTICATED);
	answer = caller_comes(bad, NULL, "10.0.0.9");
	assert_int_equal(answer.outcome, OUTCOME_RATE_LIMITED);
	assert_int_equal(answer.retry_after_us, US_OF_S(20));
	assert_string_equal(answer.reason, "limited");

	/* Others, a good key of the same address, and one who sends none are not affected. */
	assert_int_equal(caller_comes(bad, NULL, "10.0.0.8").outcome, OUTCOME_UNAUTHENTICATED);
	assert_int_equal(caller_shows_key("k1", 1).outcome, OUTCOME_OK);
	assert_int_equal(caller_shows_nothing().outcome, OUTCOME_OK);

	now_us += US_OF_S(20);
	assert_int_equal(caller_comes(bad, NULL, "10.0.0.9").outcome, OUTCOME_UNAUTHENTICATED);
	assert_int_equal(caller_comes(bad, NULL, "10.0.0.9").outcome, OUTCOME_RATE_LIMITED);
}

static void clients_whose_address_is_not_known_do_not_pay_for_each_other(void **state)
{
	const char *const bad[] = { "Authorization: Bearer " A_JWT, NULL };

	service_asks(AUTH_REQUIRED);
	for (int i = 0; i < 10; i++)
		assert_int_equal(caller_comes(bad, NULL, NULL).outcome, OUTCOME_UNAUTHENTICATED);
}

/* --- what they may ---------------------------------------------------------------------------- */

static const struct text roles_of_clerk[] = { { "clerk", 5 }, { "app", 3 } };

static const struct {
	const char *name;
	struct principal principal;
} callers[] = {
	{ "open", { .kind = PRINCIPAL_OPEN, .acts_for = ACTS_FOR_ANY } },
	{ "anonymous", { .kind = PRINCIPAL_ANONYMOUS, .acts_for = ACTS_FOR_NONE } },
	{ "key", { .kind = PRINCIPAL_KEY, .acts_for = ACTS_FOR_ANY, .subject = { "web", 3 } } },
	{ "clerk", { .kind = PRINCIPAL_KEY, .roles = roles_of_clerk, .roles_count = 2 } },
	{ "jwt",
	  { .kind = PRINCIPAL_JWT,
	    .acts_for = ACTS_FOR_SELF,
	    .subject = { "ann", 3 },
	    .scope = { "https://a", 9 } } },
	{ "peer",
	  { .kind = PRINCIPAL_PEER,
	    .acts_for = ACTS_FOR_ANY,
	    .roles = roles_of_clerk,
	    .roles_count = 1 } },
};

#define CALLERS (sizeof(callers) / sizeof(callers[0]))

static void each_caller_may_call_what_its_kind_and_roles_allow(void **state)
{
	static const struct {
		enum access access;
		const char *role;             /* NULL: none is wanted */
		enum permit permits[CALLERS]; /* in the order of callers */
	} stories[] = {
		{ ACCESS_PUBLIC, NULL, { 0, 0, 0, 0, 0, 0 } },
		{ ACCESS_PRINCIPALS, NULL, { 0, PERMIT_ANONYMOUS, 0, 0, 0, 0 } },
		{ ACCESS_PRINCIPALS,
		  "clerk",
		  { PERMIT_ROLES, PERMIT_ANONYMOUS, PERMIT_ROLES, 0, PERMIT_ROLES, 0 } },
		{ ACCESS_PRINCIPALS,
		  "cler",
		  { PERMIT_ROLES, PERMIT_ANONYMOUS, PERMIT_ROLES, PERMIT_ROLES, PERMIT_ROLES,
		    PERMIT_ROLES } },
		{ ACCESS_INTERNAL,
		  NULL,
		  { PERMIT_INTERNAL, PERMIT_ANONYMOUS, PERMIT_INTERNAL, PERMIT_INTERNAL,
		    PERMIT_INTERNAL, 0 } },
		{ ACCESS_INTERNAL,
		  "app",
		  { PERMIT_INTERNAL, PERMIT_ANONYMOUS, PERMIT_INTERNAL, PERMIT_INTERNAL,
		    PERMIT_INTERNAL, PERMIT_ROLES } },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct text roles[] = { TEXT("boss"), text_of(stories[i].role) };
		const struct operation operation = { .access = stories[i].access,
						     .roles = roles,
						     .roles_count = stories[i].role ? 2 : 0 };

		for (size_t who = 0; who < CALLERS; who++)
			if (operation_permit(&operation, &callers[who].principal) !=
			    stories[i].permits[who])
				fail_msg("story %zu, %s", i, callers[who].name);
	}
}

static void each_caller_acts_for_whom_it_may(void **state)
{
	static const struct {
		const char *header;         /* NULL: absent */
		const char *users[CALLERS]; /* "!": refused, NULL: none */
	} stories[] = {
		{ NULL, { NULL, NULL, NULL, NULL, "ann", NULL } },
		{ "ann", { "ann", "!", "ann", "!", "ann", "ann" } },
		{ "bob", { "bob", "!", "bob", "!", "!", "bob" } },
		{ "Ann", { "Ann", "!", "Ann", "!", "!", "Ann" } },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		for (size_t who = 0; who < CALLERS; who++) {
			const char *wanted = stories[i].users[who];
			struct text user;
			bool may = acts_for_user(&callers[who].principal,
						 text_of(stories[i].header), &user);

			if (may != !(wanted && *wanted == '!'))
				fail_msg("story %zu, %s", i, callers[who].name);
			if (may && !text_equal(user, text_of(wanted)))
				fail_msg("story %zu, %s: another user", i, callers[who].name);
		}
}

static void users_of_two_issuers_are_two_users(void **state)
{
	const struct principal key = { .kind = PRINCIPAL_KEY, .scope = TEXT("") };
	const struct principal a = { .kind = PRINCIPAL_JWT, .scope = TEXT("https://a") };
	const struct principal b = { .kind = PRINCIPAL_JWT, .scope = TEXT("https://b") };
	struct text of_key = acts_for_key(&key, TEXT("ann"), &arena);
	struct text of_a = acts_for_key(&a, TEXT("ann"), &arena);
	struct text of_b = acts_for_key(&b, TEXT("ann"), &arena);

	assert_true(text_is(of_key, "ann"));
	assert_false(text_equal(of_a, of_b));
	assert_false(text_equal(of_a, of_key));
	assert_false(text_equal(of_b, of_key));
	assert_null(acts_for_key(&a, (struct text){ NULL, 0 }, &arena).ptr);
}

static void roles_are_found_in_a_list_as_whole_words(void **state)
{
	const struct principal *clerk = &callers[3].principal;

	assert_true(principal_has_role_of(clerk, "app"));
	assert_true(principal_has_role_of(clerk, "boss , clerk"));
	assert_false(principal_has_role_of(clerk, "ap, clerks,lerk"));
	assert_false(principal_has_role_of(clerk, " , "));
	assert_false(principal_has_role_of(&callers[0].principal, "app"));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		STORY(without_a_credential_one_is_open_anonymous_or_unknown),
		STORY(the_first_key_closes_the_service_for_good),
		STORY(a_key_is_who_it_says),
		STORY(a_key_that_does_not_count_is_401_whatever_is_wrong),
		STORY(while_the_keys_are_not_known_a_key_is_503),
		STORY(the_header_is_read_in_one_way_only),
		STORY(two_credentials_are_400_even_if_both_are_good),
		STORY(a_credential_in_the_query_string_is_found),
		STORY(an_address_fails_so_often_and_then_is_429_until_it_paused),
		STORY(clients_whose_address_is_not_known_do_not_pay_for_each_other),
		STORY(each_caller_may_call_what_its_kind_and_roles_allow),
		STORY(each_caller_acts_for_whom_it_may),
		STORY(users_of_two_issuers_are_two_users),
		STORY(roles_are_found_in_a_list_as_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
