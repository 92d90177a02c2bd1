/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come and are served at a stage of its own clock. */
#include "admission_story.h"

#include "base/clock.h"
#include "pg/pool_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct stage_call calls[CALLS];
unsigned calls_count;
uint64_t user_of_next;

/* One conn, calls by themselves: the simplest queue there is. */
struct pool_settings alone(void)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = settings.batch_calls_max = 1;
	settings.concurrency_fixed = 4;
	calls_count = 0;
	return settings;
}

/* False: it was refused. */
bool came_of_cohort(unsigned urgency, unsigned cohort)
{
	struct stage_call *call = &calls[calls_count];

	assert_true(calls_count < CALLS);
	stage_call_init(call, CALL_QUERY, stage_statement(1), "7");
	call->call.ticket.priority = (struct priority){
		.asked = true, .urgency = urgency, .cohort = cohort, .user = user_of_next
	};
	if (pool_submit(stage.pool, &call->call)) {
		calls_count++;
		return true;
	}
	return false;
}

bool came(unsigned urgency)
{
	return came_of_cohort(urgency, 0);
}

void try(unsigned urgency)
{
	if (!came(urgency))
		stage_call_fini(&calls[calls_count]);
}

void served(unsigned count)
{
	while (count--) {
		stage_pass(SERVED_US);
		stage_answer(0);
	}
}

/* Two always wait. Afterwards the queue is found to stand, and two wait there. */
void overload(void)
{
	for (int i = 0; i < 3; i++)
		assert_true(came(3));
	stage_turn();
	for (int i = 0; i < 40; i++) {
		served(1);
		assert_true(came(3));
		stage_turn();
	}
	assert_true(codel_overloaded(&stage.pool->lanes[LANE_QUICK].admission.codel,
				     loop_now(stage.loop)));
}

void finish(void)
{
	while (pool_load(stage.pool)) {
		stage_pass(1);
		stage_answer(0);
	}
	for (unsigned i = 0; i < calls_count; i++)
		stage_call_fini(&calls[i]);
}

bool slow_came_from(unsigned urgency, uint64_t user)
{
	struct stage_call *call = &calls[calls_count];

	stage_call_init(call, CALL_QUERY, stage_statement(2), "7");
	call->call.ticket.priority =
		(struct priority){ .asked = true, .urgency = urgency, .user = user };
	if (!pool_submit(stage.pool, &call->call)) {
		stage_call_fini(call);
		return false;
	}
	calls_count++;
	return true;
}

bool slow_came(unsigned urgency)
{
	return slow_came_from(urgency, 0);
}
