/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Who is refused by a rate limit, what they are told, and who pays. */
#include "router/ratelimit.h"
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

static struct arena arena;
static struct scene scene;

static int setup(void **state)
{
	arena_init(&arena);
	scene_init(&scene);
	scene.options.rate_limit_headers = 1;
	return 0;
}

static int teardown(void **state)
{
	scene_fini(&scene);
	arena_fini(&arena);
	return 0;
}

static void limit(struct options *options, const char *policy)
{
	char error[256];

	if (!rate_policies_add(&options->rate_limits, policy, &arena, error, sizeof(error)))
		fail_msg("%s", error);
}

/* A refusal leaves nothing behind; what is let through is at a node, and taken back from there. */
static enum outcome ask_as(struct asked *asked, const char *operation, const char *user,
			   const char *caller)
{
	bool command = !strcmp(operation, "place") || !strcmp(operation, "bulk");

	scene_ask(&scene, asked, command ? REQUEST_COMMAND : REQUEST_QUERY, operation, user);
	asked->request->caller = text_of(caller);
	scene_take(&scene, asked);
	if (asked->done)
		return asked->request->outcome;
	asked->request->on_client_gone(asked->request);
	if (!asked->done)
		fail_msg("%s is on its way", operation);
	return OUTCOME_OK;
}

static enum outcome ask(const char *operation, const char *user)
{
	struct asked asked;
	enum outcome outcome = ask_as(&asked, operation, user, "10.0.0.1");

	asked_free(&asked);
	return outcome;
}

static void ask_times(unsigned times, const char *operation, const char *user)
{
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(ask(operation, user), OUTCOME_OK);
}

static void who_asks_too_often_is_refused_and_told_until_when(void **state)
{
	struct asked asked;

	limit(&scene.options, "user 2/s burst 3");
	ask_times(3, "orders", "ann");

	assert_int_equal(ask_as(&asked, "orders", "ann", "10.0.0.1"), OUTCOME_RATE_LIMITED);
	assert_string_equal(asked.request->detail, "the rate limit \"user\" is reached");
	assert_int_equal(asked.request->retry_after_us, 500 * US_PER_MS);
	assert_null(fake_call(1, CALL_QUERY));
	assert_null(fake_call(2, CALL_QUERY));
	assert_true(metrics_sum(METRIC_ratelimited_total) == 1);
	asked_free(&asked);

	scene_pass(&scene, 500 * US_PER_MS - 1);
	assert_int_equal(ask("orders", "ann"), OUTCOME_RATE_LIMITED);
	scene_pass(&scene, 1);
	assert_int_equal(ask("orders", "ann"), OUTCOME_OK);
	assert_int_equal(ask("orders", "ann"), OUTCOME_RATE_LIMITED);
}

static void what_is_left_is_told_on_every_reply(void **state)
{
	struct asked asked;

	limit(&scene.options, "user 1/s burst 3");
	limit(&scene.options, "operation place 1/s");
	assert_int_equal(ask_as(&asked, "orders", "ann", "10.0.0.1"), OUTCOME_OK);
	assert_int_equal(asked.request->rates_count, 1);
	assert_string_equal(asked.request->rates[0].policy->name, "user");
	assert_int_equal(asked.request->rates[0].left, 2);
	assert_int_equal(asked.request->rates[0].next_s, 1);
	asked_free(&asked);

	ask_times(2, "orders", "ann");
	assert_int_equal(ask_as(&asked, "orders", "ann", "10.0.0.1"), OUTCOME_RATE_LIMITED);
	assert_int_equal(asked.request->rates_count, 1);
	assert_int_equal(asked.request->rates[0].left, 0);
	asked_free(&asked);

	scene.options.rate_limit_headers = 0;
	assert_int_equal(ask_as(&asked, "orders", "bob", "10.0.0.1"), OUTCOME_OK);
	assert_int_equal(asked.request->rates_count, 0);
	asked_free(&asked);
}

