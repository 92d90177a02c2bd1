/* SPDX-License-Identifier: Apache-2.0 */
/* Running means, an eighth of the news at a time. */
#include "pg/admission/estimate.h"

#include "base/limits.h"

#include <assert.h>

#define ESTIMATE_NEWS 8
#define ESTIMATE_MIN_US 2        /* of what has run; the lowest bit is taken */
#define ESTIMATE_SMALL_RESULTS 8 /* in a row, until a statement is not taken for large any more */
#define ESTIMATE_MAX_US (1u << 30)
#define ESTIMATE_NEWS_US_MIN 4000 /* always believed */
#define ESTIMATE_UNKNOWN_US 16    /* the weight of a statement of which nothing is known */

int64_t estimate_us(const struct statement *statement)
{
	return atomic_load_explicit(&statement->running_us, memory_order_relaxed) & ~1u;
}

bool estimate_is_known(const struct statement *statement)
{
	return estimate_us(statement) > 0;
}

bool estimate_is_slow(const struct statement *statement)
{
	return atomic_load_explicit(&statement->running_us, memory_order_relaxed) & 1;
}

/* A busy machine makes any statement look slow now and then: what is known limits the news. */
static int64_t estimate_believable_us(int64_t known_us, int64_t share_us)
{
	int64_t most_us = ESTIMATE_NEWS * known_us + ESTIMATE_NEWS_US_MIN;

	return known_us && share_us > most_us ? most_us : share_us;
}

static void estimate_one(struct statement *statement, int64_t share_us)
{
	int64_t known_us = estimate_us(statement);
	int64_t next_us =
		known_us + (estimate_believable_us(known_us, share_us) - known_us) / ESTIMATE_NEWS;
	bool slow = next_us > (estimate_is_slow(statement) ? ESTIMATE_QUICK_US : ESTIMATE_SLOW_US);

	if (next_us < ESTIMATE_MIN_US)
		next_us = ESTIMATE_MIN_US;
	if (next_us > ESTIMATE_MAX_US)
		next_us = ESTIMATE_MAX_US;
	atomic_store_explicit(&statement->running_us, ((uint32_t)next_us & ~1u) | slow,
			      memory_order_relaxed);
}

static int64_t estimate_weight(const struct statement *statement)
{
	int64_t known_us = estimate_us(statement);

	return known_us > ESTIMATE_UNKNOWN_US ? known_us : ESTIMATE_UNKNOWN_US;
}

static bool estimate_is_first(struct statement *const *statements, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (statements[i] == statements[at])
			return false;
	return true;
}

/* However often a statement is there, the batch is one piece of news. */
void estimate_learn(struct statement *const *statements, unsigned count, int64_t batch_us)
{
	int64_t weights[BATCH_CALLS_MAX], sum = 0;

	assert(batch_us >= 0);
	assert(count <= BATCH_CALLS_MAX);
	for (unsigned i = 0; i < count; i++)
		sum += weights[i] = estimate_weight(statements[i]);
	for (unsigned i = 0; i < count; i++)
		if (estimate_is_first(statements, i))
			estimate_one(statements[i], batch_us * weights[i] / sum);
}

bool estimate_is_large(const struct statement *statement)
{
	return atomic_load_explicit(&statement->large, memory_order_relaxed);
}

/* Two loops may take off the same one: what is remembered is a hint. */
void estimate_learn_size(struct statement *statement, bool large)
{
	uint8_t rest = atomic_load_explicit(&statement->large, memory_order_relaxed);

	if (large)
		rest = ESTIMATE_SMALL_RESULTS;
	else if (rest)
		rest--;
	atomic_store_explicit(&statement->large, rest, memory_order_relaxed);
}
