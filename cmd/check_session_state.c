/* SPDX-License-Identifier: Apache-2.0 */
/* A warning for each statement that may leave something in its session
 * (pg/wire/session_state.h). */
#include "cmd/check_session_state.h"

#include "pg/wire/session_state.h"

#include <string.h>

static enum call_end check_ask_session_state(struct check_node *node,
					     const struct operation *operation, struct call *call)
{
	struct arena *arena = &node->asker.arena;
	struct statement *statement = arena_zero(arena, 1, sizeof(*statement));
	const char **values = arena_zero(arena, 1, sizeof(*values));
	struct shape *shape = shape_new(1, 0);
	enum { OID_TEXT = 25 };
	enum call_end end;

	shape->param_types[0].oid = OID_TEXT;
	statement->id = statement_next_id();
	statement->name = "ask";
	statement->text = session_state_query;
	statement->params = 1;
	statement_set_shape(statement, shape);
	values[0] = operation->statement->text;
	*call = (struct call){ .kind = CALL_QUERY, .statement = statement, .values = values };
	end = asker_call(&node->asker, call);
	statement_fini(statement);
	return end;
}

void check_session_state(struct check_node *node, const struct operation *operation,
			 struct findings *findings)
{
	static const char key[] = "{\"found\":\"";
	const struct buf *out = &node->asker.out;
	struct call call;
	const char *end;

	/* An error here is no fault of the statement; that the node gives no answer is among
	 * the findings of check_describe. */
	if (check_ask_session_state(node, operation, &call) != CALL_OK || out->len < sizeof(key) ||
	    strncmp(out->ptr, key, sizeof(key) - 1) != 0)
		return;
	end = memchr(out->ptr + sizeof(key) - 1, '"', out->len - (sizeof(key) - 1));
	if (!end)
		return;
	findings_warning(findings, operation->text_place,
			 "it may leave something in its session: %.*s (a function, view or trigger "
			 "that it uses may be what does)",
			 (int)(end - (out->ptr + sizeof(key) - 1)), out->ptr + sizeof(key) - 1);
}