static void users_callers_and_operations_have_buckets_of_their_own(void **state)
{
	struct asked asked;

	limit(&scene.options, "user 1/s");
	ask_times(1, "orders", "ann");
	ask_times(1, "orders", "bob");
	assert_int_equal(ask("fresh", "ann"), OUTCOME_RATE_LIMITED);

	scene.options.rate_limits.count = 0;
	limit(&scene.options, "caller 1/s");
	ask_times(1, "orders", "ann");
	assert_int_equal(ask("orders", "bob"), OUTCOME_RATE_LIMITED);
	assert_int_equal(ask_as(&asked, "orders", "bob", "10.0.0.2"), OUTCOME_OK);
	asked_free(&asked);

	scene.options.rate_limits.count = 0;
	limit(&scene.options, "operation orders 1/s");
	ask_times(1, "orders", "ann");
	assert_int_equal(ask("orders", "bob"), OUTCOME_RATE_LIMITED);
	ask_times(2, "fresh", "bob");

	scene.options.rate_limits.count = 0;
	limit(&scene.options, "operation orders user 1/s");
	ask_times(1, "orders", "ann");
	ask_times(1, "orders", "bob");
	assert_int_equal(ask("orders", "bob"), OUTCOME_RATE_LIMITED);
}

/* Else leaving the header out would be the way around the limit. */
static void who_sends_no_user_shares_a_bucket_with_the_others_of_the_caller(void **state)
{
	static const char *const policies[] = { "user 1/s", "operation orders user 1/s",
						"caller user 1/s" };

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct asked asked;

		scene.options.rate_limits.count = 0;
		limit(&scene.options, policies[i]);
		ask_times(1, "orders", NULL);
		assert_int_equal(ask("orders", NULL), OUTCOME_RATE_LIMITED);
		assert_int_equal(ask_as(&asked, "orders", NULL, "10.0.0.2"), OUTCOME_OK);
		asked_free(&asked);
		/* It is nobody's bucket, not that of a user called like the caller. */
		ask_times(1, "orders", "10.0.0.1");
		ask_times(1, "orders", "ann");
	}
}

static void whoever_tries_names_is_counted_but_by_no_operation(void **state)
{
	struct asked asked;

	limit(&scene.options, "user 1/s burst 3");
	limit(&scene.options, "caller 1/s burst 5");
	limit(&scene.options, "operation orders 1/s");
	limit(&scene.options, "operation orders user 1/s");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ask_as(&asked, i ? "order_" : "nonsense", "ann", "10.0.0.1"),
				 OUTCOME_UNKNOWN_OPERATION);
		assert_string_equal(asked.request->detail,
				    i ? "there is no such query; did you mean \"order\"?"
				      : "there is no such query");
		assert_int_equal(asked.request->rates_count, 2);
		assert_int_equal(asked.request->rates[0].left, 2 - i);
		asked_free(&asked);
	}

	assert_int_equal(ask_as(&asked, "order_", "ann", "10.0.0.1"), OUTCOME_RATE_LIMITED);
	assert_string_equal(asked.request->detail, "the rate limit \"user\" is reached");
	assert_int_equal(asked.request->retry_after_us, US_PER_S);
	asked_free(&asked);
	assert_int_equal(ask("orders", "ann"), OUTCOME_RATE_LIMITED);
	ask_times(1, "orders", "bob");
	assert_int_equal(ask("nonsense", NULL), OUTCOME_UNKNOWN_OPERATION);
	assert_int_equal(ask("nonsense", NULL), OUTCOME_RATE_LIMITED);
}

static void what_one_policy_refuses_costs_nothing_at_the_others(void **state)
{
	limit(&scene.options, "caller 5/s");
	limit(&scene.options, "user 1/s");
	ask_times(1, "orders", "ann");
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(ask("orders", "ann"), OUTCOME_RATE_LIMITED);
	ask_times(1, "orders", "bob");
	ask_times(1, "orders", "cid");
	ask_times(1, "orders", NULL);
	ask_times(1, "orders", "dan");
	assert_int_equal(ask("orders", "eve"), OUTCOME_RATE_LIMITED);
}

