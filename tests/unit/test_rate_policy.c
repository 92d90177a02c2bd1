/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits as they are written. */
#include "base/rate_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct rate_policies policies;
static char error[256];

static int setup(void **state)
{
	arena_init(&arena);
	memset(&policies, 0, sizeof(policies));
	error[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	arena_fini(&arena);
	return 0;
}

static bool add(const char *text)
{
	return rate_policies_add(&policies, text, &arena, error, sizeof(error));
}

static void a_policy_says_whom_how_often_and_how_many_at_once(void **state)
{
	const struct rate_policy *policy = policies.items;

	assert_true(add("user 100/s burst 200"));
	assert_string_equal(policy->name, "user");
	assert_true(policy->per_user && !policy->per_caller && !policy->operation);
	assert_int_equal(policy->rate.unit_ns, 10000000);
	assert_int_equal(policy->rate.burst_ns, 2000000000);
	assert_int_equal(policy->burst, 200);
	assert_string_equal(policy->header, "\"user\";q=200;w=2");

	policy++;
	assert_true(add(" caller\t1000/m name everybody "));
	assert_string_equal(policy->name, "everybody");
	assert_true(policy->per_caller && !policy->per_user);
	assert_int_equal(policy->rate.unit_ns, 60000000);
	assert_int_equal(policy->burst, 1000);
	assert_string_equal(policy->header, "\"everybody\";q=1000;w=60");

	policy++;
	assert_true(add("operation place_order 50/s burst 10"));
	assert_string_equal(policy->operation, "place_order");
	assert_string_equal(policy->name, "place_order");
	assert_false(policy->per_caller || policy->per_user);
	assert_string_equal(policy->header, "\"place_order\";q=10;w=1");

	policy++;
	assert_true(add("operation place_order caller user 5/h"));
	assert_string_equal(policy->name, "place_order/caller/user");
	assert_string_equal(policy->header, "\"place_order/caller/user\";q=5;w=3600");
}

static void a_unit_is_rounded_up_so_that_nobody_gets_more(void **state)
{
	assert_true(add("user 3/s"));
	assert_int_equal(policies.items[0].rate.unit_ns, 333333334);
	assert_int_equal(policies.items[0].rate.burst_ns, 1000000002);
}

static void a_changed_policy_is_another_one(void **state)
{
	uint64_t hash;

	assert_true(add("user 5/s"));
	hash = policies.items[0].hash;
	policies.count = 0;
	assert_true(add("user  5/s burst 5"));
	assert_true(policies.items[0].hash == hash);
	policies.count = 0;
	assert_true(add("user 5/s burst 6"));
	assert_true(policies.items[0].hash != hash);
	policies.count = 0;
	assert_true(add("caller 5/s"));
	assert_true(policies.items[0].hash != hash);
}

static void what_is_wrong_is_said(void **state)
{
#define FORM "[operation NAME] [caller] [user] N/s|m|h|d [burst N] [name NAME]"
	static const struct {
		const char *text, *error;
	} stories[] = {
		{ "", "a rate is missing: " FORM },
		{ "user", "a rate is missing: " FORM },
		{ "5/s", "it is not said whose rate: " FORM },
		{ "usr 5/s", "\"usr\" where a rate belongs: " FORM },
		{ "user user 5/s", "\"user\" where a rate belongs: " FORM },
		{ "operation Place 5/s", "\"Place\" is no name of an operation" },
		{ "operation 5/s", "\"5/s\" is no name of an operation" },
		{ "user 0/s", "\"0/s\" is no rate: N/s, N/m, N/h or N/d, N from 1 to 1000000" },
		{ "user 1000001/s",
		  "\"1000001/s\" is no rate: N/s, N/m, N/h or N/d, N from 1 to 1000000" },
		{ "user 5", "\"5\" is no rate: N/s, N/m, N/h or N/d, N from 1 to 1000000" },
		{ "user 5/sec", "\"5/sec\" is no rate: N/s, N/m, N/h or N/d, N from 1 to 1000000" },
		{ "user 5/w", "\"5/w\": a rate is per s, m, h or d" },
		{ "user 5/s burst", "burst wants a number from 1 to 1000000, not \"\"" },
		{ "user 5/s burst 0", "burst wants a number from 1 to 1000000, not \"0\"" },
		{ "user 5/s burst 5x", "burst wants a number from 1 to 1000000, not \"5x\"" },
		{ "user 5/s name a\"b", "\"a\"b\" is no name: 1 to 63 of A-Z a-z 0-9 _ - . : /" },
		{ "user 5/s 6/s", "\"6/s\" does not belong behind the rate: " FORM },
		{ "user 5/s burst 5 burst 6", "\"burst\" does not belong behind the rate: " FORM },
		{ "user 1/d burst 367", "the burst takes more than 366 days to grow back" },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		assert_false(add(stories[i].text));
		assert_string_equal(error, stories[i].error);
	}
	assert_int_equal(policies.count, 0);
}

static void there_are_so_many_and_no_two_of_a_name(void **state)
{
	char text[32];

	assert_true(add("user 5/s"));
	assert_false(add("caller 6/s name user"));
	assert_string_equal(error, "the name \"user\" is taken by \"user 5/s\"");
	for (unsigned i = 1; i < RATE_POLICIES_MAX; i++) {
		snprintf(text, sizeof(text), "user 5/s name p%u", i);
		assert_true(add(text));
	}
	assert_false(add("caller 5/s"));
	assert_string_equal(error, "more than 16 of them");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_policy_says_whom_how_often_and_how_many_at_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_unit_is_rounded_up_so_that_nobody_gets_more,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_changed_policy_is_another_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(there_are_so_many_and_no_two_of_a_name, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
