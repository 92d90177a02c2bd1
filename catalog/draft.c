/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of a draft. */
#include "catalog/draft.h"

#include <stdlib.h>

void draft_init(struct draft *draft, struct source *source, struct arena *arena,
		struct buf *not_yet)
{
	*draft = (struct draft){ .source = source, .arena = arena, .not_yet = not_yet };
	buf_init(&draft->description);
	options_init(draft);
}

void draft_fini(struct draft *draft)
{
	buf_fini(&draft->description);
	free(draft->uses);
}

/* Without empty lines at either end. */
static const char *draft_description(struct draft *draft)
{
	struct cut cut = { { draft->description.ptr, draft->description.len }, 0 };

	if (cut.text.len == 0)
		return "";
	cut = cut_trim(cut);
	return arena_copy(draft->arena, cut.text.ptr, cut.text.len);
}

void draft_finish(struct draft *draft, struct operation *operation)
{
	draft->operation.place = source_place(draft->source, draft->header_at);
	draft->operation.description = draft_description(draft);
	statement_finish(draft);
	if (draft->begun)
		params_finish(draft);
	options_finish(draft);
	*operation = draft->operation;
}