static void a_dear_operation_takes_more(void **state)
{
	limit(&scene.options, "user 1/s burst 7");
	ask_times(1, "bulk", "ann");
	assert_int_equal(ask("bulk", "ann"), OUTCOME_RATE_LIMITED);
	ask_times(2, "place", "ann");
	assert_int_equal(ask("place", "ann"), OUTCOME_RATE_LIMITED);
}

static void a_cost_above_the_burst_is_a_bad_request(void **state)
{
	struct asked asked;

	limit(&scene.options, "user 9/s burst 4");
	assert_int_equal(ask_as(&asked, "bulk", "ann", "10.0.0.1"), OUTCOME_BAD_REQUEST);
	assert_string_equal(asked.request->detail,
			    "bulk costs 5, more than the burst of 4 of the rate limit \"user\": it "
			    "can never pass");
	asked_free(&asked);
	ask_times(4, "place", "ann");
}

/* Do they fit the catalog, and what is said of them? */
static void check(bool fit, const char *says)
{
	struct buf lines;

	buf_init(&lines);
	assert_int_equal(ratelimit_check(&scene.options.rate_limits, scene.catalog, &lines), fit);
	buf_byte(&lines, '\0');
	assert_string_equal(lines.ptr, says);
	buf_fini(&lines);
}

static void what_can_never_pass_is_told_beforehand(void **state)
{
	limit(&scene.options, "user 9/s burst 5");
	limit(&scene.options, "operation place 1/s");
	check(true, "");
	limit(&scene.options, "caller 9/s burst 4");
	check(true, "scene.sql:12: warning: bulk costs 5, more than the burst of 4 of the rate "
		    "limit \"caller\": what is under it is always 400\n");
}

static void a_policy_for_no_operation_is_an_error_that_names_the_nearest(void **state)
{
	limit(&scene.options, "operation plaice 1/s");
	limit(&scene.options, "operation place 1/s");
	limit(&scene.options, "operation unheard.of user 1/s name far");
	check(false,
	      "error: the rate limit \"plaice\" is for plaice, which is no operation of the "
	      "catalog; did you mean \"place\"?\n"
	      "error: the rate limit \"far\" is for unheard.of, which is no operation of the "
	      "catalog\n");
}

static void a_changed_policy_begins_anew_and_an_unchanged_one_goes_on(void **state)
{
	struct options changed = scene.options;

	limit(&scene.options, "user 1/s");
	limit(&scene.options, "operation orders 3/s");
	ask_times(1, "orders", "ann");
	assert_int_equal(ask("orders", "ann"), OUTCOME_RATE_LIMITED);

	limit(&changed, "user 1/s burst 5");
	limit(&changed, "operation orders 3/s");
	router_set_options(scene.router, &changed);
	ask_times(2, "orders", "ann");
	assert_int_equal(ask("orders", "ann"), OUTCOME_RATE_LIMITED);
	ask_times(3, "fresh", "ann");
	assert_int_equal(ask("fresh", "ann"), OUTCOME_RATE_LIMITED);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(who_asks_too_often_is_refused_and_told_until_when),
		STORY(what_is_left_is_told_on_every_reply),
		STORY(users_callers_and_operations_have_buckets_of_their_own),
		STORY(who_sends_no_user_shares_a_bucket_with_the_others_of_the_caller),
		STORY(whoever_tries_names_is_counted_but_by_no_operation),
		STORY(what_one_policy_refuses_costs_nothing_at_the_others),
		STORY(a_dear_operation_takes_more),
		STORY(a_cost_above_the_burst_is_a_bad_request),
		STORY(what_can_never_pass_is_told_beforehand),
		STORY(a_policy_for_no_operation_is_an_error_that_names_the_nearest),
		STORY(a_changed_policy_begins_anew_and_an_unchanged_one_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
