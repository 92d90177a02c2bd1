/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: everything that can be refused without asking a node is refused here. */
#include "router/admit.h"

#include "catalog/suggestion.h"
#include "router/permission.h"
#include "router/ratelimit.h"
#include "router/task.h"

#include <assert.h>
#include <string.h>

#define ADMIT_URGENCY_OF_JOBS 3 /* that of an operation that declares none */
#define ADMIT_URGENCY_LEAST 7

static enum outcome admit_no_node(const struct request *request)
{
	return request->kind != REQUEST_QUERY ? OUTCOME_NO_PRIMARY : OUTCOME_NO_REPLICA;
}

static const char *admit_copy(struct request *request, const char *text)
{
	return text ? arena_copy(&request->arena, text, strlen(text)) : NULL;
}

static void admit_find(struct task *task)
{
	struct request *request = task->request;

	task->operation =
		catalog_find(task->catalog_ref->catalog, request->kind, request->operation);
	/* A copy: it is read after the catalog may be gone. */
	if (task->operation)
		request->operation_name = admit_copy(request, task->operation->name);
}

static const struct {
	const char *noun, *asked; /* how it is asked for */
	enum request_kind other;
} admit_kinds[] = {
	[REQUEST_QUERY] = { "query", "GET /v1/queries/", REQUEST_COMMAND },
	[REQUEST_COMMAND] = { "command", "POST /v1/commands/", REQUEST_QUERY },
};

/* Copies, as of its name. */
static void admit_deprecated(struct task *task)
{
	const struct deprecation *headers = &task->operation->deprecated.headers;
	struct request *request = task->request;
	struct deprecation *copy;

	if (!headers->since)
		return;
	copy = arena_zero(&request->arena, 1, sizeof(*copy));
	*copy = (struct deprecation){ .since = admit_copy(request, headers->since),
				      .sunset = admit_copy(request, headers->sunset),
				      .link = admit_copy(request, headers->link) };
	request->deprecation = copy;
}

static enum step admit_permission(struct task *task)
{
	enum step step = permission_ask(task);

	if (step == STEP_NEXT)
		admit_deprecated(task);
	return step;
}

/* Behind the rate limits: requests for unknown names are counted, too. */
static enum step admit_operation(struct task *task)
{
	struct request *request = task->request;
	const struct catalog *catalog = task->catalog_ref->catalog;
	const char *noun = admit_kinds[request->kind].noun;
	enum request_kind other = admit_kinds[request->kind].other;
	const struct operation *operation;
	struct text near;

	if (task->operation)
		return admit_permission(task);
	if (request->principal->kind == PRINCIPAL_ANONYMOUS)
		return permission_refuse_anonymous(task);
	operation = catalog_find(catalog, other, request->operation);
	if (operation && permission_holds(request, operation))
		return request_fail(request, OUTCOME_UNKNOWN_OPERATION,
				    "there is no such %s; it is a %s: %s%.*s", noun,
				    admit_kinds[other].noun, admit_kinds[other].asked,
				    (int)request->operation.len, request->operation.ptr);
	near = suggestion(catalog, request->kind, request->operation, request->principal);
	if (near.ptr)
		return request_fail(request, OUTCOME_UNKNOWN_OPERATION,
				    "there is no such %s; did you mean \"%.*s\"?", noun,
				    (int)near.len, near.ptr);
	near = suggestion(catalog, other, request->operation, request->principal);
	if (near.ptr)
		return request_fail(request, OUTCOME_UNKNOWN_OPERATION,
				    "there is no such %s; did you mean the %s \"%.*s\": %s%.*s?",
				    noun, admit_kinds[other].noun, (int)near.len, near.ptr,
				    admit_kinds[other].asked, (int)near.len, near.ptr);
	return request_fail(request, OUTCOME_UNKNOWN_OPERATION, "there is no such %s", noun);
}

/* Nothing can be told to a client without the key that signs tokens. */
static enum step admit_key(struct task *task)
{
	struct router *router = task->router;

	if (router->readiness.looking)
		return request_fail(task->request, OUTCOME_STARTING,
				    "no node has been reached yet");
	if (router->tokens)
		return STEP_NEXT;
	return request_fail(task->request, admit_no_node(task->request), "%s",
			    router->topology.schema_missing
				    ? "the cqrsd schema is missing: run cqrsd migrate"
				    : "no node has been reached yet");
}

enum step admit_begin(struct task *task)
{
	admit_find(task);
	if (ratelimit_admit(task) == STEP_DONE || admit_operation(task) == STEP_DONE)
		return STEP_DONE;
	return admit_key(task);
}

enum step admit_begin_own(struct task *task)
{
	admit_find(task);
	if (!task->operation)
		return request_fail(task->request, OUTCOME_UNKNOWN_OPERATION,
				    "there is no such query any more");
	task->urgency = ADMIT_URGENCY_LEAST;
	return admit_key(task);
}

enum step admit_begin_job(struct task *task)
{
	task->urgency = ADMIT_URGENCY_OF_JOBS;
	return ratelimit_admit(task) == STEP_DONE ? STEP_DONE : admit_key(task);
}

void admit_deadline(struct task *task, void (*on_due)(struct loop_timer *timer),
		    void (*on_client_gone)(struct request *request))
{
	struct request *request = task->request;
	int64_t wanted_us[] = { task->operation ? task->operation->timeout_us : 0,
				request->timeout_us_max };

	for (size_t i = 0; i < sizeof(wanted_us) / sizeof(wanted_us[0]); i++)
		if (wanted_us[i] && request->born_us + wanted_us[i] < request->deadline_us)
			request->deadline_us = request->born_us + wanted_us[i];
	request->timer.on_due = on_due;
	request->on_client_gone = on_client_gone;
	loop_timer_set(request->loop, &request->timer, request->deadline_us);
}

void admit_client_gone(struct request *request)
{
	/* What it has may be of use to others who wait for the same answer. */
	request_let_go(request);
	request_fail(request, OUTCOME_TIMEOUT, "the client went away");
	request->status = 499;
	request_finish(request);
}
