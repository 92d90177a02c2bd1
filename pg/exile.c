/* SPDX-License-Identifier: Apache-2.0 */
/* One word per statement: how long the last exile was, and how many runs of it are left. */
#include "pg/exile.h"

#include "base/limits.h"

#define EXILE_LENGTH_SHIFT 16
#define EXILE_LEFT_MASK 0xffffu

static uint32_t exile_of(const struct statement *statement)
{
	return atomic_load_explicit(&statement->exile, memory_order_relaxed);
}

static void exile_set(struct statement *statement, uint32_t length, uint32_t left)
{
	atomic_store_explicit(&statement->exile, length << EXILE_LENGTH_SHIFT | left,
			      memory_order_relaxed);
}

bool exile_is_on(const struct statement *statement)
{
	return exile_of(statement) & EXILE_LEFT_MASK;
}

void exile_begin(struct statement *statement)
{
	uint32_t length = 2 * (exile_of(statement) >> EXILE_LENGTH_SHIFT);

	if (length < GROUP_EXILE_RUNS_MIN)
		length = GROUP_EXILE_RUNS_MIN;
	if (length > GROUP_EXILE_RUNS_MAX)
		length = GROUP_EXILE_RUNS_MAX;
	exile_set(statement, length, length);
}

void exile_serve(struct statement *statement)
{
	uint32_t exile = exile_of(statement), left = exile & EXILE_LEFT_MASK;

	if (left)
		exile_set(statement, exile >> EXILE_LENGTH_SHIFT, left - 1);
}

void exile_pardon(struct statement *statement)
{
	uint32_t exile = exile_of(statement), length = exile >> EXILE_LENGTH_SHIFT;

	if (length)
		exile_set(statement, length - (length + 7) / 8, exile & EXILE_LEFT_MASK);
}
