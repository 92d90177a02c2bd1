/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL knows of it, types and columns, is verified when it is described. */
#include "catalog/lookup.h"

#include "catalog/params.h"
#include "catalog/words.h"

#include <string.h>

void lookup_read(struct draft *draft, const struct operation_option *row, struct cut value)
{
	struct cut rest = value, by = cut_word(&rest), name;

	(void)row;
	rest = cut_trim(rest);
	name = cut_word(&rest);
	if (name.text.len > 0 && name.text.ptr[0] == ':')
		(void)cut_take(&name, 1);
	if (!text_is(by.text, "by") || name.text.len == 0 || cut_trim(rest).text.len > 0) {
		source_error(draft->source, value.at,
			     "write \"@lookup by PARAM\": the name of the parameter that the "
			     "statement takes an array of");
		return;
	}
	draft->lookup = (struct draft_lookup){ name, SIZE_MAX, SIZE_MAX };
}

static bool lookup_is_plural(struct text name, struct text of)
{
	return name.len == of.len + 1 && name.ptr[of.len] == 's' &&
	       memcmp(name.ptr, of.ptr, of.len) == 0;
}

struct text lookup_parameter(struct draft *draft, const struct token *token, struct text name)
{
	struct draft_lookup *lookup = &draft->lookup;
	struct text by = lookup->by.text;

	if (!by.ptr)
		return name;
	if (name.len == by.len && memcmp(name.ptr, by.ptr, by.len) == 0 &&
	    lookup->placeholder_at == SIZE_MAX)
		lookup->placeholder_at = token->start;
	if (!lookup_is_plural(name, by) || param_is_declared(draft, name))
		return name;
	if (lookup->plural_at == SIZE_MAX)
		lookup->plural_at = token->start;
	return by;
}

static struct draft_param *lookup_find(struct draft *draft)
{
	for (unsigned i = 0; i < draft->params_count; i++)
		if (text_is(draft->lookup.by.text, draft->params[i].parameter.name))
			return &draft->params[i];
	return NULL;
}

/* False: it was complained about. */
static bool lookup_check(struct draft *draft, const struct draft_param *param)
{
	const struct draft_lookup *lookup = &draft->lookup;
	int len = source_shown(lookup->by.text);
	const char *name = lookup->by.text.ptr;

	if (draft->operation.rows == ROWS_EXEC) {
		source_error(draft->source, lookup->by.at,
			     "@lookup is for :one, :maybe and :many: an :exec returns no rows");
		return false;
	}
	if (draft->operation.coalescing == COALESCING_NEVER) {
		source_error(draft->source, lookup->by.at,
			     "@lookup and \"@coalesce off\" exclude each other");
		return false;
	}
	if (!param) {
		source_error_near(draft->source, lookup->by.at,
				  param_nearest(draft, lookup->by.text),
				  "the statement has no parameter \"%.*s\": write … = ANY(:%.*s)",
				  len, name, len, name);
		return false;
	}
	if (param->parameter.is_request_user) {
		source_error(draft->source, lookup->by.at,
			     "\"%.*s\" is the request's user, and no key that a caller asks for",
			     len, name);
		return false;
	}
	if (lookup->plural_at != SIZE_MAX && lookup->placeholder_at != SIZE_MAX) {
		source_error(draft->source, lookup->plural_at,
			     ":%.*s stands for the array of @lookup already; if :%.*ss is another "
			     "parameter, declare all of them with @param",
			     len, name, len, name);
		return false;
	}
	return true;
}

void lookup_finish(struct draft *draft)
{
	struct operation *operation = &draft->operation;
	struct statement *statement = operation->statement;
	struct draft_param *param;
	const char *type;

	if (!draft->lookup.by.text.ptr)
		return;
	param = lookup_find(draft);
	if (!lookup_check(draft, param))
		return;
	type = param->parameter.type;
	if (type && strchr(type, '[')) {
		source_error(draft->source, param->at,
			     "a caller gives one \"%s\", @lookup makes an array of it: declare it "
			     "without []",
			     param->parameter.name);
		return;
	}
	statement->lookup = (uint16_t)(param - draft->params + 1);
	statement->key = param->parameter.name;
}

const char *lookup_type(struct draft *draft, unsigned param)
{
	const char *type = draft->params[param].parameter.type;
	bool is_array = type && draft->operation.statement->lookup == param + 1;

	return is_array ? arena_printf(draft->arena, "%s[]", type) : type;
}
