/* SPDX-License-Identifier: Apache-2.0 */
/* Binding: first what should not be there, then each parameter by its type. */
#include "router/bind.h"

#include "pg/types/form.h"
#include "pg/types/types.h"
#include "router/claims.h"
#include "router/task.h"

#include <assert.h>
#include <string.h>

struct binding {
	struct request *request;
	const struct operation *operation;
	const struct shape *shape;
	const struct json *body; /* an object, or NULL */
	const char *element;     /* of an array, as its errors name it: "[2]."; "": it is none */
	const char **values;
	enum outcome outcome; /* the worst so far; OUTCOME_OK: none */
};

/* Unknown before missing before invalid: the first kind decides the code, all are listed. */
static void bind_wrong(struct binding *binding, enum outcome outcome)
{
	if (binding->outcome == OUTCOME_OK || outcome < binding->outcome)
		binding->outcome = outcome;
}

/* As an error names a parameter. */
static struct text bind_name(const struct binding *binding, struct text name)
{
	if (!*binding->element)
		return name;
	return text_of(arena_printf(&binding->request->arena, "%s%.*s", binding->element,
				    (int)name.len, name.ptr));
}

static void bind_unknown(struct binding *binding, struct text name)
{
	bind_wrong(binding, OUTCOME_UNKNOWN_PARAMETER);
	request_param_error(binding->request, bind_name(binding, name), "%s has no such parameter",
			    binding->operation->name);
}

/* Of a caller's value: of a @lookup's key one element of what is sent. */
static struct pg_type bind_type(const struct binding *binding, unsigned at)
{
	struct pg_type type = binding->shape->param_types[at];

	return at + 1 == binding->operation->statement->lookup ? type_element(type) : type;
}

static bool bind_is_array(const struct binding *binding, const struct parameter *parameter)
{
	return bind_type(binding, (unsigned)(parameter - binding->operation->parameters))
		.element_oid;
}

/* Many frameworks write elements of an array as ids[]=1, which is taken, or ids[0]=1. */
static struct text bind_before_bracket(struct text name)
{
	const char *bracket = memchr(name.ptr, '[', name.len);

	return (struct text){ name.ptr, bracket ? (size_t)(bracket - name.ptr) : name.len };
}

static void bind_check_bracket(struct binding *binding, struct text name)
{
	struct text before = bind_before_bracket(name);
	const struct parameter *parameter = operation_parameter(binding->operation, before);

	if (!parameter || before.len == name.len) {
		bind_unknown(binding, name);
		return;
	}
	if (bind_is_array(binding, parameter) && name.len == before.len + 2)
		return;
	bind_wrong(binding, OUTCOME_UNKNOWN_PARAMETER);
	request_param_error(binding->request, name,
			    bind_is_array(binding, parameter)
				    ? "write %s=… or %s[]=…, once for each element"
				    : "%s is no array: write %s=…",
			    parameter->name, parameter->name);
}

static void bind_check_names(struct binding *binding)
{
	struct request *request = binding->request;

	if (binding->body)
		for (const struct json *it = json_first(binding->body); it; it = json_next(it))
			if (!operation_parameter(binding->operation, json_key(it)))
				bind_unknown(binding, json_key(it));
	for (size_t i = 0; i < request->pairs_count; i++)
		if (!operation_parameter(binding->operation, request->pairs[i].name))
			bind_check_bracket(binding, request->pairs[i].name);
}

static bool bind_is_called(struct text name, const char *parameter)
{
	return text_is(name, parameter) || (name.len > 2 && name.ptr[name.len - 1] == ']' &&
					    text_is(bind_before_bracket(name), parameter));
}

/* The values of one name of the query string, in their order. */
static size_t bind_pairs(struct binding *binding, const char *name, struct text *values)
{
	struct request *request = binding->request;
	size_t count = 0;

	for (size_t i = 0; i < request->pairs_count; i++)
		if (bind_is_called(request->pairs[i].name, name))
			values[count++] = request->pairs[i].value;
	return count;
}

static void bind_absent(struct binding *binding, unsigned at)
{
	const struct parameter *parameter = &binding->operation->parameters[at];

	if (parameter->default_value.ptr)
		binding->values[at] = parameter->default_value.ptr;
	else if (!parameter->optional) {
		bind_wrong(binding, OUTCOME_MISSING_PARAMETER);
		request_param_error(binding->request, bind_name(binding, text_of(parameter->name)),
				    "is required");
	}
}

static void bind_null(struct binding *binding, const struct parameter *parameter,
		      struct pg_type type)
{
	struct pg_type element = { .oid = type.element_oid ? type.element_oid : type.oid };
	const char *words = type_words(element);

