/* SPDX-License-Identifier: Apache-2.0 */
/* Operations are the same where path and method are. Descriptions are not compared. */
#include "catalog/openapi/diff.h"

#include "catalog/openapi/diff_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const diff_methods[] = { "get",   "put",     "post", "delete",
					    "patch", "options", "head", "trace" };

/* The same operation of both documents. */
struct operation_pair {
	const struct json *calls[2]; /* NULL: it has none */
	const struct json *paths[2];
};

/* --- parameters ------------------------------------------------------------------------------- */

/* The next parameter behind it, from NULL: those of the call, then those of the path. */
static const struct json *parameters_next(const struct operation_pair *pair, enum diff_side side,
					  const struct json *it, bool *is_of_path)
{
	if (!it) {
		*is_of_path = false;
		it = diff_elements(diff_member(pair->calls[side], "parameters"));
	} else {
		it = json_next(it);
	}
	if (!it && !*is_of_path) {
		*is_of_path = true;
		it = diff_elements(diff_member(pair->paths[side], "parameters"));
	}
	return it;
}

static const struct json *parameters_find(struct diff *diff, const struct operation_pair *pair,
					  enum diff_side side, const char *in, const char *name)
{
	const struct json *found, *it = NULL;
	bool is_of_path;

	while ((it = parameters_next(pair, side, it, &is_of_path)) && diff_step(diff)) {
		found = diff_resolve(diff, side, it);
		if (diff_string(found, "name") && diff_string(found, "in") &&
		    !strcmp(diff_string(found, "name"), name) &&
		    !strcmp(diff_string(found, "in"), in))
			return found;
	}
	return NULL;
}

static const struct json *parameter_schema(const struct json *parameter)
{
	const struct json *type = diff_members(diff_member(parameter, "content"));

	return type ? diff_member(type, "schema") : diff_member(parameter, "schema");
}

static void diff_parameter(struct diff *diff, const char *what, const struct json *old,
			   const struct json *new)
{
	const struct json *schemas[2] = { parameter_schema(old), parameter_schema(new) };
	bool required[2] = { diff_is_true(old, "required"), diff_is_true(new, "required") };

	if (old && new)
		diff_sent(diff, what, schemas, required);
	else if (new)
		diff_change(diff, required[DIFF_NEW], "%s is new, and %s", what,
			    required[DIFF_NEW] ? "required" : "optional");
	else
		diff_change(diff, true, "%s is gone", what);
}

static void diff_parameters(struct diff *diff, const struct operation_pair *pair)
{
	for (enum diff_side side = DIFF_OLD; side <= DIFF_NEW; side++) {
		const struct json *here, *there, *it = NULL;
		bool is_of_path;

		while ((it = parameters_next(pair, side, it, &is_of_path)) && diff_step(diff)) {
			const char *name, *in, *what;

			here = diff_resolve(diff, side, it);
			name = diff_string(here, "name");
			in = diff_string(here, "in");
			if (!name || !in)
				continue;
			there = parameters_find(diff, pair, !side, in, name);
			what = arena_printf(&diff->arena, "%s %s",
					    strcmp(in, "header") ? "parameter" : "header",
					    diff_word(diff, text_of(name)));
			if (side == DIFF_OLD)
				diff_parameter(diff, what, here, there);
			else if (!there)
				diff_parameter(diff, what, NULL, here);
		}
	}
}

/* --- bodies and answers ----------------------------------------------------------------------- */

/* Of each type of content that both have, the schema; what is gone, breaks. */
static void diff_contents(struct diff *diff, const struct json *old, const struct json *new,
			  void (*compare)(struct diff *diff, const struct json *old,
					  const struct json *new))
{
	const struct json *content = diff_member(new, "content");
	const struct json *it = diff_members(diff_member(old, "content"));

	for (; it && diff_step(diff); it = json_next(it)) {
		const struct json *there = diff_member(content, json_key(it).ptr);

		if (there)
			compare(diff, diff_member(it, "schema"), diff_member(there, "schema"));
		else
			diff_change(diff, true, "%s is gone", diff_word(diff, json_key(it)));
	}
}

