/* SPDX-License-Identifier: Apache-2.0 */
/* What a token says of a position; what of a topology is news. */
#include "router/cluster/topology.h"

#include "base/control.h"

#include <string.h>

struct branch_position topology_token(const struct topology *topology, struct position position)
{
	struct branch_position token =
		branches_position(&topology->branches, &topology->history, position);

	if (CONTROL_LIVES && topology->lives.count &&
	    position.timeline == topology->primary_position.timeline)
		token.mark = lives_mark(&topology->lives, position.lsn);
	return token;
}

static bool lives_differ(const struct lives *a, const struct lives *b)
{
	return a->count != b->count ||
	       (a->count && a->items[a->count - 1].mark != b->items[b->count - 1].mark);
}

bool topology_differs(const struct topology *a, const struct topology *b)
{
	if (a->primary != b->primary || a->primary_seen != b->primary_seen ||
	    a->commits != b->commits || a->confirmation.needed != b->confirmation.needed ||
	    a->confirmation.lack != b->confirmation.lack ||
	    a->confirmation.standbys != b->confirmation.standbys ||
	    a->primary_position.timeline != b->primary_position.timeline ||
	    a->history.timeline != b->history.timeline || a->history.count != b->history.count ||
	    a->history.complete != b->history.complete || lives_differ(&a->lives, &b->lives) ||
	    a->system_identifier != b->system_identifier || a->key_known != b->key_known ||
	    a->schema_missing != b->schema_missing || memcmp(a->key, b->key, sizeof(a->key)) != 0)
		return true;
	for (unsigned i = 0; i < a->count; i++) {
		const struct node_view *x = &a->nodes[i], *y = &b->nodes[i];

		if (x->role != y->role || node_is_up(x) != node_is_up(y) ||
		    x->in_rotation != y->in_rotation || x->life != y->life ||
		    x->log_mark != y->log_mark || x->paused != y->paused ||
		    x->foreign != y->foreign || x->short_of != y->short_of ||
		    x->fenced != y->fenced)
			return true;
	}
	return false;
}
