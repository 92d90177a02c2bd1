/* SPDX-License-Identifier: Apache-2.0 */
/* Binding: first what should not be there, then each parameter by its type. */
#include "router/bind.h"

#include "pg/types/types.h"
#include "router/task.h"

#include <assert.h>

struct binding {
	struct request *request;
	const struct operation *operation;
	const char **values;
	enum outcome outcome; /* the worst so far; OUTCOME_OK: none */
};

/* Unknown before missing before invalid: the first kind decides the code, all are listed. */
static void bind_wrong(struct binding *binding, enum outcome outcome)
{
	if (binding->outcome == OUTCOME_OK || outcome < binding->outcome)
		binding->outcome = outcome;
}

static void bind_check_known(struct binding *binding, struct text name)
{
	if (operation_parameter(binding->operation, name))
		return;
	bind_wrong(binding, OUTCOME_UNKNOWN_PARAMETER);
	request_param_error(binding->request, name, "%s has no such parameter",
			    binding->operation->name);
}

static void bind_check_names(struct binding *binding)
{
	struct request *request = binding->request;

	if (request->body)
		for (void *it = json_first(request->body); it; it = json_next(request->body, it))
			bind_check_known(binding, json_key(it));
	for (size_t i = 0; i < request->pairs_count; i++)
		bind_check_known(binding, request->pairs[i].name);
}

/* The values of one name of the query string, in their order. */
static size_t bind_pairs(struct binding *binding, const char *name, struct text *values)
{
	struct request *request = binding->request;
	size_t count = 0;

	for (size_t i = 0; i < request->pairs_count; i++)
		if (text_is(request->pairs[i].name, name))
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
		request_param_error(binding->request, text_of(parameter->name), "is required");
	}
}

static void bind_one(struct binding *binding, unsigned at, struct pg_type type)
{
	const struct parameter *parameter = &binding->operation->parameters[at];
	struct request *request = binding->request;
	const struct json *json = request->body ? json_get(request->body, parameter->name) : NULL;
	struct text texts[PAIRS_MAX];
	size_t texts_count = json ? 0 : bind_pairs(binding, parameter->name, texts);
	const char *why = NULL;
	bool fits = true;

	if (!json && !texts_count) {
		bind_absent(binding, at);
		return;
	}
	if (json)
		fits = type_from_json(type, json, &request->arena, &binding->values[at], &why);
	else
		fits = type_from_texts(type, texts, texts_count, &request->arena,
				       &binding->values[at], &why);
	if (!fits) {
		bind_wrong(binding, OUTCOME_INVALID_PARAMETER);
		request_param_error(request, text_of(parameter->name), "%s", why);
	} else if (!binding->values[at] && !parameter->optional) {
		bind_wrong(binding, OUTCOME_MISSING_PARAMETER);
		request_param_error(request, text_of(parameter->name), "may not be null");
	}
}

const char *const *bind_values(struct request *request, const struct operation *operation,
			       const struct shape *shape)
{
	struct binding binding = { .request = request, .operation = operation };

	assert(shape);
	assert(shape->params == operation->parameters_count);
	binding.values = arena_zero(&request->arena, operation->parameters_count + 1,
				    sizeof(*binding.values));
	bind_check_names(&binding);
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		if (!operation->parameters[i].is_request_user)
			bind_one(&binding, i, shape->param_types[i]);
		else if (request->user.ptr)
			binding.values[i] = request->user.ptr;
	}
	if (binding.outcome == OUTCOME_OK)
		return binding.values;
	request_fail(request, binding.outcome, "%zu parameter%s of %s %s wrong",
		     request->errors_count, request->errors_count == 1 ? "" : "s", operation->name,
		     request->errors_count == 1 ? "is" : "are");
	return NULL;
}

enum step bind_step(struct request *request)
{
	struct task *task = request->task;

	task->shape = statement_shape(task->operation->statement);
	task->values = bind_values(request, task->operation, task->shape);
	return task->values ? STEP_NEXT : STEP_DONE;
}
