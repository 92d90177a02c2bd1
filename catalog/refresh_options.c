/* SPDX-License-Identifier: Apache-2.0 */
/* A query is known by its name only: it may stand in another file, behind the command. */
#include "catalog/refresh_options.h"

#include "base/nearest.h"
#include "catalog/params.h"

#include <string.h>

/* --- while its command is read ---------------------------------------------------------------- */

void refresh_option(struct draft *draft, const struct operation_option *row, struct cut value)
{
	if (value.text.len == 0)
		value_wrong(draft, row, value, (struct text){ NULL, 0 });
	else if (draft->refreshes_count == OPERATION_REFRESHES_MAX)
		source_error(draft->source, value.at, "@%s is given more than %d times", row->name,
			     OPERATION_REFRESHES_MAX);
	else
		draft->refreshes[draft->refreshes_count++] = value;
}

static bool refresh_wrong(struct draft *draft, struct cut at, const char *wanted)
{
	source_error(draft->source, at.at,
		     "%s is missing: @refreshes QUERY(name = :param, …) [wait]", wanted);
	return false;
}

/* A name without its blanks, up to one of those bytes. */
static struct cut refresh_cut(struct cut *rest, const char *ends)
{
	size_t len = 0;

	while (len < rest->text.len && !strchr(ends, rest->text.ptr[len]))
		len++;
	return cut_trim(cut_take(rest, len));
}

static bool refresh_take(struct cut *rest, char byte)
{
	*rest = cut_trim(*rest);
	if (rest->text.len == 0 || rest->text.ptr[0] != byte)
		return false;
	(void)cut_take(rest, 1);
	return true;
}

/* The parameter of the command that ":name" stands for. */
static bool refresh_read_param(struct draft *draft, struct cut name, struct refresh_value *value)
{
	for (unsigned i = 0; i < draft->params_count; i++)
		if (text_is(name.text, draft->params[i].parameter.name) &&
		    !draft->params[i].parameter.is_request_user) {
			value->param = i;
			return true;
		}
	if (text_is(name.text, "request_user")) {
		source_error(draft->source, name.at,
			     "the query is asked for the same user as it is");
		return false;
	}
	source_error_near(draft->source, name.at, param_nearest(draft, name.text),
			  "\"%.*s\" is no parameter of the statement", source_shown(name.text),
			  name.text.ptr);
	return false;
}

/* name = :param */
static bool refresh_read_value(struct draft *draft, struct cut *rest, struct refresh_value *value)
{
	struct cut name = refresh_cut(rest, "=,)"), param;

	if (!name.text.len)
		return refresh_wrong(draft, name, "a name");
	value->name = arena_text(draft->arena, name.text);
	value->place = source_place(draft->source, name.at);
	if (!refresh_take(rest, '='))
		return refresh_wrong(draft, *rest, "\"=\"");
	if (!refresh_take(rest, ':'))
		return refresh_wrong(draft, *rest, "\":\"");
	param = refresh_cut(rest, ",)");
	return refresh_read_param(draft, param, value);
}

/* Behind "(". */
static bool refresh_read_values(struct draft *draft, struct cut *rest, struct refresh *refresh)
{
	struct refresh_value *values = arena_zero(draft->arena, PARAMS_MAX, sizeof(*values));

	refresh->values = values;
	if (refresh_take(rest, ')'))
		return true;
	do {
		if (refresh->values_count == PARAMS_MAX)
			return refresh_wrong(draft, *rest, "\")\"");
		if (!refresh_read_value(draft, rest, &values[refresh->values_count++]))
			return false;
	} while (refresh_take(rest, ','));
	return refresh_take(rest, ')') || refresh_wrong(draft, *rest, "\")\"");
}

static void refresh_read(struct draft *draft, struct cut rest, struct refresh *refresh)
{
	struct cut name = refresh_cut(&rest, "( \t"), word;

	*refresh = (struct refresh){ .query = arena_text(draft->arena, name.text),
				     .place = source_place(draft->source, name.at) };
	if (!name.text.len) {
		(void)refresh_wrong(draft, name, "a query");
		return;
	}
	if (refresh_take(&rest, '(') && !refresh_read_values(draft, &rest, refresh))
		return;
	word = cut_word(&rest);
	refresh->waits = text_is(word.text, "wait");
	if ((word.text.len && !refresh->waits) || cut_trim(rest).text.len)
		source_error(draft->source, word.at,
			     "\"%.*s\" is nothing that follows a query of @refreshes: wait",
			     source_shown(word.text), word.text.ptr);
}

