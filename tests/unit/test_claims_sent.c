/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls set for row level security: whoever is in a batch beside a call with claims sets what
 * holds for itself, an empty one too.
 */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c group_story.c */
#include "pg/wire/pipeline.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "group_story.h"
#include "pg/admission/quarantine.h"
#include "pg/wire/session_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REPLICA_CONN 0
#define ANN_SET "claims({a},ann,[]) "
#define BOB_SET "claims({b},bob,[]) "
#define NONE_SET "claims(,,) "
#define PREPARE_CLAIMS "prepare:claims "
#define SQL_CLAIMS "SELECT WHERE set_config('request.jwt.claims'"

static const char *const ann[] = { "{a}", "ann", "[]" };
static const char *const bob[] = { "{b}", "bob", "[]" };

/* The claims of calls[0], calls[1], calls[2]; NULL: it has none. */
static void query_three(const char *const *first, const char *const *second,
			const char *const *third)
{
	const char *const *claims[] = { first, second, third };

	for (unsigned i = 0; i < 3; i++) {
		stage_call_init(&calls[i], CALL_QUERY, stage_statement(i + 1), "7");
		calls[i].call.claims = claims[i];
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
}

/* The same as members of a group; the third has none. */
static void command_three(const char *const *first, const char *const *second)
{
	const char *const *claims[] = { first, second, NULL };

	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], known(i + 1));
		calls[i].call.claims = claims[i];
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
}

static void assert_all_told(enum call_end end)
{
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, end);
	}
}

/* --- batches of queries ---------------------------------------------------------------------- */

static void test_each_query_sets_its_own_claims_directly_before_it(void **state)
{
	stage_open(NODE_REPLICA, 1);
	query_three(ann, bob, ann);
	assert_string_equal(fake_sent(REPLICA_CONN),
			    "prepare:probe probe prepare:s1 " PREPARE_CLAIMS ANN_SET
			    "s1(7) prepare:s2 " BOB_SET "s2(7) prepare:s3 " ANN_SET
			    "s3(7) prepare:bound bound sync");
	stage_answer(REPLICA_CONN);
	assert_all_told(CALL_OK);
	end_calls();
}

static void test_a_query_without_claims_meets_nobodys(void **state)
{
	stage_open(NODE_REPLICA, 1);
	query_three(NULL, bob, NULL);
	assert_string_equal(fake_sent(REPLICA_CONN),
			    "prepare:probe probe prepare:s1 " PREPARE_CLAIMS NONE_SET
			    "s1(7) prepare:s2 " BOB_SET "s2(7) prepare:s3 " NONE_SET
			    "s3(7) prepare:bound bound sync");
	stage_answer(REPLICA_CONN);
	assert_all_told(CALL_OK);
	end_calls();
}

static void test_where_no_query_has_claims_none_are_set(void **state)
{
	stage_open(NODE_REPLICA, 1);
	query_three(NULL, NULL, NULL);
	assert_null(strstr(fake_sent(REPLICA_CONN), "claims"));
	stage_answer(REPLICA_CONN);
	end_calls();
	/* Nor in the batch behind one that had some, which was another transaction. */
	query_three(ann, NULL, NULL);
	stage_answer(REPLICA_CONN);
	end_calls();
	(void)fake_sent(REPLICA_CONN);
	query_three(NULL, NULL, NULL);
	assert_string_equal(fake_sent(REPLICA_CONN), "probe s1(7) s2(7) s3(7) bound sync");
	stage_answer(REPLICA_CONN);
	end_calls();
}

