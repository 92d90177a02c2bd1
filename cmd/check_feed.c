/* SPDX-License-Identifier: Apache-2.0 */
/* The question of a service that starts, asked before that. */
#include "cmd/check_feed.h"

#include "router/feed_keeper.h"

void check_feed(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings)
{
	const struct operation *writer = feed_writer(catalog);
	const struct buf *out = &primary->asker.out;
	struct call call = { .kind = CALL_QUERY, .statement = feed_right() };
	const char *lacks;

	if (!writer)
		return;
	if (asker_call(&primary->asker, &call) != CALL_OK) {
		findings_unasked(findings, primary->asker.node->name,
				 "whether rows of the feed can be written", &call);
		return;
	}
	lacks = feed_right_lacks((struct text){ out->ptr, out->len });
	if (lacks)
		findings_error(findings, writer->place,
			       "%s has @invalidates, and %s takes no row of the feed for it: %s",
			       writer->name, primary->asker.node->name, lacks);
}