static void diff_body(struct diff *diff, const struct operation_pair *pair)
{
	const struct json *bodies[2];

	for (enum diff_side side = DIFF_OLD; side <= DIFF_NEW; side++)
		bodies[side] =
			diff_resolve(diff, side, diff_member(pair->calls[side], "requestBody"));
	if (bodies[DIFF_OLD] && bodies[DIFF_NEW])
		diff_contents(diff, bodies[DIFF_OLD], bodies[DIFF_NEW], diff_body_schemas);
	if (diff_is_true(bodies[DIFF_OLD], "required") !=
	    diff_is_true(bodies[DIFF_NEW], "required"))
		diff_change(diff, diff_is_true(bodies[DIFF_NEW], "required"), "a body is %s",
			    diff_is_true(bodies[DIFF_NEW], "required") ? "required"
								       : "not required any more");
}

/* Advice that goes with "deprecated": nothing stops where it is taken back. */
static bool header_is_advice(struct text name)
{
	return text_is(name, "Deprecation") || text_is(name, "Sunset") || text_is(name, "Link");
}

static void diff_headers(struct diff *diff, const struct json *old, const struct json *new)
{
	const struct json *was = diff_member(old, "headers"), *is = diff_member(new, "headers");

	for (const struct json *it = diff_members(was); it && diff_step(diff); it = json_next(it)) {
		const char *what = arena_printf(&diff->arena, "header %s of the answer",
						diff_word(diff, json_key(it)));
		const struct json *there = diff_member(is, json_key(it).ptr);

		if (there)
			diff_schemas(diff, DIFF_RECEIVED, what,
				     diff_member(diff_resolve(diff, DIFF_OLD, it), "schema"),
				     diff_member(diff_resolve(diff, DIFF_NEW, there), "schema"));
		else
			diff_change(diff, !header_is_advice(json_key(it)), "%s is gone", what);
	}
	for (const struct json *it = diff_members(is); it && diff_step(diff); it = json_next(it))
		if (!diff_member(was, json_key(it).ptr))
			diff_change(diff, false, "header %s of the answer is new",
				    diff_word(diff, json_key(it)));
}

/* --- problems --------------------------------------------------------------------------------- */

/* What refuses a request for something that it lacks, or has wrong: no client waits for these. */
static const char *const diff_refusals[] = { "missing-parameter", "invalid-parameter",
					     "idempotency-key-required" };

static const struct json *problem_codes(struct diff *diff, enum diff_side side,
					const struct json *response)
{
	const struct json *content =
		diff_member(diff_member(response, "content"), "application/problem+json");

	return content ? diff_labels(diff, side, diff_member(content, "schema"), "code") : NULL;
}

static bool codes_have(const struct json *codes, const char *code)
{
	for (const struct json *it = diff_elements(codes); it; it = json_next(it))
		if (json_kind(it) == JSON_STRING && text_is(json_text(it), code))
			return true;
	return false;
}

static bool code_is_refusal(const char *code)
{
	for (size_t i = 0; i < sizeof(diff_refusals) / sizeof(diff_refusals[0]); i++)
		if (!strcmp(diff_refusals[i], code))
			return true;
	return false;
}

static void diff_codes(struct diff *diff, const char *status, const struct json *old,
		       const struct json *new)
{
	for (enum diff_side side = DIFF_OLD; side <= DIFF_NEW; side++) {
		const struct json *it = diff_elements(side == DIFF_OLD ? old : new);

		for (; it && diff_step(diff); it = json_next(it)) {
			const char *code = json_kind(it) == JSON_STRING ? json_text(it).ptr : NULL;

			if (!code || codes_have(side == DIFF_OLD ? new : old, code))
				continue;
			diff_change(diff, side == DIFF_OLD && !code_is_refusal(code),
				    "code %s (%s) is %s", diff_word(diff, text_of(code)), status,
				    side == DIFF_OLD ? "gone" : "new");
		}
	}
}

/* --- responses -------------------------------------------------------------------------------- */

static bool status_is_answer(const char *status)
{
	return *status == '2' || *status == '3';
}

/* 202 comes to who asks for it, 304 to who says what it has. */
static bool status_is_asked_for(const char *status)
{
	return !strcmp(status, "202") || !strcmp(status, "304");
}

static void diff_answer(struct diff *diff, const char *status, const struct json *old,
			const struct json *new)
{
	if (!old || !new) {
		diff_change(diff, old || !status_is_asked_for(status), "an answer %s is %s", status,
			    old ? "gone" : "new");
		return;
	}
	if (strcmp(status, "200") != 0)
		diff->prefix = arena_printf(&diff->arena, "%s: ", status);
	diff_headers(diff, old, new);
	diff_contents(diff, old, new, diff_answer_schemas);
	diff->prefix = "";
}

