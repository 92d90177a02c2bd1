/* SPDX-License-Identifier: Apache-2.0 */
/* All over one conn of a replica. */
#include "coalesce_story.h"

#include "fake_libpq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stage_call calls[COALESCE_CALLS];
struct stage_call first;

void init(struct stage_call *call, const char *value)
{
	stage_call_init(call, CALL_QUERY, stage_statement(1), value);
	call->call.coalesces = true;
}

void submit(struct stage_call *call)
{
	assert_true(pool_submit(stage.pool, &call->call));
}

void ask(struct stage_call *call, const char *value)
{
	init(call, value);
	submit(call);
}

void begin(void)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 1, .cell = "5" });
	stage_open(NODE_REPLICA, 1);
	stage_query(&first, stage_statement(2), "0");
	stage_turn();
	(void)fake_sent(0);
}

const char *first_is_over(void)
{
	stage_answer(0);
	return fake_sent(0);
}

void begin_with_three(void)
{
	begin();
	for (unsigned i = 0; i < 3; i++)
		ask(&calls[i], "7");
}

void end(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_call_fini(&calls[i]);
	stage_call_fini(&first);
}

void assert_told(struct stage_call *call)
{
	assert_int_equal(call->told, 1);
	assert_int_equal(call->call.end, CALL_OK);
	assert_int_equal(call->call.rows, 1);
	assert_string_equal(stage_out(call), "{\"x\":5}");
}
