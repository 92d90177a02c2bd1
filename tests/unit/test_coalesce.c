/* SPDX-License-Identifier: Apache-2.0 */
/* links: coalesce_story.c pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Identical queries that wait together are sent once; each ends as if it had been sent alone. */
#include "pg/coalesce.h"

#include "base/clock.h"
#include "coalesce_story.h"
#include "fake_libpq.h"
#include "pg/pool_private.h"
#include "pg/wire/session_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DISTINCT (COALESCE_SLOTS + 88) /* more than the table holds */

static void what_waits_together_is_sent_once(void **state)
{
	(void)state;
	fake_server.in_recovery = true;
	fake_server.lsn = 0x2000;
	begin_with_three();
	assert_int_equal(pool_load(stage.pool), 2);

	assert_string_equal(first_is_over(), "probe prepare:s1 s1(7) bound sync");
	stage_answer(0);

	for (unsigned i = 0; i < 3; i++) {
		assert_told(&calls[i]);
		assert_int_equal(calls[i].call.lower, 0x2000);
		assert_int_equal(calls[i].call.upper, calls[0].call.upper);
		assert_true(calls[i].call.in_recovery);
		assert_int_equal(calls[i].call.sent_us, stage.now_us);
		assert_null(calls[i].call.leader);
		assert_null(calls[i].call.follower);
	}
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void one_that_is_out_is_not_followed(void **state)
{
	(void)state;
	begin();
	ask(&calls[0], "7");
	(void)first_is_over();

	ask(&calls[1], "7");
	stage_answer(0);

	assert_told(&calls[0]);
	assert_int_equal(calls[1].told, 0);
	assert_string_equal(fake_sent(0), "probe s1(7) bound sync");
	stage_answer(0);
	assert_told(&calls[1]);
	end(2);
}

/* --- which are identical ---------------------------------------------------------------------- */

/* How many calls leave where the second differs as changed. */
static void check_both_leave(void (*change)(struct call *call))
{
	const char *sent;

	begin();
	ask(&calls[0], "7");
	init(&calls[1], "7");
	change(&calls[1].call);
	submit(&calls[1]);
	sent = first_is_over();
	assert_non_null(strstr(sent, "s1(7) "));
	assert_non_null(strstr(strstr(sent, "s1(7) ") + 1, "s1("));
	stage_answer(0);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 1);
	end(2);
}

static void change_value(struct call *call)
{
	static const char *const values[] = { "8" };

	call->values = values;
}

static void change_to_null(struct call *call)
{
	static const char *const values[] = { NULL };

	call->values = values;
}

static void change_claims(struct call *call)
{
	static const char *const bob[] = { "{}", "bob", "[]" };

	call->claims = bob;
}

static void change_rows_max(struct call *call)
{
	call->rows_max = 9;
}

static void change_bytes_max(struct call *call)
{
	call->bytes_max = 900;
}

static void change_shape(struct call *call)
{
	call->bound = statement_shape(call->statement);
}

static void change_urgency(struct call *call)
{
	call->ticket.priority.asked = true;
}

static void change_wish(struct call *call)
{
	call->coalesces = false;
}

static void another_value_is_another_call(void **state)
{
	(void)state;
	check_both_leave(change_value);
}

static void null_is_another_value(void **state)
{
	(void)state;
	check_both_leave(change_to_null);
}

static void one_with_claims_does_not_follow_one_without(void **state)
{
	(void)state;
	check_both_leave(change_claims);
}

static void another_limit_of_rows_is_another_call(void **state)
{
	(void)state;
	check_both_leave(change_rows_max);
}

static void another_limit_of_bytes_is_another_call(void **state)
{
	(void)state;
	check_both_leave(change_bytes_max);
}

static void another_description_is_another_call(void **state)
{
	(void)state;
	check_both_leave(change_shape);
}

static void one_that_admission_lets_in_anyway_is_not_followed(void **state)
{
	(void)state;
	check_both_leave(change_urgency);
}

static void one_that_does_not_want_to_is_sent(void **state)
{
	(void)state;
	check_both_leave(change_wish);
}