void refresh_options_finish(struct draft *draft)
{
	struct refresh *refreshes;

	if (!draft->refreshes_count)
		return;
	refreshes = arena_zero(draft->arena, draft->refreshes_count, sizeof(*refreshes));
	for (unsigned i = 0; i < draft->refreshes_count; i++)
		refresh_read(draft, draft->refreshes[i], &refreshes[i]);
	draft->operation.refreshes = refreshes;
	draft->operation.refreshes_count = draft->refreshes_count;
}

/* --- once all files are read ------------------------------------------------------------------ */

static struct text refresh_nearest(const struct loading *loading, struct text name)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (unsigned i = 0; i < loading->count; i++) {
		const struct operation *operation = &loading->operations[i];

		if (operation->kind == REQUEST_QUERY && operation->cache_us)
			nearest_offer(&nearest, text_of(operation->name));
	}
	return nearest.best;
}

static const struct operation *refresh_query(struct loading *loading, const struct refresh *refresh)
{
	struct text name = refresh->query;
	const struct operation *query = loading_find(loading, name);
	const char *trouble = NULL;

	if (!query)
		complain_near(&loading->complaints, refresh->place, refresh_nearest(loading, name),
			      "there is no query \"%.*s\"", source_shown(name), name.ptr);
	else if (query->kind != REQUEST_QUERY)
		trouble = "a command, not a query";
	else if (!query->cache_us)
		trouble = "not @cache: there is nothing to fill";
	if (trouble)
		complain_at(&loading->complaints, refresh->place, "%s is %s", query->name, trouble);
	return trouble ? NULL : query;
}

static void refresh_check_value(struct loading *loading, const struct refresh *refresh, unsigned at,
				const struct operation *query)
{
	const struct refresh_value *value = &refresh->values[at];
	struct nearest nearest;

	for (unsigned i = 0; i < at; i++)
		if (text_equal(refresh->values[i].name, value->name)) {
			complain_at(&loading->complaints, value->place, "%.*s is given twice",
				    source_shown(value->name), value->name.ptr);
			return;
		}
	if (operation_parameter(query, value->name))
		return;
	nearest_init(&nearest, value->name);
	for (unsigned i = 0; i < query->parameters_count; i++)
		if (!query->parameters[i].is_request_user)
			nearest_offer(&nearest, text_of(query->parameters[i].name));
	complain_near(&loading->complaints, value->place, nearest.best,
		      "\"%.*s\" is no parameter of %s", source_shown(value->name), value->name.ptr,
		      query->name);
}

static bool refresh_has(const struct refresh *refresh, const char *name)
{
	for (unsigned i = 0; i < refresh->values_count; i++)
		if (text_is(refresh->values[i].name, name))
			return true;
	return false;
}

/* The user is the command's own. */
static void refresh_check_missing(struct loading *loading, const struct refresh *refresh,
				  const struct operation *query)
{
	for (unsigned i = 0; i < query->parameters_count; i++) {
		const struct parameter *parameter = &query->parameters[i];

		if (!parameter->optional && !parameter->default_value.ptr &&
		    !parameter->is_request_user && !refresh_has(refresh, parameter->name))
			complain_at(&loading->complaints, refresh->place,
				    "%s of %s is required: %s(%s = :param)", parameter->name,
				    query->name, query->name, parameter->name);
	}
}

static void refresh_check(struct loading *loading, const struct refresh *refresh)
{
	const struct operation *query = refresh_query(loading, refresh);

	if (!query)
		return;
	for (unsigned i = 0; i < refresh->values_count; i++)
		refresh_check_value(loading, refresh, i, query);
	refresh_check_missing(loading, refresh, query);
}

void refresh_options_check(struct loading *loading)
{
	/* What is missing may be what could not be read. */
	if (loading->complaints.count)
		return;
	for (unsigned i = 0; i < loading->count; i++)
		for (unsigned j = 0; j < loading->operations[i].refreshes_count; j++)
			refresh_check(loading, &loading->operations[i].refreshes[j]);
}
