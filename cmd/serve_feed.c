/* SPDX-License-Identifier: Apache-2.0 */
/* Asked before anything is made: what is wrong here is for the person who starts it. */
#include "cmd/serve_feed.h"

#include "base/json.h"
#include "cmd/ask.h"
#include "router/feed_tables.h"

#include <stdio.h>

static bool serve_feed_is_fit(const struct asker *asker)
{
	struct json *rows = json_read_rows((struct text){ asker->out.ptr, asker->out.len });
	const struct json *row = rows ? json_first(rows) : NULL;
	struct text wrong = { NULL, 0 };

	if (row && !json_bool(json_get(row, "standby")))
		wrong = json_text(json_get(row, "wrong"));
	if (wrong.len)
		fprintf(stderr, "cqrsd serve: --feed logical: %s: %.*s\n", asker->node->name,
			(int)wrong.len, wrong.ptr);
	if (rows)
		json_free(rows);
	return !wrong.len;
}

bool serve_feed_check(const struct options *options, unsigned nodes_count)
{
	struct asker asker;
	struct call call;
	char error[512];
	bool fit = true;

	if (options->feed != FEED_LOGICAL || nodes_count < 2 ||
	    !feed_tables_wanted(options, nodes_count))
		return true;
	if (!asker_init(&asker, options->primary, NODE_PRIMARY, NULL, error, sizeof(error))) {
		fprintf(stderr, "cqrsd serve: --primary: %s\n", error);
		return false;
	}
	if (asker_ask(&asker, CALL_QUERY, feed_decoded_check(), &call) == CALL_OK)
		fit = serve_feed_is_fit(&asker);
	asker_fini(&asker);
	return fit;
}
