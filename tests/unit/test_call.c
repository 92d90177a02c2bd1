/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a call, by themselves and through a pool. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/call.h"

#include "aborts.h"
#include "fake_libpq.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct move {
	enum call_state from, to;
};

static void make_move(void *arg)
{
	const struct move *move = arg;
	struct call call = { .state = move->from };

	call_move(&call, move->to);
}

static bool may_move(enum call_state from, enum call_state to)
{
	return !aborts(make_move, &(struct move){ from, to });
}

static void a_call_moves_only_as_drawn(void **state)
{
	(void)state;
	assert_true(may_move(CALL_AT_MAKER, CALL_QUEUED));
	assert_true(may_move(CALL_QUEUED, CALL_OUT));
	assert_true(may_move(CALL_OUT, CALL_QUEUED));
	/* Its maker has rows of it. */
	assert_false(may_move(CALL_STREAMING, CALL_QUEUED));
	/* It ends once. */
	assert_false(may_move(CALL_ENDED, CALL_ENDED));
	assert_false(may_move(CALL_ENDED, CALL_QUEUED));
	assert_false(may_move(CALL_AT_MAKER, CALL_ENDED));
	for (enum call_state each = CALL_QUEUED; each < CALL_STATES; each++)
		assert_true(may_move(each, CALL_AT_MAKER));
}

static void a_call_is_queued_then_out_then_back_with_its_maker(void **state)
{
	struct stage_call call;

	(void)state;
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	assert_int_equal(call.call.state, CALL_QUEUED);
	stage_turn();
	assert_int_equal(call.call.state, CALL_OUT);
	assert_non_null(call.call.conn);
	stage_answer(0);
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.state, CALL_AT_MAKER);
	assert_null(call.call.conn);
	stage_call_fini(&call);
}

static void a_call_that_was_forgotten_can_be_submitted_again(void **state)
{
	struct stage_call call;

	(void)state;
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	pool_forget(stage.pool, &call.call);
	assert_int_equal(call.call.state, CALL_AT_MAKER);
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	/* On its way, it is forgotten as well; its batch runs to the end. */
	pool_forget(stage.pool, &call.call);
	assert_int_equal(call.call.state, CALL_AT_MAKER);
	stage_answer(0);
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.told, 1);
	stage_call_fini(&call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_moves_only_as_drawn),
		cmocka_unit_test_setup_teardown(a_call_is_queued_then_out_then_back_with_its_maker,
						stage_clear, stage_close),
		cmocka_unit_test_setup_teardown(a_call_that_was_forgotten_can_be_submitted_again,
						stage_clear, stage_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
