/* SPDX-License-Identifier: Apache-2.0 */
/* Every time-out of pg/, on a clock that moves only when told; and how conns are made. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/janitor.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/reconnect.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_an_answer_that_does_not_come_costs_the_conn(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_pass(stage_settings.answer_timeout_us - 1);
	assert_int_equal(call.told, 0);
	stage_pass(1);
	assert_int_equal(call.call.end, CALL_LOST);
	assert_string_equal(call.call.lost_reason, "no answer in time");
	assert_false(fake_is_open(0));
	stage_call_fini(&call);
}

static void test_an_answer_that_has_begun_has_the_whole_time_again(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_pass(stage_settings.answer_timeout_us - 1);
	fake_answer_some(0, 2);
	stage_turn();
	stage_pass(stage_settings.answer_timeout_us - 1);
	assert_int_equal(call.told, 0);
	stage_pass(1);
	assert_int_equal(call.call.end, CALL_LOST);
	stage_call_fini(&call);
}

static void test_a_call_with_a_longer_timeout_is_waited_for_longer(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_QUERY, stage_statement(1), "7");
	call.call.timeout_us = 60 * US_PER_S;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_pass(60 * US_PER_S);
	assert_int_equal(call.told, 0);
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_connect_that_is_never_done_is_given_up(void **state)
{
	fake_server.hangs = true;
	stage_open(NODE_REPLICA, 1);
	assert_int_equal(pool_conns(stage.pool, CONN_CONNECTING), 1);
	stage_pass(stage_settings.connect_timeout_us);
	assert_false(fake_is_open(0));
	assert_string_equal(pool_last_error(stage.pool), "connecting took too long");
}

/* The pause before the next dial: doubled each time, and jittered down to its half. */
static void check_pause(unsigned dialed, int64_t pause_us)
{
	assert_int_equal(fake_dialed(), dialed);
	stage_pass(pause_us / 2 - 1);
	stage_connect();
	assert_int_equal(fake_dialed(), dialed);
	stage_pass(pause_us - (pause_us / 2 - 1) + 1);
	stage_connect();
	assert_int_equal(fake_dialed(), dialed + 1);
}

static void test_a_connect_that_fails_is_tried_again_after_pauses_that_grow(void **state)
{
	fake_server.refuses = "connection refused\n\tIs the server running?";
	stage_open(NODE_REPLICA, 1);
	assert_string_equal(pool_last_error(stage.pool), "connection refused");
	check_pause(1, 50 * US_PER_MS);
	check_pause(2, 100 * US_PER_MS);
	check_pause(3, 200 * US_PER_MS);
	fake_server.refuses = NULL;
	check_pause(4, 400 * US_PER_MS);
	assert_true(pool_connected(stage.pool));
	assert_string_equal(pool_last_error(stage.pool), "");
}

static void test_who_knows_better_ends_the_pause(void **state)
{
	unsigned dialed;

	fake_server.unreachable = true;
	fake_server.refuses = "no";
	stage_open(NODE_REPLICA, 1);
	dialed = fake_dialed();
	stage_turn();
	assert_int_equal(fake_dialed(), dialed);

	fake_server.refuses = NULL;
	fake_server.unreachable = false;
	pool_dial_now(stage.pool);
	pool_dial_now(stage.pool);
	stage_connect();
	assert_int_equal(fake_dialed(), dialed + 1);
	assert_true(pool_connected(stage.pool));
	pool_dial_now(stage.pool);
	stage_connect();
	assert_int_equal(fake_dialed(), dialed + 1);
}

/* Until nothing is on its way to being connected, in the stage's pool and these. */
static void connect_all(struct pool *const *others, unsigned count)
{
	stage_connect();
	for (unsigned i = 0; i < count; i++)
		while (pool_conns(others[i], CONN_DIALING) ||
		       pool_conns(others[i], CONN_CONNECTING))
			stage_turn();
}

/* One node that refuses whoever comes, and pools of several loops, which all want in. */
static void test_refused_logins_of_all_loops_share_one_pause(void **state)
{
	struct pool *others[3];
	unsigned dialed;

	fake_server.refuses = "FATAL:  28P01: password authentication failed";
	stage_open(NODE_PRIMARY, 6);
	for (unsigned i = 0; i < 3; i++) {
		others[i] = pool_new(stage.loop, stage.node, stage.metrics, &stage_settings);
		pool_set_role(others[i], NODE_PRIMARY);
	}
	for (unsigned i = 0; i < 200; i++) {
		stage_pass(50 * US_PER_MS);
		connect_all(others, 3);
	}
	dialed = fake_dialed();
	for (unsigned i = 0; i < 600; i++) {
		for (unsigned k = 0; k < 3; k++)
			pool_dial_now(others[k]);
		stage_pass(50 * US_PER_MS);
		connect_all(others, 3);
	}
	/* 30 s: one in 1.5 to 3 s, and what the steps of this clock add. */
	assert_true(fake_dialed() - dialed >= 9);
	assert_true(fake_dialed() - dialed <= 21);
	for (unsigned i = 0; i < 3; i++)
		pool_free(others[i]);
}

