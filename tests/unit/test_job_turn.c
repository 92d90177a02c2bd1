/* SPDX-License-Identifier: Apache-2.0 */
/* In which order queues are claimed from. */
#include "write/jobs/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define QUEUES 5

static const unsigned urgencies[QUEUES] = { 0, 3, 3, 3, 7 };

static void the_most_urgent_are_first(void **state)
{
	unsigned order[QUEUES];

	for (unsigned turn = 0; turn < JOB_TURN_OTHERS - 1; turn++) {
		job_turn_order(urgencies, QUEUES, turn, order);
		assert_int_equal(order[0], 0);
		assert_int_equal(order[QUEUES - 1], 4);
	}
}

static void those_of_one_urgency_take_turns(void **state)
{
	unsigned order[QUEUES];

	for (unsigned turn = 0; turn < 3; turn++) {
		job_turn_order(urgencies, QUEUES, turn, order);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(order[1 + i], 1 + (turn + i) % 3);
	}
}

static void each_one_is_first_now_and_then(void **state)
{
	unsigned order[QUEUES], first[QUEUES] = { 0 };

	for (unsigned turn = 0; turn < JOB_TURN_OTHERS * QUEUES * 10; turn++) {
		job_turn_order(urgencies, QUEUES, turn, order);
		first[order[0]]++;
	}
	for (unsigned i = 1; i < QUEUES; i++)
		assert_int_equal(first[i], 10);
}

static void each_is_there_once(void **state)
{
	unsigned order[QUEUES];

	for (unsigned turn = UINT32_MAX - 100; turn != 100; turn++) {
		unsigned seen = 0;

		job_turn_order(urgencies, QUEUES, turn, order);
		for (unsigned i = 0; i < QUEUES; i++)
			seen |= 1u << order[i];
		assert_int_equal(seen, (1u << QUEUES) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_urgent_are_first),
		cmocka_unit_test(those_of_one_urgency_take_turns),
		cmocka_unit_test(each_one_is_first_now_and_then),
		cmocka_unit_test(each_is_there_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
