/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the slots are kept: a sample costs the slots that have passed since the last one. */
#include "read/warm_pace.h"

#include "base/clock.h"
#include "base/control.h"

#include <string.h>

#define WARM_GROUP_MAX 8
#define WARM_QUICK_US (10 * US_PER_MS) /* a group that took no longer may be followed by a larger */
#define WARM_REST 4                    /* times what a group took */
#define WARM_REST_US_MIN (2 * US_PER_MS)
#define WARM_BURST_PERCENT 125 /* within 50 ms, of what is the most of a second */

static void warm_pace_add(struct misses_sum *sum, const struct misses_sum *more)
{
	sum->queries += more->queries;
	sum->us += more->us;
}

static void warm_pace_take(struct misses_sum *sum, struct misses_sum *slot)
{
	sum->queries -= slot->queries;
	sum->us -= slot->us;
	*slot = (struct misses_sum){ 0 };
}

/* Those that have passed count no more. */
static void warm_pace_move(struct warm_pace *pace, int64_t now_us)
{
	int64_t slot = now_us / WARM_PACE_SAMPLE_US;

	if (slot - pace->slot > WARM_PACE_SLOTS)
		pace->slot = slot - WARM_PACE_SLOTS;
	while (pace->slot < slot) {
		unsigned oldest = (unsigned)(++pace->slot % WARM_PACE_SLOTS);

		warm_pace_take(&pace->all, &pace->slots[oldest]);
		warm_pace_take(&pace->of_clients, &pace->clients[oldest]);
	}
}

void warm_pace_begin(struct warm_pace *pace, struct misses_sum clients, int64_t now_us)
{
	*pace = (struct warm_pace){
		.seen = clients, .slot = now_us / WARM_PACE_SAMPLE_US, .group = 1, .due_us = now_us
	};
}

static void warm_pace_at_most(struct misses_sum *most, const struct misses_sum *sum)
{
	if (sum->queries > most->queries)
		most->queries = sum->queries;
	if (sum->us > most->us)
		most->us = sum->us;
}

static uint64_t warm_pace_queries_max(const struct warm_pace *pace)
{
	return pace->most.queries * WARM_PACE_PERCENT / 100;
}

void warm_pace_sample(struct warm_pace *pace, struct misses_sum clients, int64_t now_us)
{
	const struct misses_sum more = { clients.queries - pace->seen.queries,
					 clients.us - pace->seen.us };
	unsigned at;

	warm_pace_move(pace, now_us);
	at = (unsigned)(pace->slot % WARM_PACE_SLOTS);
	pace->seen = clients;
	warm_pace_add(&pace->slots[at], &more);
	warm_pace_add(&pace->clients[at], &more);
	warm_pace_add(&pace->all, &more);
	warm_pace_add(&pace->of_clients, &more);
	warm_pace_at_most(&pace->most, &pace->of_clients);
	if (warm_pace_queries_max(pace) > WARM_PACE_FEW)
		pace->kind = WARM_PACE_FILLS;
}

/* Of so many within a second, how many more may the slot under way have? */
static uint64_t warm_pace_remains(const struct warm_pace *pace, uint64_t of_second)
{
	uint64_t most = of_second / (WARM_PACE_SLOTS - 1);
	uint64_t taken = pace->slots[pace->slot % WARM_PACE_SLOTS].queries;

	return taken < most ? most - taken : 0;
}

bool warm_pace_allows(const struct warm_pace *pace)
{
	if (!CONTROL_WARM_PACE)
		return true;
	return warm_pace_remains(pace, warm_pace_queries_max(pace) * WARM_BURST_PERCENT / 100) &&
	       pace->all.queries < warm_pace_queries_max(pace) &&
	       pace->all.us <= pace->most.us * WARM_PACE_TIME_PERCENT / 100;
}

void warm_pace_asked(struct warm_pace *pace, int64_t expected_us)
{
	const struct misses_sum one = { 1, expected_us ? (uint64_t)expected_us
						       : WARM_PACE_UNKNOWN_US };

	warm_pace_add(&pace->slots[pace->slot % WARM_PACE_SLOTS], &one);
	warm_pace_add(&pace->all, &one);
}

unsigned warm_pace_group(const struct warm_pace *pace, int64_t now_us)
{
	uint64_t remains = warm_pace_remains(pace, WARM_PACE_FEW);

	if (now_us < pace->due_us)
		return 0;
	return remains < pace->group ? (unsigned)remains : pace->group;
}

void warm_pace_group_over(struct warm_pace *pace, int64_t took_us, int64_t now_us)
{
	int64_t rest_us = CONTROL_WARM_RESTS ? WARM_REST * took_us : 0;

	if (took_us > WARM_QUICK_US)
		pace->group = 1;
	else if (pace->group < WARM_GROUP_MAX)
		pace->group++;
	pace->due_us = now_us + (rest_us > WARM_REST_US_MIN ? rest_us : WARM_REST_US_MIN);
}