static void test_queries_behind_an_error_take_their_claims_into_the_next_batch(void **state)
{
	fail_with("SELECT 1.", "22003", 2);
	stage_open(NODE_REPLICA, 1);
	query_three(ann, bob, NULL);
	(void)fake_sent(REPLICA_CONN);
	stage_answer(REPLICA_CONN);
	assert_int_equal(calls[0].call.end, CALL_ERROR);
	assert_string_equal(fake_sent(REPLICA_CONN),
			    "probe prepare:s2 " BOB_SET "s2(7) prepare:s3 " NONE_SET
			    "s3(7) prepare:bound bound sync");
	stage_answer(REPLICA_CONN);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

/* Whose error is it that claims cannot be set? Of the call behind them, and of no parameter. */
static void test_claims_that_are_refused_fail_their_call_alone(void **state)
{
	stage_open(NODE_REPLICA, 1);
	query_three(ann, NULL, NULL);
	stage_answer(REPLICA_CONN);
	end_calls();
	fake_answer_with((struct fake_answer){ .text = SQL_CLAIMS,
					       .what = FAKE_ERROR,
					       .times = 1,
					       .sqlstate = "22P05",
					       .context = "unnamed portal parameter $1 = '…'" });
	query_three(ann, bob, NULL);
	stage_answer(REPLICA_CONN);
	assert_int_equal(calls[0].call.end, CALL_ERROR);
	assert_string_equal(calls[0].call.error.sqlstate, "22P05");
	assert_int_equal(calls[0].call.error.param, 0);
	stage_answer(REPLICA_CONN);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

static void test_claims_that_are_not_prepared_any_more_are_prepared_again(void **state)
{
	stage_open(NODE_REPLICA, 1);
	query_three(ann, bob, ann);
	stage_answer(REPLICA_CONN);
	end_calls();
	fake_unprepare(REPLICA_CONN, "claims");
	query_three(ann, bob, ann);
	stage_answer(REPLICA_CONN);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(calls[i].told, 0);
	(void)fake_sent(REPLICA_CONN);
	stage_answer(REPLICA_CONN);
	assert_all_told(CALL_OK);
	end_calls();
}

static void test_large_claims_travel_in_several_batches(void **state)
{
	const size_t bytes = BATCH_PARAM_BYTES_MAX / 2 - sizeof("annalotmore");
	char *large = malloc(bytes + 1);
	const char *const claims[] = { large, "ann", "[]" };

	memset(large, 'x', bytes);
	large[bytes] = '\0';
	stage_open(NODE_REPLICA, 1);
	query_three(claims, claims, claims);
	stage_answer(REPLICA_CONN);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[2].told, 0);
	stage_answer(REPLICA_CONN);
	assert_all_told(CALL_OK);
	end_calls();
	free(large);
}

/* Nothing that a call may need is left out: a text that is new, a limit of its own, its claims. */
static void test_the_longest_batch_has_room_for_all_claims(void **state)
{
	static struct stage_call many[BATCH_CALLS_MAX];

	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < BATCH_CALLS_MAX; i++) {
		stage_call_init(&many[i], CALL_QUERY, stage_statement(i + 1), "7");
		many[i].call.claims = i % 3 ? ann : bob;
		many[i].call.timeout_us = (i % 2 + 1) * US_PER_S;
		assert_true(pool_submit(stage.pool, &many[i].call));
	}
	stage_turn();
	stage_answer(REPLICA_CONN);
	for (unsigned i = 0; i < BATCH_CALLS_MAX; i++) {
		assert_int_equal(many[i].call.end, CALL_OK);
		stage_call_fini(&many[i]);
	}
}

static void test_a_probe_and_a_description_set_none(void **state)
{
	struct stage_call probe, describe;

	stage_open(NODE_REPLICA, 1);
	stage_call_init(&describe, CALL_DESCRIBE, stage_statement(1), "7");
	describe.call.claims = ann;
	stage_call_init(&probe, CALL_PROBE, NULL, NULL);
	assert_true(pool_submit(stage.pool, &describe.call));
	assert_true(pool_submit(stage.pool, &probe.call));
	stage_turn();
	assert_null(strstr(fake_sent(REPLICA_CONN), "claims("));
	stage_answer(REPLICA_CONN);
	stage_answer(REPLICA_CONN);
	assert_int_equal(describe.told, 1);
	assert_int_equal(probe.told, 1);
	stage_call_fini(&describe);
	stage_call_fini(&probe);
}

static void on_no_rows(struct call *call)
{
	(void)call;
	assert_true(false);
}