static void diff_response(struct diff *diff, struct text key, const struct json *old,
			  const struct json *new)
{
	const char *status = diff_word(diff, key);

	old = diff_resolve(diff, DIFF_OLD, old);
	new = diff_resolve(diff, DIFF_NEW, new);
	if (status_is_answer(status))
		diff_answer(diff, status, old, new);
	else
		diff_codes(diff, status, problem_codes(diff, DIFF_OLD, old),
			   problem_codes(diff, DIFF_NEW, new));
}

static void diff_responses(struct diff *diff, const struct operation_pair *pair)
{
	const struct json *old = diff_member(pair->calls[DIFF_OLD], "responses");
	const struct json *new = diff_member(pair->calls[DIFF_NEW], "responses");

	for (const struct json *it = diff_members(old); it && diff_step(diff); it = json_next(it))
		diff_response(diff, json_key(it), it, diff_member(new, json_key(it).ptr));
	for (const struct json *it = diff_members(new); it && diff_step(diff); it = json_next(it))
		if (!diff_member(old, json_key(it).ptr))
			diff_response(diff, json_key(it), NULL, it);
}

/* --- callers ---------------------------------------------------------------------------------- */

static const struct json *security_of(const struct diff *diff, const struct operation_pair *pair,
				      enum diff_side side)
{
	const struct json *own = diff_member(pair->calls[side], "security");

	return own ? own : diff_member(diff->whole[side], "security");
}

static bool security_has(const struct json *scopes, const struct json *scope)
{
	for (const struct json *it = diff_elements(scopes); it; it = json_next(it))
		if (text_equal(json_source(it), json_source(scope)))
			return true;
	return false;
}

/* Is a caller who meets one alternative let in by the other? */
static bool security_meets(const struct json *caller, const struct json *needed)
{
	for (const struct json *it = diff_members(needed); it; it = json_next(it)) {
		const struct json *scopes = diff_member(caller, json_key(it).ptr);

		if (!scopes)
			return false;
		for (const struct json *scope = diff_elements(it); scope; scope = json_next(scope))
			if (!security_has(scopes, scope))
				return false;
	}
	return true;
}

static bool security_lets_in(const struct json *alternatives, const struct json *caller)
{
	const struct json *it = diff_elements(alternatives);

	/* None: nothing is needed. */
	if (!it)
		return true;
	for (; it; it = json_next(it))
		if (security_meets(caller, it))
			return true;
	return false;
}

/* "a caller", "a caller with the role x". */
static const char *security_text(struct diff *diff, const struct json *caller)
{
	const struct json *scheme = diff_members(caller), *scope;
	const char *roles = "";

	if (!scheme)
		return "a caller without credential";
	for (scope = diff_elements(scheme); scope; scope = json_next(scope))
		if (json_kind(scope) == JSON_STRING)
			roles = arena_printf(&diff->arena, "%s%s%s", roles, *roles ? ", " : "",
					     diff_word(diff, json_text(scope)));
	return *roles ? arena_printf(&diff->arena, "a caller with the role %s", roles)
		      : "a caller without certain roles";
}

static void security_beyond(struct diff *diff, const struct json *callers,
			    const struct json *others, bool is_new)
{
	const struct json *it = diff_elements(callers);

	if (!it && diff_elements(others) && !security_lets_in(others, NULL))
		diff_change(diff, !is_new, "%s %s", security_text(diff, NULL),
			    is_new ? "may call it, too" : "may not call it any more");
	for (; it && diff_step(diff); it = json_next(it))
		if (!security_lets_in(others, it))
			diff_change(diff, !is_new, "%s %s", security_text(diff, it),
				    is_new ? "may call it, too" : "may not call it any more");
}

static void diff_security(struct diff *diff, const struct operation_pair *pair)
{
	const struct json *old = security_of(diff, pair, DIFF_OLD);
	const struct json *new = security_of(diff, pair, DIFF_NEW);
	bool was = diff_is_true(pair->calls[DIFF_OLD], "x-internal");
	bool is = diff_is_true(pair->calls[DIFF_NEW], "x-internal");

	if (was != is)
		diff_change(diff, is, "it is %s", is ? "internal" : "not internal any more");
	if (was || is)
		return;
	security_beyond(diff, old, new, false);
	security_beyond(diff, new, old, true);
}

/* --- operations ------------------------------------------------------------------------------- */

