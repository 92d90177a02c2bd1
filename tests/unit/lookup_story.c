/* SPDX-License-Identifier: Apache-2.0 */
/* All over one conn of a replica. */
#include "lookup_story.h"

#include "fake_libpq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stage_call calls[LOOKUP_CALLS];
struct stage_call first;

struct statement *lookup_statement(void)
{
	struct statement *statement = stage_statement(1);
	struct shape *shape = atomic_load(&statement->shape);

	statement->lookup = 1;
	statement->key = "x";
	shape->param_types[0] = (struct pg_type){ .oid = 1007, .element_oid = 23 };
	shape->key_column = 1;
	return statement;
}

void init(struct stage_call *call, const char *key)
{
	struct statement *statement = lookup_statement();

	stage_call_init(call, CALL_QUERY, statement, key);
	call->call.bound = statement_shape(statement);
	call->call.coalesces = true;
}

void submit(struct stage_call *call)
{
	assert_true(pool_submit(stage.pool, &call->call));
}

void ask(struct stage_call *call, const char *key)
{
	init(call, key);
	submit(call);
}

void begin(void)
{
	stage_open(NODE_REPLICA, 1);
	stage_query(&first, stage_statement(2), "0");
	stage_turn();
	(void)fake_sent(0);
}

void begin_with_three(void)
{
	begin();
	ask(&calls[0], "5");
	ask(&calls[1], "3");
	ask(&calls[2], "7");
}

void answer_with(unsigned times, unsigned rows, const char *cells)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .times = times, .rows = rows, .cells = cells });
}

const char *first_is_over(void)
{
	stage_answer(0);
	return fake_sent(0);
}

void begin_out(unsigned rows, const char *cells)
{
	answer_with(ONCE, rows, cells);
	begin_with_three();
	assert_non_null(strstr(first_is_over(), TOGETHER));
}

void assert_rows(struct stage_call *call, const char *rows)
{
	assert_end(call, CALL_OK);
	assert_string_equal(stage_out(call), rows);
	assert_int_equal(call->call.bytes, strlen(rows));
}

void assert_end(struct stage_call *call, enum call_end end)
{
	assert_int_equal(call->told, 1);
	assert_int_equal(call->call.end, end);
	assert_null(call->call.leader);
	assert_null(call->call.follower);
	if (end != CALL_OK)
		assert_int_equal(call->out.len, 0);
}

void assert_untold(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(calls[i].told, 0);
}

void end(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_call_fini(&calls[i]);
	stage_call_fini(&first);
}
