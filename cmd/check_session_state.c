/* SPDX-License-Identifier: Apache-2.0 */
/* A warning for each statement that may leave something in its session
 * (pg/wire/session_state.h). */
#include "cmd/check_session_state.h"

#include "pg/wire/session_state.h"

#include <string.h>

void check_session_state(struct check_node *node, const struct operation *operation,
			 struct findings *findings)
{
	static const char key[] = "{\"found\":\"";
	const struct buf *out = &node->asker.out;
	struct call call;
	const char *end;

	/* An error here is no fault of the statement. */
	if (asker_ask_about(&node->asker, session_state_query, operation->statement->text, &call) !=
	    CALL_OK) {
		findings_unasked(findings, node->asker.node->name,
				 "what a statement leaves in its session", &call);
		return;
	}
	if (out->len < sizeof(key) || strncmp(out->ptr, key, sizeof(key) - 1) != 0)
		return;
	end = memchr(out->ptr + sizeof(key) - 1, '"', out->len - (sizeof(key) - 1));
	if (!end)
		return;
	findings_warning(findings, operation->text_place,
			 "it may leave something in its session: %.*s (a function, view or trigger "
			 "that it uses may be what does)",
			 (int)(end - (out->ptr + sizeof(key) - 1)), out->ptr + sizeof(key) - 1);
}
