/* SPDX-License-Identifier: Apache-2.0 */
/* The primary has two conns unless a story says otherwise. */
#include "group_story.h"

#include "base/limits.h"
#include "fake_libpq.h"
#include "pg/admission/raises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct stage_call calls[3];

struct statement *calm(unsigned number)
{
	struct statement *statement = stage_statement(number);

	if (!statement->running_us)
		statement->running_us = 100;
	return statement;
}

struct statement *known(unsigned number)
{
	struct statement *statement = calm(number);

	if (!raises_lately(statement))
		raises_add(statement);
	return statement;
}

void open_groups(unsigned conns, unsigned group_max)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = conns;
	settings.group_max = group_max;
	stage_open_with(NODE_PRIMARY, &settings);
}

void init_for_group(struct stage_call *call, struct statement *statement)
{
	stage_call_init(call, CALL_COMMAND, statement, "7");
	call->call.transaction = TRANSACTION_SHARED;
}

void send_to_group(struct stage_call *call, struct statement *statement)
{
	init_for_group(call, statement);
	assert_true(pool_submit(stage.pool, &call->call));
}

static void send_three_of(struct statement *(*statement)(unsigned number))
{
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], statement(i + 1));
	stage_turn();
}

void send_three(void)
{
	send_three_of(known);
}

void send_three_calm(void)
{
	send_three_of(calm);
}

void end_calls(void)
{
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

void end_calls_as(enum call_end end)
{
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, end);
	}
	end_calls();
}

void check_all_fail(void (*send)(void), unsigned trips)
{
	fail_with("SELECT 1.", "22003", 0);
	fail_with("SELECT 2.", "P0001", 0);
	fail_with("SELECT 3.", "23514", 0);
	send();
	for (unsigned trip = 0; trip < trips; trip++) {
		stage_answer(CONN);
		assert_nobody_was_told();
	}
	stage_answer(CONN);
	end_calls_as(CALL_ERROR);
}

void assert_nobody_was_told(void)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(calls[i].told, 0);
}

void assert_all_went_well(void)
{
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_OK);
		assert_string_equal(stage_out(&calls[i]), "{\"x\":1}");
		assert_true(calls[i].call.effect == EFFECT_WROTE);
		assert_int_equal(calls[i].call.position.lsn, 0x1000);
	}
}

void fail_with(const char *text, const char *sqlstate, unsigned times)
{
	fake_answer_with((struct fake_answer){
		.text = text, .what = FAKE_ERROR, .times = times, .sqlstate = sqlstate });
}
