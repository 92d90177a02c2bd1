/* SPDX-License-Identifier: Apache-2.0 */
/* What on_done may do, and what becomes of calls when their pool or their node is given up. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/pool.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/estimate.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void submit_another(struct stage_call *call)
{
	stage_query(call->arg, stage_statement(1), "9");
}

static void test_on_done_may_submit(void **state)
{
	struct stage_call first, second;

	stage_open(NODE_REPLICA, 1);
	stage_call_init(&first, CALL_QUERY, stage_statement(1), "7");
	first.on_answer = submit_another;
	first.arg = &second;
	assert_true(pool_submit(stage.pool, &first.call));
	stage_turn();
	(void)fake_sent(0);
	stage_answer(0);
	assert_string_equal(fake_sent(0), "probe s1(9) bound sync");
	stage_answer(0);
	assert_int_equal(second.told, 1);
	stage_call_fini(&first);
	stage_call_fini(&second);
}

static void forget_another(struct stage_call *call)
{
	struct stage_call *other = call->arg;

	pool_forget(stage.pool, &other->call);
	stage_call_fini(other);
}

static void test_on_done_may_forget_its_mate(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_query(&calls[1], stage_statement(1), "8");
	calls[0].on_answer = forget_another;
	calls[0].arg = &calls[1];
	stage_turn();
	stage_answer(0);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 0);
	stage_call_fini(&calls[0]);
}

static void free_the_pool(struct stage_call *call)
{
	pool_free(stage.pool);
	stage.pool = NULL;
}

static void test_on_done_may_free_the_pool(void **state)
{
	struct stage_call calls[3];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_query(&calls[1], stage_statement(1), "8");
	calls[0].on_answer = free_the_pool;
	stage_turn();
	stage_query(&calls[2], stage_statement(1), "9");
	stage_answer(0);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(calls[2].told, 1);
	assert_int_equal(calls[2].call.end, CALL_UNSENT);
	assert_false(fake_is_open(0));
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

static void submit_in_vain(struct stage_call *call)
{
	struct stage_call *other = call->arg;

	stage_call_init(other, CALL_QUERY, stage_statement(1), "9");
	assert_false(pool_submit(stage.pool, &other->call));
}

static void test_freeing_the_pool_ends_every_call_and_takes_no_more(void **state)
{
	struct stage_call out, waiting, late;

	stage_open(NODE_REPLICA, 1);
	stage_query(&out, stage_statement(1), "7");
	stage_turn();
	stage_query(&waiting, stage_statement(1), "8");
	waiting.on_answer = submit_in_vain;
	waiting.arg = &late;
	pool_free(stage.pool);
	stage.pool = NULL;
	assert_int_equal(out.call.end, CALL_LOST);
	assert_int_equal(waiting.call.end, CALL_UNSENT);
	assert_int_equal(late.told, 0);
	stage_call_fini(&out);
	stage_call_fini(&waiting);
	stage_call_fini(&late);
}

static void test_abandoning_a_node_gives_everything_back_at_once(void **state)
{
	struct stage_call out, waiting, command, again;

	stage_open(NODE_PRIMARY, 2);
	stage_query(&out, stage_statement(1), "7");
	stage_send(&command, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	stage_query(&waiting, stage_statement(1), "8");
	waiting.on_answer = submit_another;
	waiting.arg = &again;
	pool_abandon(stage.pool, "the node does not answer");
	assert_int_equal(out.call.end, CALL_LOST);
	assert_string_equal(out.call.lost_reason, "the node does not answer");
	assert_int_equal(command.call.end, CALL_LOST);
	assert_int_equal(waiting.call.end, CALL_UNSENT);
	assert_false(pool_connected(stage.pool));
	assert_int_equal(again.told, 0);
	assert_int_equal(pool_load(stage.pool), 1);
	pool_forget(stage.pool, &again.call);
	stage_call_fini(&out);
	stage_call_fini(&waiting);
	stage_call_fini(&command);
	stage_call_fini(&again);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_on_done_may_submit),
		STORY(test_on_done_may_forget_its_mate),
		STORY(test_on_done_may_free_the_pool),
		STORY(test_freeing_the_pool_ends_every_call_and_takes_no_more),
		STORY(test_abandoning_a_node_gives_everything_back_at_once),
	};

	return cmocka_run_group_tests_name("the ends of calls", tests, NULL, NULL);
}
