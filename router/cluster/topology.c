/* SPDX-License-Identifier: Apache-2.0 */
/* What of a topology is news. */
#include "router/cluster/topology.h"

#include <string.h>

bool topology_differs(const struct topology *a, const struct topology *b)
{
	if (a->primary != b->primary || a->primary_seen != b->primary_seen ||
	    a->primary_position.timeline != b->primary_position.timeline ||
	    a->history.timeline != b->history.timeline || a->history.count != b->history.count ||
	    a->history.complete != b->history.complete ||
	    a->system_identifier != b->system_identifier || a->key_known != b->key_known ||
	    a->schema_missing != b->schema_missing || memcmp(a->key, b->key, sizeof(a->key)) != 0)
		return true;
	for (unsigned i = 0; i < a->count; i++) {
		const struct node_view *x = &a->nodes[i], *y = &b->nodes[i];

		if (x->role != y->role || node_is_up(x) != node_is_up(y) ||
		    x->in_rotation != y->in_rotation || x->life != y->life ||
		    x->paused != y->paused || x->foreign != y->foreign ||
		    x->short_of != y->short_of || x->fenced != y->fenced)
			return true;
	}
	return false;
}
