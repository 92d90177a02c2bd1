/* SPDX-License-Identifier: Apache-2.0 */
/* What it came to decides, never what the client could still be told of it. */
#include "http/audited.h"

#include "base/audit.h"
#include "http/connection.h"
#include "http/problem.h"

#include <assert.h>
#include <stddef.h>

static unsigned audited_status(const struct request *request)
{
	if (request->outcome != OUTCOME_OK)
		return problem_status(request->outcome, request->status);
	return request->status ? request->status : 200;
}

static bool audited_is_of_job(const struct request *request)
{
	return request->kind == REQUEST_JOB || request->kind == REQUEST_JOB_CANCEL;
}

/* What an answer of 2xx to it would have changed; NULL: nothing. */
static const char *audited_event(const struct request *request)
{
	switch (request->kind) {
	case REQUEST_COMMAND:
		return "command";
	case REQUEST_JOB_CANCEL:
		return "job-cancel";
	case REQUEST_QUERY:
	case REQUEST_JOB:
	case REQUEST_DOCUMENT:
		return NULL;
	}
	assert(!"a kind of request");
	return NULL;
}

/* An operation as the catalog names it, else as the client does; or a job. */
static void audited_object(const struct request *request, struct audit_entry *entry)
{
	struct text name = request->operation;

	if (request->operation_name)
		name = text_of(request->operation_name);
	if (name.len > OPERATION_NAME_MAX)
		name.len = OPERATION_NAME_MAX;
	if (audited_is_of_job(request)) {
		entry->job = name;
	} else {
		entry->operation = name;
		entry->job = request->job;
	}
}

static void audited_note(const struct connections *connections, const struct request *request,
			 struct audit_entry *entry)
{
	entry->caller = request->principal->id;
	entry->user = request->user;
	entry->code = outcome_row(request->outcome)->code;
	entry->request_id = request->id;
	entry->replayed = request->replayed;
	if (!audit_note(connections->settings.audit, entry))
		metric_add(connections->metrics, METRIC_audit_dropped_total, NULL, 1);
}

void audited_reply(const struct connection *connection)
{
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	struct audit_entry entry = { .status = audited_status(request) };

	/* It goes on without its client: its end is still to come. */
	if (exchange->with_router)
		return;
	if (entry.status == 401 || entry.status == 403)
		entry.event = "refusal";
	else if (connection->shared->settings.pages)
		entry.event = exchange->asked->page ? exchange->asked->page->event : NULL;
	else if (!exchange->asked->preflight)
		entry.event = audited_event(request);
	if (!entry.event)
		return;
	if (connection->shared->settings.pages)
		entry.operation = exchange->asked->route.path;
	else
		audited_object(request, &entry);
	/* What is refused early has none yet. */
	entry.address = request->address.ptr ? request->address : text_of(connection->caller->name);
	entry.certificate = exchange->asked->certificate;
	audited_note(connection->shared, request, &entry);
}

void audited_orphan(const struct connections *connections, const struct request *request)
{
	struct audit_entry entry = { .event = audited_event(request),
				     .status = audited_status(request),
				     .address = request->address };

	if (!connections->settings.audit || !entry.event)
		return;
	/* Of a page that changes something it is the event (http/pages.c). */
	if (connections->settings.pages)
		entry.event = request->operation.ptr;
	else
		audited_object(request, &entry);
	audited_note(connections, request, &entry);
}