static void two_users_never_share_and_one_user_does(void **state)
{
	static const char *const ann[] = { "{}", "ann", "[]" }, *const bob[] = { "{}", "bob",
										 "[]" };
	static const char *const again[] = { "{}", "ann", "[]" };
	const char *const *claims[] = { ann, bob, again };
	const char *sent;

	(void)state;
	begin();
	for (unsigned i = 0; i < 3; i++) {
		init(&calls[i], "7");
		calls[i].call.claims = claims[i];
		submit(&calls[i]);
	}
	assert_ptr_equal(calls[2].call.leader, &calls[0].call);
	sent = first_is_over();
	assert_non_null(strstr(sent, "claims({},ann,[]) s1(7)"));
	assert_non_null(strstr(sent, "claims({},bob,[]) s1(7)"));
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		assert_told(&calls[i]);
	end(3);
}

static void check_sent(enum coalescing coalescing, unsigned session_state, unsigned times)
{
	const char *sent;
	unsigned count = 0;

	begin();
	stage_statement(1)->coalescing = coalescing;
	stage_statement(1)->session_state = (uint8_t)session_state;
	ask(&calls[0], "7");
	ask(&calls[1], "7");
	for (sent = first_is_over(); (sent = strstr(sent, " s1(7)")); sent++)
		count++;
	assert_int_equal(count, times);
	stage_answer(0);
	assert_told(&calls[0]);
	assert_told(&calls[1]);
	end(2);
}

static void a_volatile_statement_runs_for_each(void **state)
{
	(void)state;
	check_sent(COALESCING_UNLESS_VOLATILE, SESSION_STATE_VOLATILE, 2);
}

static void its_author_may_want_it_all_the_same(void **state)
{
	(void)state;
	check_sent(COALESCING_ALWAYS, SESSION_STATE_VOLATILE, 1);
}

static void an_author_may_want_none_of_it(void **state)
{
	(void)state;
	check_sent(COALESCING_NEVER, 0, 2);
}

static void the_more_urgent_goes_by_itself(void **state)
{
	(void)state;
	begin();
	init(&calls[0], "7");
	init(&calls[1], "7");
	init(&calls[2], "7");
	for (unsigned i = 0; i < 3; i++)
		calls[i].call.ticket.priority = (struct priority){ .asked = true, .urgency = 3 };
	calls[1].call.ticket.priority.urgency = 2;
	for (unsigned i = 0; i < 3; i++)
		submit(&calls[i]);
	assert_null(calls[1].call.leader);
	assert_ptr_equal(calls[2].call.leader, &calls[1].call);
	(void)first_is_over();
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		assert_told(&calls[i]);
	end(3);
}

/* --- how it ends ------------------------------------------------------------------------------ */

static void an_error_is_told_to_each(void **state)
{
	(void)state;
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .sqlstate = "22012",
					       .message = "division by zero",
					       .constraint = "c" });
	begin_with_three();
	(void)first_is_over();
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++) {
		const struct pg_error *error = &calls[i].call.error;

		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_ERROR);
		assert_string_equal(error->sqlstate, "22012");
		assert_string_equal(error->message, "division by zero");
		assert_string_equal(error->constraint, "c");
		assert_true(i == 0 || error->message != calls[0].call.error.message);
	}
	end(3);
}

static void what_is_lost_is_lost_for_each(void **state)
{
	(void)state;
	begin_with_three();
	(void)first_is_over();
	fake_lose(0);
	stage_turn();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_LOST);
		assert_non_null(calls[i].call.lost_reason);
	}
	end(3);
}

