/* SPDX-License-Identifier: Apache-2.0 */
/* One word per statement: how long the last quarantine was, and how many runs of it are left. */
#include "pg/admission/quarantine.h"

#include "base/limits.h"

#define QUARANTINE_LENGTH_SHIFT 16
#define QUARANTINE_REST_MASK 0xffffu

static uint32_t quarantine_of(const struct statement *statement)
{
	return atomic_load_explicit(&statement->quarantine, memory_order_relaxed);
}

static void quarantine_set(struct statement *statement, uint32_t length, uint32_t rest)
{
	atomic_store_explicit(&statement->quarantine, length << QUARANTINE_LENGTH_SHIFT | rest,
			      memory_order_relaxed);
}

bool quarantine_is_on(const struct statement *statement)
{
	return quarantine_of(statement) & QUARANTINE_REST_MASK;
}

void quarantine_begin(struct statement *statement)
{
	uint32_t length = 2 * (quarantine_of(statement) >> QUARANTINE_LENGTH_SHIFT);

	if (length < GROUP_QUARANTINE_RUNS_MIN)
		length = GROUP_QUARANTINE_RUNS_MIN;
	if (length > GROUP_QUARANTINE_RUNS_MAX)
		length = GROUP_QUARANTINE_RUNS_MAX;
	quarantine_set(statement, length, length);
}

void quarantine_serve(struct statement *statement)
{
	uint32_t quarantine = quarantine_of(statement), rest = quarantine & QUARANTINE_REST_MASK;

	if (rest)
		quarantine_set(statement, quarantine >> QUARANTINE_LENGTH_SHIFT, rest - 1);
}

void quarantine_pardon(struct statement *statement)
{
	uint32_t quarantine = quarantine_of(statement),
		 length = quarantine >> QUARANTINE_LENGTH_SHIFT;

	if (length)
		quarantine_set(statement, length - (length + 7) / 8,
			       quarantine & QUARANTINE_REST_MASK);
}