static void diff_marks(struct diff *diff, const struct operation_pair *pair)
{
	const struct json *old = pair->calls[DIFF_OLD], *new = pair->calls[DIFF_NEW];
	bool was = diff_is_true(old, "deprecated"), is = diff_is_true(new, "deprecated");
	const char *before = diff_string(old, "x-async"), *after = diff_string(new, "x-async");
	bool was_job = before && !strcmp(before, "always"),
	     is_job = after && !strcmp(after, "always");

	if (was != is)
		diff_change(diff, false, "it is %s", is ? "deprecated" : "not deprecated any more");
	if (was_job != is_job)
		diff_change(diff, true, "%s",
			    is_job ? "it is always accepted as a job (202)"
				   : "it is not always accepted as a job (200)");
}

/* The operation's name: of a call by POST without its suffix. */
static const char *pair_name(struct diff *diff, const struct operation_pair *pair,
			     const char *method, struct text path)
{
	const struct json *call =
		pair->calls[DIFF_NEW] ? pair->calls[DIFF_NEW] : pair->calls[DIFF_OLD];
	const char *id = diff_string(call, "operationId");
	size_t len = id ? strlen(id) : 0;

	if (!id || !len)
		return arena_printf(&diff->arena, "%s %s", method, diff_word(diff, path));
	if (len > 5 && !strcmp(id + len - 5, "-post"))
		len -= 5;
	return diff_word(diff, (struct text){ id, len });
}

static const char *pair_kind(struct text path)
{
	static const char queries[] = "/v1/queries/", commands[] = "/v1/commands/";

	if (!strncmp(path.ptr, queries, sizeof(queries) - 1))
		return "the query";
	return strncmp(path.ptr, commands, sizeof(commands) - 1) ? "it" : "the command";
}

static void diff_pair(struct diff *diff, const struct operation_pair *pair, const char *method,
		      struct text path)
{
	const struct json *old = pair->calls[DIFF_OLD], *new = pair->calls[DIFF_NEW];

	if ((!old && !new) || !diff_step(diff))
		return;
	diff->name = pair_name(diff, pair, method, path);
	if (!old || !new) {
		diff_change(diff, old != NULL, "%s is %s", pair_kind(path), old ? "gone" : "new");
		return;
	}
	diff_marks(diff, pair);
	diff_security(diff, pair);
	diff_parameters(diff, pair);
	diff_body(diff, pair);
	diff_responses(diff, pair);
}

static void diff_path(struct diff *diff, struct text path, const struct json *old,
		      const struct json *new)
{
	for (size_t i = 0; i < sizeof(diff_methods) / sizeof(diff_methods[0]); i++) {
		const char *method = diff_methods[i];
		struct operation_pair pair = {
			{ diff_member(old, method), diff_member(new, method) }, { old, new }
		};

		diff_pair(diff, &pair, method, path);
	}
}

static void diff_is_openapi(struct diff *diff, enum diff_side side)
{
	const char *version = diff_string(diff->whole[side], "openapi");
	const struct json *paths = diff_member(diff->whole[side], "paths");

	if (!version || strncmp(version, "3.", 2) != 0)
		diff_fail(diff,
			  "it is no document of OpenAPI 3: its member \"openapi\" is not 3.…");
	else if (!paths || json_kind(paths) != JSON_OBJECT)
		diff_fail(diff, "it is no document of OpenAPI 3: it has no object \"paths\"");
}

bool diff_documents(struct diff *diff, const struct json *old, const struct json *new, char *error,
		    size_t error_room)
{
	const struct json *was = diff_member(old, "paths"), *is = diff_member(new, "paths");

	*diff = (struct diff){ .whole = { old, new },
			       .name = "",
			       .prefix = "",
			       .error = error,
			       .error_room = error_room };
	arena_init(&diff->arena);
	*error = 0;
	diff_is_openapi(diff, DIFF_OLD);
	diff_is_openapi(diff, DIFF_NEW);
	if (*error)
		return false;
	for (const struct json *it = diff_members(was); it && diff_step(diff); it = json_next(it))
		diff_path(diff, json_key(it), it, diff_member(is, json_key(it).ptr));
	for (const struct json *it = diff_members(is); it && diff_step(diff); it = json_next(it))
		if (!diff_member(was, json_key(it).ptr))
			diff_path(diff, json_key(it), NULL, it);
	diff_sort(diff);
	return !*error;
}

void diff_fini(struct diff *diff)
{
	free(diff->lines);
	arena_fini(&diff->arena);
}

size_t diff_breaking(const struct diff *diff)
{
	size_t count = 0;

	for (size_t i = 0; i < diff->count; i++)
		count += diff->lines[i].breaking;
	return count;
}
