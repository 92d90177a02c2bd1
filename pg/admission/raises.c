/* SPDX-License-Identifier: Apache-2.0 */
/* A leaky bucket per statement, of runs. */
#include "pg/admission/raises.h"

#include "base/limits.h"

static uint32_t raises_of(const struct statement *statement)
{
	return atomic_load_explicit(&statement->raises, memory_order_relaxed);
}

static void raises_set(struct statement *statement, uint32_t runs)
{
	atomic_store_explicit(&statement->raises, runs, memory_order_relaxed);
}

bool raises_lately(const struct statement *statement)
{
	return raises_of(statement) > 0;
}

void raises_add(struct statement *statement)
{
	uint32_t runs = raises_of(statement) + GROUP_RAISE_RUNS;

	raises_set(statement, runs < GROUP_RAISE_RUNS_MAX ? runs : GROUP_RAISE_RUNS_MAX);
}

void raises_pass(struct statement *statement)
{
	uint32_t runs = raises_of(statement);

	if (runs)
		raises_set(statement, runs - 1);
}