	bind_wrong(binding, OUTCOME_MISSING_PARAMETER);
	if (parameter->declared)
		request_param_error(binding->request, bind_name(binding, text_of(parameter->name)),
				    "may not be null");
	else
		request_param_error(binding->request, bind_name(binding, text_of(parameter->name)),
				    "may not be null: it is not declared in the SQL file, where "
				    "\"-- @param %s %s%s?\" lets it be null or absent",
				    parameter->name, strcmp(words, "value") == 0 ? "TYPE" : words,
				    type.element_oid ? "[]" : "");
}

/*
 * Forms of HTML and many clients send name= for what was left empty: of an array that is one
 * without elements, elsewhere none is meant, where the empty string is no value and none may come.
 */
static bool bind_empty(struct binding *binding, unsigned at, struct pg_type type)
{
	const struct parameter *parameter = &binding->operation->parameters[at];

	if (type.element_oid) {
		binding->values[at] = "{}";
		return true;
	}
	if (type_takes_empty(type) || (!parameter->optional && !parameter->default_value.ptr))
		return false;
	bind_absent(binding, at);
	return true;
}

static void bind_one(struct binding *binding, unsigned at, struct pg_type type)
{
	const struct parameter *parameter = &binding->operation->parameters[at];
	struct request *request = binding->request;
	const struct json *json = binding->body ? json_get(binding->body, parameter->name) : NULL;
	struct text texts[PAIRS_MAX];
	size_t texts_count = json ? 0 : bind_pairs(binding, parameter->name, texts);
	const char *why = NULL;
	bool fits = true;

	if (!json && !texts_count) {
		bind_absent(binding, at);
		return;
	}
	if (texts_count == 1 && !texts[0].len && bind_empty(binding, at, type))
		return;
	if (json)
		fits = type_from_json(type, json, &request->arena, &binding->values[at], &why);
	else
		fits = type_from_texts(type, texts, texts_count, &request->arena,
				       &binding->values[at], &why);
	if (!fits) {
		bind_wrong(binding, OUTCOME_INVALID_PARAMETER);
		request_param_error(request, bind_name(binding, text_of(parameter->name)), "%s",
				    why);
	} else if (!binding->values[at] && !parameter->optional) {
		bind_null(binding, parameter, type);
	}
}

/* False: some are wrong, and binding->outcome says in which way. */
static bool bind_all(struct binding *binding)
{
	const struct operation *operation = binding->operation;
	struct request *request = binding->request;

	assert(binding->shape->params == operation->parameters_count);
	binding->values = arena_zero(&request->arena, operation->parameters_count + 1,
				     sizeof(*binding->values));
	bind_check_names(binding);
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		if (!operation->parameters[i].is_request_user)
			bind_one(binding, i, bind_type(binding, i));
		else if (request->user.ptr)
			binding->values[i] = request->user.ptr;
	}
	return binding->outcome == OUTCOME_OK;
}

static void bind_refuse(const struct binding *binding)
{
	struct request *request = binding->request;

	request_fail(request, binding->outcome, "%zu parameter%s of %s %s wrong",
		     request->errors_count, request->errors_count == 1 ? "" : "s",
		     binding->operation->name, request->errors_count == 1 ? "is" : "are");
}

const char *const *bind_values(struct request *request, const struct operation *operation,
			       const struct shape *shape)
{
	struct binding binding = { .request = request,
				   .operation = operation,
				   .shape = shape,
				   .body = request->body,
				   .element = "" };

	assert(shape);
	if (bind_all(&binding))
		return binding.values;
	bind_refuse(&binding);
	return NULL;
}

/* All elements of an array of objects, which has some; false: the request is refused. */
static bool bind_elements(struct task *task)
{
	struct request *request = task->request;
	struct binding binding = { .request = request,
				   .operation = task->operation,
				   .shape = task->shape };
	const char *const **elements =
		arena_alloc(&request->arena, json_length(request->body) * sizeof(*elements));

	task->elements = elements;
	task->elements_count = 0;
	for (const struct json *it = json_first(request->body); it; it = json_next(it)) {
		binding.body = it;
		binding.element = arena_printf(&request->arena, "[%u].", task->elements_count);
		(void)bind_all(&binding);
		elements[task->elements_count++] = binding.values;
	}
	task->values = elements[0];
	if (binding.outcome != OUTCOME_OK)
		bind_refuse(&binding);
	return binding.outcome == OUTCOME_OK;
}

enum step bind_step(struct request *request)
{
	struct task *task = request->task;

	task->shape = statement_shape(task->operation->statement);
	if (request->body && json_kind(request->body) == JSON_ARRAY) {
		if (!bind_elements(task))
			return STEP_DONE;
	} else {
		task->values = bind_values(request, task->operation, task->shape);
	}
	if (task->operation->claims == CATALOG_CLAIMS_SET ||
	    task->router->shared.options->claims == CLAIMS_ALL)
		task->claims = claims_of(request);
	return task->values ? STEP_NEXT : STEP_DONE;
}