static void test_a_server_that_starts_up_is_asked_sooner(void **state)
{
	unsigned dialed;

	fake_server.refuses = "FATAL:  57P03: the database system is starting up";
	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < 100; i++) {
		stage_pass(50 * US_PER_MS);
		stage_connect();
	}
	dialed = fake_dialed();
	for (unsigned i = 0; i < 200; i++) {
		stage_pass(50 * US_PER_MS);
		stage_connect();
	}
	assert_true(fake_dialed() - dialed >= 8);
	assert_true(fake_dialed() - dialed <= 51);
}

static void test_a_watcher_that_is_let_in_ends_the_pause_of_the_others(void **state)
{
	struct pool_settings settings = stage_settings;
	struct pool *watcher;

	settings.watches = true;
	fake_server.refuses = "FATAL:  3D000: the database does not exist";
	stage_open(NODE_REPLICA, 1);
	watcher = pool_new(stage.loop, stage.node, stage.metrics, &settings);
	pool_set_role(watcher, NODE_REPLICA);
	for (unsigned i = 0; i < 200; i++) {
		stage_pass(50 * US_PER_MS);
		connect_all(&watcher, 1);
	}
	fake_server.refuses = NULL;
	for (unsigned i = 0; !pool_connected(watcher) && i < 100; i++) {
		stage_pass(50 * US_PER_MS);
		connect_all(&watcher, 1);
	}
	assert_true(pool_connected(watcher));
	pool_dial_now(stage.pool);
	stage_connect();
	assert_true(pool_connected(stage.pool));
	pool_free(watcher);
}

static void test_a_login_refused_for_a_limit_names_the_limit(void **state)
{
	static const struct {
		const char *message;
		enum conn_limit full;
	} rows[] = {
		{ "FATAL:  53300: trop de connexions pour le rôle « app »\n"
		  "LOCATION:  InitializeSessionUserId, miscinit.c:800\n",
		  CONN_LIMIT_ROLE },
		{ "FATAL:  53300: too many connections for database \"shop\"\n"
		  "LOCATION:  CheckMyDatabase, postinit.c:371\n",
		  CONN_LIMIT_DATABASE },
		{ "FATAL:  53300: sorry, too many clients already\n"
		  "LOCATION:  InitProcess, proc.c:354\n",
		  CONN_LIMIT_SERVER },
		{ "FATAL:  28000: role \"app\" is not permitted to log in", CONN_LIMIT_NONE },
	};

	stage_open(NODE_REPLICA, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pool *pool;

		fake_server.refuses = rows[i].message;
		pool = pool_new(stage.loop, stage.node, stage.metrics, &stage_settings);
		pool_set_role(pool, NODE_REPLICA);
		connect_all(&pool, 1);
		assert_int_equal(reconnect_limit(stage.node->reconnect, loop_now(stage.loop)),
				 rows[i].full);
		pool_free(pool);
		stage_pass(RECONNECT_PAUSE_US_MAX);
	}
}

static void test_a_limit_is_over_when_a_login_succeeds_or_was_long_ago(void **state)
{
	int64_t now_us;

	fake_server.refuses = "FATAL:  53300: sorry, too many clients already";
	stage_open(NODE_REPLICA, 1);
	stage_connect();
	now_us = loop_now(stage.loop);
	assert_int_equal(reconnect_limit(stage.node->reconnect, now_us), CONN_LIMIT_SERVER);
	assert_int_equal(reconnect_limit(stage.node->reconnect, now_us + RECONNECT_FULL_US + 1),
			 CONN_LIMIT_NONE);

	fake_server.refuses = NULL;
	for (unsigned i = 0; !pool_connected(stage.pool) && i < 100; i++) {
		stage_pass(50 * US_PER_MS);
		stage_connect();
	}

	assert_true(pool_connected(stage.pool));
	assert_int_equal(reconnect_limit(stage.node->reconnect, loop_now(stage.loop)),
			 CONN_LIMIT_NONE);
}

static void test_a_conn_to_another_server_than_expected_never_serves(void **state)
{
	unsigned dialed;

	stage_open(NODE_REPLICA, 1);
	pool_expect(stage.pool, fake_server.started_us);
	stage_connect();
	assert_int_equal(fake_dialed(), 1);
	assert_true(pool_connected(stage.pool));

	pool_expect(stage.pool, fake_server.started_us + 1);
	stage_connect();
	assert_false(pool_connected(stage.pool));
	assert_int_equal(stage.node->reconnect->strays, 1);
	assert_string_equal(pool_last_error(stage.pool), "its name led to another server");

	dialed = fake_dialed();
	fake_server.started_us++;
	pool_expect(stage.pool, 0);
	pool_expect(stage.pool, fake_server.started_us);
	stage_pass(RECONNECT_PAUSE_US_MAX);
	stage_connect();
	assert_int_equal(fake_dialed(), dialed + 1);
	assert_true(pool_connected(stage.pool));
}