static void they_are_placed_again_together(void **state)
{
	struct stage_call bad;

	(void)state;
	fake_answer_with((struct fake_answer){
		.text = "SELECT 3.", .what = FAKE_ERROR, .sqlstate = "22012" });
	fake_server.in_recovery = true;
	fake_server.lsn = 0x3000;
	begin();
	stage_query(&bad, stage_statement(3), "0");
	for (unsigned i = 0; i < 3; i++)
		ask(&calls[i], "7");
	(void)first_is_over();
	stage_answer(0);
	assert_int_equal(bad.call.end, CALL_ERROR);
	assert_int_equal(calls[0].told, 0);
	fake_server.lsn = 0x2000;
	assert_string_equal(fake_sent(0), "probe prepare:s1 s1(7) bound sync");
	/* One that comes now did not come before it was sent first. */
	ask(&calls[3], "7");
	assert_null(calls[3].call.leader);
	stage_answer(0);
	stage_answer(0);
	for (unsigned i = 0; i < 4; i++)
		assert_told(&calls[i]);
	/* What the first attempt had proved counts no more. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(calls[i].call.lower, 0x2000);
	stage_call_fini(&bad);
	end(4);
}

static void too_much_for_one_is_too_much_for_each(void **state)
{
	(void)state;
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 3, .cell = "5" });
	begin();
	for (unsigned i = 0; i < 2; i++) {
		init(&calls[i], "7");
		calls[i].call.rows_max = 2;
		submit(&calls[i]);
	}
	(void)first_is_over();
	stage_answer(0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(calls[i].call.end, CALL_TOO_LARGE);
		assert_int_equal(calls[i].call.rows, 3);
		assert_string_equal(stage_out(&calls[i]), "");
	}
	end(2);
}

static void each_waits_its_own_time(void **state)
{
	(void)state;
	begin();
	ask(&calls[0], "7");
	stage_pass(stage_settings.queue_wait_us / 2);
	ask(&calls[1], "7");
	assert_ptr_equal(calls[1].call.leader, &calls[0].call);
	stage_pass(stage_settings.queue_wait_us / 2);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[0].call.end, CALL_UNSENT);
	assert_int_equal(calls[0].call.refusal, REFUSAL_EXPIRED);
	assert_int_equal(calls[1].told, 0);

	(void)first_is_over();
	stage_answer(0);
	assert_told(&calls[1]);
	end(2);
}

#define AHEAD 15    /* and one: as many wait before it is computed when they leave */
#define GAP_US 6000 /* one leaves after the other; the last is in time, the next one is not */
#define FIRST_US 8000

/* Those that wait, the last of them with a follower, and one that is more urgent. */
static void begin_displacing(struct stage_call *ahead, unsigned count)
{
	static const char *const values[] = { "20", "21", "22", "23", "24", "25", "26", "27",
					      "28", "29", "30", "31", "32", "33", "34", "35" };
	struct pool_settings settings = stage_settings;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 1, .cell = "5" });
	settings.conns_max = 1;
	settings.queue_max = count ? stage_settings.queue_max : 1;
	stage_open_with(NODE_REPLICA, &settings);
	stage_query(&first, stage_statement(2), "0");
	stage_turn();
	(void)fake_sent(0);
	stage.pool->lanes[LANE_QUICK].admission.codel.gap_us = GAP_US;
	for (unsigned i = 0; i < count + 3; i++) {
		struct stage_call *call = i < count ? &ahead[i] : &calls[i - count];
		bool urgent = i == count + 2;

		init(call, i < count ? values[i] : urgent ? "8" : "7");
		call->call.ticket.priority =
			(struct priority){ .asked = true, .urgency = urgent ? 1 : 5 };
		if (urgent)
			assert_ptr_equal(calls[1].call.leader, &calls[0].call);
		submit(call);
	}
	stage_turn();
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[0].call.end, CALL_UNSENT);
	assert_int_equal(calls[0].call.refusal, REFUSAL_SHED);
}

static void those_that_follow_one_that_is_displaced_have_no_place_in_a_full_queue(void **state)
{
	(void)state;
	begin_displacing(NULL, 0);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[1].call.end, CALL_UNSENT);
	assert_int_equal(calls[1].call.refusal, REFUSAL_SHED);
	(void)first_is_over();
	stage_answer(0);
	assert_told(&calls[2]);
	end(3);
}

static void where_the_queue_has_room_they_stay_when_one_that_they_follow_is_displaced(void **state)
{
	static struct stage_call ahead[AHEAD];

	(void)state;
	atomic_store(&stage_statement(1)->running_us, GAP_US);
	atomic_store(&stage_statement(2)->running_us, FIRST_US);
	begin_displacing(ahead, AHEAD);
	assert_int_equal(calls[1].told, 0);
	while (pool_load(stage.pool))
		stage_answer(0);
	assert_told(&calls[1]);
	assert_told(&calls[2]);
	for (unsigned i = 0; i < AHEAD; i++)
		stage_call_fini(&ahead[i]);
	end(3);
}

