/* SPDX-License-Identifier: Apache-2.0 */
/* What it came to decides, never what the client could still be told of it. */
#include "http/audited.h"

#include "base/audit.h"
#include "http/connection.h"
#include "http/problem.h"

#include <stddef.h>

static unsigned audited_status(const struct request *request)
{
	if (request->outcome != OUTCOME_OK)
		return problem_status(request->outcome, request->status);
	return request->status ? request->status : 200;
}

/* As the catalog names it, else as the client does. */
static struct text audited_operation(const struct request *request)
{
	struct text operation = request->operation;

	if (request->operation_name)
		return text_of(request->operation_name);
	if (operation.len > OPERATION_NAME_MAX)
		operation.len = OPERATION_NAME_MAX;
	return operation;
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
	else if (exchange->asked->route.kind == ROUTE_COMMAND && !exchange->asked->preflight)
		entry.event = "command";
	else
		return;
	entry.operation = connection->shared->settings.pages ? exchange->asked->route.path
							     : audited_operation(request);
	/* What is refused early has none yet. */
	entry.address = request->address.ptr ? request->address : text_of(connection->caller->name);
	entry.certificate = exchange->asked->certificate;
	audited_note(connection->shared, request, &entry);
}

void audited_orphan(const struct connections *connections, const struct request *request)
{
	struct audit_entry entry = { .event = "command",
				     .status = audited_status(request),
				     .address = request->address,
				     .operation = audited_operation(request) };

	if (connections->settings.audit && request->kind == REQUEST_COMMAND)
		audited_note(connections, request, &entry);
}
