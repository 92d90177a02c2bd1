/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lanes, and how many conns each of them has. */
#include "pg/lane.h"

#include "pg/admission/core_reserve.h"

#include <assert.h>

static const struct lane_rule lane_rules[LANES] = {
	[LANE_QUICK] = {
		.home = LANE_QUICK,
		.sibling = LANE_NONE,
		.admission = ADMISSION_BATCHED,
		.exempt = LANE_EXEMPT_FIRST,
	},
	[LANE_SLOW] = {
		.home = LANE_SLOW,
		.sibling = LANE_LONG,
		.admission = ADMISSION_ALONE,
	},
	[LANE_LONG] = {
		.home = LANE_SLOW,
		.sibling = LANE_SLOW,
		.admission = ADMISSION_ALONE,
		.interval_us_min = CORE_RESERVE_WAIT_US_MAX,
	},
	[LANE_COMMAND] = {
		.home = LANE_COMMAND,
		.sibling = LANE_GROUP,
		.admission = ADMISSION_COMMANDS,
		.exempt = LANE_EXEMPT_FIRST,
		.writes = true,
	},
	[LANE_GROUP] = {
		.home = LANE_COMMAND,
		.sibling = LANE_COMMAND,
		.admission = ADMISSION_COMMANDS,
	},
	[LANE_STREAM] = {
		.home = LANE_STREAM,
		.sibling = LANE_NONE,
		.admission = ADMISSION_ALONE,
		.conns = LANE_CONNS_ON_DEMAND,
		.exempt = LANE_EXEMPT_ALL,
		.one_per_conn = true,
		.unlimited = true,
	},
	[LANE_RESERVE] = {
		.home = LANE_RESERVE,
		.sibling = LANE_NONE,
		.admission = ADMISSION_BATCHED,
		.conns = LANE_CONNS_ON_DEMAND,
		.exempt = LANE_EXEMPT_ALL,
	},
	[LANE_JOBS] = {
		.home = LANE_JOBS,
		.sibling = LANE_NONE,
		.admission = ADMISSION_ALONE,
		.conns = LANE_CONNS_ON_DEMAND,
		.exempt = LANE_EXEMPT_ALL,
		.writes = true,
		.one_per_conn = true,
		.unlimited = true,
	},
	[LANE_NONE] = {
		.home = LANE_NONE,
		.sibling = LANE_NONE,
		.conns = LANE_CONNS_UNUSED,
	},
};

void lanes_init(struct lane lanes[LANES], struct admission_shared *shared)
{
	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		const struct lane_rule *rule = &lane_rules[kind];
		struct lane *lane = &lanes[kind];

		*lane = (struct lane){ .kind = kind, .rule = rule };
		lane->home = &lanes[rule->home];
		list_init(&lane->queue);
		admission_init(&lane->admission, rule->admission, shared, &lane->queue,
			       rule->sibling == LANE_NONE ? NULL : &lanes[rule->sibling].admission);
		if (lane->admission.codel.interval_us < rule->interval_us_min)
			lane->admission.codel.interval_us = rule->interval_us_min;
	}
}

void lanes_fini(struct lane lanes[LANES])
{
	for (enum lane_kind kind = 0; kind < LANES; kind++)
		admission_fini(&lanes[kind].admission);
}

void lanes_share_out(struct lane lanes[LANES], unsigned count, struct lane_sizes sizes,
		     bool primary)
{
	unsigned queries = sizes.queries, commands = 0;

	/* Queries always batch, commands only under load and not all: most are for them. */
	if (primary)
		commands = queries < 4 ? 1 : queries - (queries / 4 + 1);
	queries -= commands;
	lanes[LANE_COMMAND].size = commands;
	lanes[LANE_SLOW].size = queries >= 2 ? 1 : 0;
	lanes[LANE_QUICK].size = queries - lanes[LANE_SLOW].size;
	lanes[LANE_STREAM].size = sizes.streams;
	lanes[LANE_JOBS].size = primary ? sizes.jobs : 0;
	lanes[LANE_RESERVE].size = lanes[LANE_SLOW].size ? 0 : 1;
	assert(lanes[LANE_QUICK].size > 0);
	for (enum lane_kind kind = 0; kind < LANE_NONE; kind++) {
		assert(count >= lanes[kind].size);
		count -= lanes[kind].size;
	}
	lanes[LANE_NONE].size = count;
}

struct lane *lane_older(struct lane *lane, struct lane *other)
{
	const struct ticket *first, *first_of_other;

	if (list_empty(&other->queue))
		return lane;
	if (list_empty(&lane->queue))
		return other;
	first = container_of(list_first(&lane->queue), struct ticket, link);
	first_of_other = container_of(list_first(&other->queue), struct ticket, link);
	return first->waits_since_us <= first_of_other->waits_since_us ? lane : other;
}
