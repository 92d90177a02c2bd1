/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns there are PostgreSQL says: cmd/check_not_null.h. */
#include "catalog/document_options.h"

#include "base/json.h"
#include "catalog/params.h"

#include <string.h>

void document_option_not_null(struct draft *draft, const struct operation_option *row,
			      struct cut value)
{
	struct named_column *columns =
		arena_zero(draft->arena, value.text.len + 1, sizeof(*columns));
	struct cut list = value;
	unsigned count = 0;

	for (bool more = true; more;) {
		const char *comma = memchr(list.text.ptr, ',', list.text.len);
		size_t len = comma ? (size_t)(comma - list.text.ptr) : list.text.len;
		struct cut item = cut_trim(cut_take(&list, len));

		more = comma != NULL;
		if (more)
			(void)cut_take(&list, 1);
		if (!item.text.len) {
			value_wrong(draft, row, value, (struct text){ NULL, 0 });
			return;
		}
		columns[count].name = arena_text(draft->arena, item.text);
		columns[count++].place = source_place(draft->source, item.at);
	}
	draft->operation.not_null = columns;
	draft->operation.not_null_count = count;
}

void document_option_example(struct draft *draft, const struct operation_option *row,
			     struct cut value)
{
	struct json_error error = { .text = "no object" };
	struct json *json = json_read(value.text, &error);

	if (json && json_kind(json) == JSON_OBJECT) {
		draft->example = value;
		draft->operation.example = arena_text(draft->arena, value.text);
	} else {
		source_error(draft->source, value.at, "@%s is a JSON object of parameters: %s",
			     row->name, json ? "it is none" : error.text);
	}
	if (json)
		json_free(json);
}

static bool document_has_param(const struct draft *draft, struct text name)
{
	for (unsigned i = 0; i < draft->params_count; i++)
		if (text_is(name, draft->params[i].parameter.name))
			return !draft->params[i].parameter.is_request_user;
	return false;
}

void document_options_finish(struct draft *draft)
{
	struct json_error error;
	struct json *json;

	if (!draft->operation.example.ptr)
		return;
	json = json_read(draft->operation.example, &error);
	for (const struct json *it = json ? json_first(json) : NULL; it; it = json_next(it))
		if (!document_has_param(draft, json_key(it)))
			source_error_near(draft->source, draft->example.at,
					  param_nearest(draft, json_key(it)),
					  "\"%.*s\" is no parameter of the statement",
					  source_shown(json_key(it)), json_key(it).ptr);
	if (json)
		json_free(json);
}