static void test_a_stream_sets_its_claims_in_its_own_transaction(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call stream;
	const char *sent;

	settings.conns_max = 1;
	settings.streams_max = 1;
	stage_open_with(NODE_REPLICA, &settings);
	stage_call_init(&stream, CALL_QUERY, stage_statement(1), "7");
	stream.call.on_rows = on_no_rows;
	stream.call.claims = ann;
	assert_true(pool_submit(stage.pool, &stream.call));
	stage_turn();
	stage_connect();
	stage_turn();
	sent = fake_sent(1);
	assert_non_null(strstr(sent, "[BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY]"));
	assert_non_null(strstr(sent, PREPARE_CLAIMS ANN_SET "s1(7) [COMMIT] sync"));
	stage_answer(1);
	assert_int_equal(stream.told, 1);
	stage_call_fini(&stream);
}

/* --- commands -------------------------------------------------------------------------------- */

static void check_lone(enum isolation isolation, enum call_transaction transaction,
		       const char *sent)
{
	struct stage_call call;

	stage_open(NODE_PRIMARY, 2);
	stage_call_init(&call, CALL_COMMAND, stage_statement(1), "7");
	call.call.claims = ann;
	call.call.isolation = isolation;
	call.call.transaction = transaction;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	assert_string_equal(fake_sent(CONN), sent);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_lone_command_sets_its_claims_in_its_implicit_transaction(void **state)
{
	check_lone(ISOLATION_READ_COMMITTED, TRANSACTION_OWN,
		   "prepare:s1 " PREPARE_CLAIMS ANN_SET
		   "s1(7) prepare:xid xid sync prepare:position position sync");
}

static void test_a_command_with_a_transaction_of_its_own_sets_them_within_it(void **state)
{
	check_lone(
		ISOLATION_SERIALIZABLE, TRANSACTION_OWN,
		"[BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE] prepare:s1 " PREPARE_CLAIMS ANN_SET
		"s1(7) prepare:xid xid [COMMIT] sync prepare:position position sync");
}

static bool on_ran(struct call *call)
{
	(void)call;
	return true;
}

static void test_a_command_with_a_key_sets_them_behind_the_claim_of_the_key(void **state)
{
	static const char *const seven[] = { "7" };
	struct call_frame frame = { .before = stage_statement(8),
				    .behind = stage_statement(9),
				    .before_values = seven,
				    .behind_values = seven,
				    .on_ran = on_ran };
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 8." });
	fake_answer_with((struct fake_answer){ .text = "SELECT 9." });
	stage_open(NODE_PRIMARY, 2);
	stage_call_init(&call, CALL_COMMAND, stage_statement(1), "7");
	call.call.claims = ann;
	call.call.frame = &frame;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	assert_string_equal(fake_sent(CONN), BEGIN
			    "prepare:s8 s8(7) prepare:s1 " PREPARE_CLAIMS ANN_SET "s1(7) sync");
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), "prepare:s9 s9(7) prepare:xid xid [COMMIT] sync "
					     "prepare:position position sync");
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

/* --- groups ---------------------------------------------------------------------------------- */

#define MEMBER(set, n) "savepoint " set "s" n "(7) look reset "

static void test_each_member_of_a_group_sets_its_claims_behind_its_savepoint(void **state)
{
	command_three(ann, bob);
	assert_string_equal(
		fake_sent(CONN), BEGIN
		"prepare:limits limits prepare:s1 prepare:savepoint "
		"savepoint " PREPARE_CLAIMS ANN_SET "s1(7) prepare:look look prepare:reset reset "
		"limits prepare:s2 " MEMBER(BOB_SET, "2") "limits prepare:s3 " MEMBER(NONE_SET, "3")
			FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_a_group_without_claims_sets_none(void **state)
{
	command_three(NULL, NULL);
	assert_null(strstr(fake_sent(CONN), "claims"));
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

/* Also where the only one with claims is the one that failed. */
static void test_members_behind_an_error_set_their_claims_anew(void **state)
{
	fail_with("SELECT 2.", "P0001", 0);
	command_three(NULL, bob);
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN),
			    "prepare:back back limits prepare:s3 " MEMBER(NONE_SET, "3") FIRST_END);
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

static void test_a_broken_groups_commands_take_their_claims_with_them(void **state)
{
	fail_with("SELECT 2.", "40001", 2);
	command_three(ann, bob);
	(void)fake_sent(CONN);
	stage_answer(CONN); /* the error */
	stage_answer(CONN); /* ROLLBACK */
	(void)fake_sent(CONN);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 0);
		stage_answer(CONN);
		assert_int_equal(calls[i].told, 1);
	}
	assert_non_null(strstr(fake_sent(CONN), BOB_SET "s2(7) "));
	end_calls();
}