static void test_the_pause_has_a_limit(void **state)
{
	fake_server.refuses = "no";
	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < 20; i++) {
		unsigned dialed = fake_dialed();

		stage_pass(5 * US_PER_S + 1);
		stage_connect();
		assert_int_equal(fake_dialed(), dialed + 1);
	}
}

static void test_while_connects_fail_one_is_tried_at_a_time(void **state)
{
	struct stage_call calls[3];
	unsigned dialed;

	fake_server.refuses = "no";
	stage_open(NODE_PRIMARY, 6);
	dialed = fake_dialed();
	for (unsigned i = 0; i < 3; i++)
		stage_send(&calls[i], i ? CALL_COMMAND : CALL_QUERY, stage_statement(1), "7");
	fake_server.hangs = true;
	fake_server.refuses = NULL;
	stage_pass(5 * US_PER_S);
	stage_connect();
	stage_turn();
	assert_int_equal(fake_dialed(), dialed + 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].call.end, CALL_UNSENT);
		stage_call_fini(&calls[i]);
	}
}

static void test_a_conn_lost_after_a_while_is_replaced_at_once(void **state)
{
	stage_open(NODE_REPLICA, 1);
	stage_pass(60 * US_PER_S);
	fake_lose(0);
	stage_turn();
	stage_turn();
	stage_connect();
	assert_int_equal(fake_dialed(), 2);
	assert_true(pool_connected(stage.pool));
}

static void test_a_conn_lost_right_away_is_replaced_after_a_pause(void **state)
{
	stage_open(NODE_REPLICA, 1);
	fake_lose(0);
	stage_turn();
	stage_turn();
	check_pause(1, 50 * US_PER_MS);
}

static void test_a_session_that_is_not_as_asked_is_refused(void **state)
{
	fake_server.time_zone = "Europe/Berlin";
	stage_open(NODE_REPLICA, 1);
	assert_false(fake_is_open(0));
	assert_string_equal(pool_last_error(stage.pool),
			    "the session's settings are not those asked for");
}

static void test_a_server_that_is_too_old_is_refused(void **state)
{
	fake_server.version = 120000;
	stage_open(NODE_REPLICA, 1);
	assert_false(fake_is_open(0));
}

static void test_a_pool_freed_while_connecting_leaves_nothing_behind(void **state)
{
	fake_server.hangs = true;
	stage_open(NODE_REPLICA, 1);
	pool_free(stage.pool);
	stage.pool = NULL;
	assert_false(fake_is_open(0));
}

/* Whether the dial is still queued, under way or delivered by then is up to the threads. */
static void test_a_pool_freed_while_dialing_leaves_nothing_behind(void **state)
{
	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < 20; i++) {
		struct pool *pool =
			pool_new(stage.loop, stage.node, stage.metrics, &stage_settings);

		pool_set_role(pool, NODE_REPLICA);
		assert_int_equal(pool_conns(pool, CONN_DIALING), stage_settings.conns_max);
		pool_free(pool);
		stage_turn();
	}
	/* Dials are taken in order: when another one is through, the helper is done with those. */
	pool_free(stage.pool);
	stage.pool = pool_new(stage.loop, stage.node, stage.metrics, &stage_settings);
	pool_set_role(stage.pool, NODE_REPLICA);
	stage_connect();
	for (unsigned i = 0; i + stage_settings.conns_max < fake_dialed(); i++)
		assert_false(fake_is_open(i));
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_an_answer_that_does_not_come_costs_the_conn),
		STORY(test_an_answer_that_has_begun_has_the_whole_time_again),
		STORY(test_a_call_with_a_longer_timeout_is_waited_for_longer),
		STORY(test_a_connect_that_is_never_done_is_given_up),
		STORY(test_a_connect_that_fails_is_tried_again_after_pauses_that_grow),
		STORY(test_who_knows_better_ends_the_pause),
		STORY(test_the_pause_has_a_limit),
		STORY(test_refused_logins_of_all_loops_share_one_pause),
		STORY(test_a_server_that_starts_up_is_asked_sooner),
		STORY(test_a_watcher_that_is_let_in_ends_the_pause_of_the_others),
		STORY(test_a_login_refused_for_a_limit_names_the_limit),
		STORY(test_a_limit_is_over_when_a_login_succeeds_or_was_long_ago),
		STORY(test_a_conn_to_another_server_than_expected_never_serves),
		STORY(test_while_connects_fail_one_is_tried_at_a_time),
		STORY(test_a_conn_lost_after_a_while_is_replaced_at_once),
		STORY(test_a_conn_lost_right_away_is_replaced_after_a_pause),
		STORY(test_a_session_that_is_not_as_asked_is_refused),
		STORY(test_a_server_that_is_too_old_is_refused),
		STORY(test_a_pool_freed_while_connecting_leaves_nothing_behind),
		STORY(test_a_pool_freed_while_dialing_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