static void the_server_is_told_the_longest_timeout(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 3; i++) {
		init(&calls[i], "7");
		calls[i].call.timeout_us = (i == 1 ? 70 : 20 + i) * US_PER_MS;
		submit(&calls[i]);
	}
	assert_non_null(strstr(first_is_over(), "timeout(70)"));
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		assert_told(&calls[i]);
	end(3);
}

static void one_without_a_timeout_has_the_pools(void **state)
{
	(void)state;
	begin();
	init(&calls[0], "7");
	calls[0].call.timeout_us = 20 * US_PER_MS;
	submit(&calls[0]);
	ask(&calls[1], "7");
	assert_null(strstr(first_is_over(), "timeout("));
	stage_answer(0);
	assert_told(&calls[0]);
	assert_told(&calls[1]);
	end(2);
}

static void a_pool_that_is_abandoned_tells_each(void **state)
{
	(void)state;
	begin_with_three();
	pool_abandon(stage.pool, "abandoned");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_UNSENT);
	}
	end(3);
}

/* --- how many --------------------------------------------------------------------------------- */

static void more_than_the_table_holds_are_all_answered(void **state)
{
	static struct stage_call many[2 * DISTINCT];
	static char values[DISTINCT][8];
	struct pool_settings settings = stage_settings;
	unsigned followers = 0;

	(void)state;
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 1, .cell = "5" });
	settings.conns_max = 1;
	settings.queue_max = 4 * DISTINCT;
	stage_open_with(NODE_REPLICA, &settings);
	for (unsigned i = 0; i < 2 * DISTINCT; i++) {
		snprintf(values[i % DISTINCT], sizeof(values[0]), "%u", i % DISTINCT);
		ask(&many[i], values[i % DISTINCT]);
		followers += many[i].call.leader != NULL;
	}
	assert_in_range(followers, 1, DISTINCT - 1);
	stage_turn();
	while (pool_load(stage.pool))
		stage_answer(0);
	for (unsigned i = 0; i < 2 * DISTINCT; i++) {
		assert_told(&many[i]);
		stage_call_fini(&many[i]);
	}
	for (unsigned i = 0; i < COALESCE_SLOTS; i++)
		assert_null(stage.pool->coalesce.waiting[i]);
}

static void so_many_follow_and_the_next_one_leads(void **state)
{
	static struct stage_call many[300];
	unsigned leaders = 0;

	(void)state;
	begin();
	for (unsigned i = 0; i < 300; i++) {
		ask(&many[i], "7");
		leaders += many[i].call.leader == NULL;
	}
	assert_int_equal(leaders, 3);
	(void)first_is_over();
	stage_answer(0);
	for (unsigned i = 0; i < 300; i++) {
		assert_told(&many[i]);
		stage_call_fini(&many[i]);
	}
	end(0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_waits_together_is_sent_once),
		STORY(one_that_is_out_is_not_followed),
		STORY(another_value_is_another_call),
		STORY(null_is_another_value),
		STORY(one_with_claims_does_not_follow_one_without),
		STORY(another_limit_of_rows_is_another_call),
		STORY(another_limit_of_bytes_is_another_call),
		STORY(another_description_is_another_call),
		STORY(one_that_admission_lets_in_anyway_is_not_followed),
		STORY(one_that_does_not_want_to_is_sent),
		STORY(two_users_never_share_and_one_user_does),
		STORY(a_volatile_statement_runs_for_each),
		STORY(its_author_may_want_it_all_the_same),
		STORY(an_author_may_want_none_of_it),
		STORY(the_more_urgent_goes_by_itself),
		STORY(an_error_is_told_to_each),
		STORY(what_is_lost_is_lost_for_each),
		STORY(they_are_placed_again_together),
		STORY(too_much_for_one_is_too_much_for_each),
		STORY(each_waits_its_own_time),
		STORY(those_that_follow_one_that_is_displaced_have_no_place_in_a_full_queue),
		STORY(where_the_queue_has_room_they_stay_when_one_that_they_follow_is_displaced),
		STORY(the_server_is_told_the_longest_timeout),
		STORY(one_without_a_timeout_has_the_pools),
		STORY(a_pool_that_is_abandoned_tells_each),
		STORY(more_than_the_table_holds_are_all_answered),
		STORY(so_many_follow_and_the_next_one_leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