static void test_claims_that_cannot_be_set_break_their_group(void **state)
{
	command_three(ann, bob);
	stage_answer(CONN);
	end_calls();
	fail_with(SQL_CLAIMS, "22P05", 2);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], known(i + 1));
		calls[i].call.claims = i == 0 ? ann : NULL;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	stage_answer(CONN); /* the error */
	stage_answer(CONN); /* ROLLBACK */
	for (unsigned i = 0; i < 3; i++)
		stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_ERROR);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

/* Triggers at the commit of a group would find no claims: who has some commits alone. */
static void test_commands_with_claims_share_no_commit_at_which_triggers_may_run(void **state)
{
	static const char *const *const claims[] = { ann, NULL, NULL };

	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		struct statement *statement = known(i + 1);

		statement->session_state = SESSION_STATE_DEFERRED;
		init_for_group(&calls[i], statement);
		calls[i].call.claims = claims[i];
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_string_equal(fake_sent(CONN),
			    "prepare:s1 " PREPARE_CLAIMS ANN_SET
			    "s1(7) prepare:xid xid sync prepare:position position sync");
	stage_answer(CONN);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 0);
	assert_non_null(strstr(fake_sent(CONN), "savepoint s2(7) "));
	stage_answer(CONN);
	assert_all_went_well();
	assert_true(fake_is_open(CONN));
	end_calls();
}

static void test_the_largest_group_has_room_for_all_claims(void **state)
{
	static struct stage_call many[GROUP_CALLS_MAX];

	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < GROUP_CALLS_MAX; i++) {
		init_for_group(&many[i], known(i + 1));
		many[i].call.claims = ann;
		many[i].call.timeout_us = 20 * US_PER_MS;
		assert_true(pool_submit(stage.pool, &many[i].call));
	}
	stage_turn();
	assert_non_null(strstr(fake_sent(CONN), "savepoint"));
	stage_answer(CONN);
	for (unsigned i = 0; i < GROUP_CALLS_MAX; i++) {
		assert_int_equal(many[i].call.end, CALL_OK);
		stage_call_fini(&many[i]);
	}
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_each_query_sets_its_own_claims_directly_before_it),
		STORY(test_a_query_without_claims_meets_nobodys),
		STORY(test_where_no_query_has_claims_none_are_set),
		STORY(test_queries_behind_an_error_take_their_claims_into_the_next_batch),
		STORY(test_claims_that_are_refused_fail_their_call_alone),
		STORY(test_claims_that_are_not_prepared_any_more_are_prepared_again),
		STORY(test_large_claims_travel_in_several_batches),
		STORY(test_the_longest_batch_has_room_for_all_claims),
		STORY(test_a_probe_and_a_description_set_none),
		STORY(test_a_stream_sets_its_claims_in_its_own_transaction),
		STORY(test_a_lone_command_sets_its_claims_in_its_implicit_transaction),
		STORY(test_a_command_with_a_transaction_of_its_own_sets_them_within_it),
		STORY(test_a_command_with_a_key_sets_them_behind_the_claim_of_the_key),
		STORY(test_each_member_of_a_group_sets_its_claims_behind_its_savepoint),
		STORY(test_a_group_without_claims_sets_none),
		STORY(test_members_behind_an_error_set_their_claims_anew),
		STORY(test_a_broken_groups_commands_take_their_claims_with_them),
		STORY(test_claims_that_cannot_be_set_break_their_group),
		STORY(test_commands_with_claims_share_no_commit_at_which_triggers_may_run),
		STORY(test_the_largest_group_has_room_for_all_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
