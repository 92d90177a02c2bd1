/* SPDX-License-Identifier: Apache-2.0 */
/* What the operation declares, as a call and as a document. */
#include "write/operation_form.h"

#include "catalog/document.h"
#include "pg/sqlstate.h"
#include "router/feed_tags.h"

#include <assert.h>

enum isolation operation_isolation(const struct operation *operation)
{
	switch (operation->isolation) {
	case CATALOG_READ_COMMITTED:
		return ISOLATION_READ_COMMITTED;
	case CATALOG_REPEATABLE_READ:
		return ISOLATION_REPEATABLE_READ;
	case CATALOG_SERIALIZABLE:
		return ISOLATION_SERIALIZABLE;
	}
	assert(!"an isolation level");
	return ISOLATION_READ_COMMITTED;
}

static enum call_transaction operation_transaction(const struct operation *operation)
{
	if (operation->is_call)
		return TRANSACTION_EXPLICIT;
	return operation->lonely ? TRANSACTION_OWN : TRANSACTION_SHARED;
}

static void operation_form_touch(struct command *command, struct call *call)
{
	const struct operation *operation = command->operation;
	struct arena *arena = &command->request->arena;

	call->tags_count = operation->tags_count;
	if (call->tags_count)
		call->tags = feed_tags(operation,
				       command->shape ? command->shape
						      : statement_shape(call->statement),
				       command->values, arena);
	command->touched = (struct feed_tag_list){ call->tags, call->tags_count };
	if (feed_doubts_relations(command->doubts))
		command->touched = feed_tags_touched(operation, call->tags, arena);
}

static void operation_form_fill(struct command *command, struct call *call)
{
	call->statement = command->operation->statement;
	call->values = command->values;
	call->bound = command->shape;
	call->claims = command->claims;
	call->revalidates = true;
	call->rows_max = document_rows_max(command->operation);
	call->isolation = operation_isolation(command->operation);
	call->transaction = operation_transaction(command->operation);
	operation_form_touch(command, call);
}

static void operation_form_begin(struct command *command)
{
	document_begin(command->operation, &command->request->out);
}

/* What it returned, as a document; the token and the last brace are write/write.c's to add. */
static enum command_end operation_form_tell(struct command *command)
{
	const struct operation *operation = command->operation;
	const struct call *call = &command->call;
	struct request *request = command->request;
	const char *effect = command->key ? "was undone: it" : "took effect, but";

	if (call->end == CALL_TOO_LARGE && !(document_rows_max(operation) == 1 && call->rows > 1)) {
		request_fail(request, OUTCOME_RESULT_TOO_LARGE,
			     "%s %s returned more rows or bytes than allowed", operation->name,
			     effect);
		return COMMAND_COMMITTED_UNTELLABLE;
	}
	if (call->untellable) {
		request_fail(request, OUTCOME_QUERY_FAILED, "%s %s %s", operation->name, effect,
			     call->untellable);
		return COMMAND_COMMITTED_UNTELLABLE;
	}
	switch (document_end(operation, &request->out, call->rows, call->affected)) {
	case DOCUMENT_WHOLE:
		return COMMAND_COMMITTED;
	case DOCUMENT_NO_ROW:
		request_fail(request, OUTCOME_NOT_FOUND, "%s found no row", operation->name);
		return COMMAND_COMMITTED_UNTELLABLE;
	case DOCUMENT_MANY_ROWS:
		request_fail(request, OUTCOME_UNEXPECTED_CARDINALITY,
			     "%s %s returned more than one row", operation->name, effect);
		return COMMAND_COMMITTED_UNTELLABLE;
	}
	assert(!"an end of a document");
	return COMMAND_COMMITTED_UNTELLABLE;
}

static void operation_form_explain(struct command *command)
{
	const struct operation *operation = command->operation;
	unsigned param = command->call.error.param;
	struct text name = { 0 };

	if (param && param <= operation->parameters_count)
		name = text_of(operation->parameters[param - 1].name);
	sqlstate_explain(command->request, &command->call, true, name);
}

const struct command_form operation_form = {
	.fill = operation_form_fill,
	.begin = operation_form_begin,
	.tell = operation_form_tell,
	.explain = operation_form_explain,
};
