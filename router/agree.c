/* SPDX-License-Identifier: Apache-2.0 */
/* One claim, standbys that stream it, and nobody who answers otherwise. */
#include "router/agree.h"

/* A standby says what it streams, or a walsender says it for one that may not. */
static bool agree_follows(const struct views *views, unsigned index, unsigned primary)
{
	const struct view_memory *memory = &views->memory[index];
	const struct history *its = &memory->history;
	const struct history *ours = &views->memory[primary].history;
	uint32_t streams = memory->timeline_hidden ? memory->timeline : memory->streams;

	if (memory->claims_primary || memory->ahead)
		return false;
	if (streams != views->memory[primary].timeline)
		return false;
	if (!its->complete || !ours->complete || its->timeline != ours->timeline)
		return true;
	return history_agrees(its, ours);
}

/* Do all that answer agree on it, more than half of those named? all: nobody is silent. */
static bool agree_all(const struct views *views, unsigned primary, bool *all)
{
	const struct topology *topology = &views->topology;
	unsigned agree = 0;

	*all = true;
	for (unsigned i = 0; i < topology->count; i++) {
		if (!topology->nodes[i].up || !views_ours(views, i))
			*all = false;
		else if (i == primary || agree_follows(views, i, primary))
			agree++;
		else
			return false;
	}
	return 2 * agree > topology->count;
}

/* The one that claims to be primary; -1: none, or several. */
static int agree_only_claim(const struct views *views)
{
	int only = -1;

	for (unsigned i = 0; i < views->topology.count; i++) {
		if (!views->topology.nodes[i].up || !views->memory[i].claims_primary ||
		    !views_ours(views, i))
			continue;
		if (only >= 0)
			return -1;
		only = (int)i;
	}
	return only;
}

int agree_on(const struct views *views, bool *all)
{
	int only = agree_only_claim(views);

	*all = false;
	return only >= 0 && agree_all(views, (unsigned)only, all) ? only : -1;
}
