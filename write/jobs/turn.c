/* SPDX-License-Identifier: Apache-2.0 */
/* Each run of equal urgency is turned by itself. */
#include "write/jobs/turn.h"

/* [begin, end) of the indexes, from begin + turn % length on. */
static void turn_run(unsigned begin, unsigned end, unsigned turn, unsigned *order)
{
	unsigned length = end - begin;

	for (unsigned i = 0; i < length; i++)
		order[begin + i] = begin + (turn % length + i) % length;
}

void job_turn_order(const unsigned *urgencies, unsigned count, unsigned turn, unsigned *order)
{
	unsigned end;

	if (turn % JOB_TURN_OTHERS == JOB_TURN_OTHERS - 1) {
		turn_run(0, count, turn / JOB_TURN_OTHERS, order);
		return;
	}
	for (unsigned begin = 0; begin < count; begin = end) {
		for (end = begin + 1; end < count && urgencies[end] == urgencies[begin];)
			end++;
		turn_run(begin, end, turn, order);
	}
}
