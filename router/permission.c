/* SPDX-License-Identifier: Apache-2.0 */
/* A client learns that it may not; which role it would need stands in the catalog. */
#include "router/permission.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/repeats.h"
#include "catalog/permit.h"
#include "router/task.h"

#include <string.h>

bool permission_holds(const struct request *request, const struct operation *operation)
{
	return operation_permit(operation, request->principal) == PERMIT_GRANTED;
}

/* Only where a caller without a credential can have one. */
static bool permission_anonymous_job(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].access == ACCESS_PUBLIC &&
		    catalog->operations[i].async != ASYNC_NEVER)
			return true;
	return false;
}

static bool permission_anonymous_document(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].access == ACCESS_PUBLIC)
			return true;
	return false;
}

bool permission_anonymous(const struct router *router, const struct request *request)
{
	const struct catalog *catalog = router->catalog_ref->catalog;
	const struct operation *operation;

	if (request->kind == REQUEST_JOB || request->kind == REQUEST_JOB_CANCEL)
		return permission_anonymous_job(catalog);
	if (request->kind == REQUEST_DOCUMENT)
		return permission_anonymous_document(catalog);
	operation = catalog_find(catalog, request->kind, request->operation);
	return operation && operation->access == ACCESS_PUBLIC;
}

/* A JWT's id has a user in it, who is not named in logs. */
static const char *permission_shown(const struct principal *principal)
{
	return principal->kind == PRINCIPAL_JWT ? NULL : principal->id.ptr;
}

static void permission_log(struct task *task, const char *reason)
{
	const struct request *request = task->request;
	const char *kind = principal_kind_text(request->principal->kind);
	const char *name = request->operation_name;
	uint64_t key =
		hash_bytes(reason, strlen(reason), name ? hash_bytes(name, strlen(name), 0) : 0);
	char again[REPEATS_TEXT_BYTES];

	metric_add(task->router->metrics, METRIC_auth_failures_total, METRIC_LABELS(kind, reason),
		   1);
	if (!repeats_allow(REPEATS_REFUSED, key, loop_now(request->loop), again))
		return;
	log_with(LOG_INFO, "auth",
		 LOG_FIELDS({ "request_id", request->id }, { "kind", kind }, { "reason", reason },
			    { "operation", name }, { "id", permission_shown(request->principal) }),
		 "a caller was refused%s%s",
		 request->principal->kind == PRINCIPAL_OPEN
			 ? ": the service is open, where no caller "
			   "has a role or is a peer"
			 : "",
		 again);
}

static enum step permission_forbid(struct task *task, const char *reason, const char *what)
{
	permission_log(task, reason);
	return request_fail(task->request, OUTCOME_FORBIDDEN, "The caller may not %s", what);
}

enum step permission_refuse_anonymous(struct task *task)
{
	permission_log(task, permit_name(PERMIT_ANONYMOUS));
	return request_fail(task->request, OUTCOME_UNAUTHENTICATED,
			    "A credential is wanted: Authorization: Bearer");
}

/* Only asked where the request wants more than the operation gives by itself. */
static bool permission_has_strong_role(const struct task *task)
{
	const char *roles = task->router->shared.options->strong_roles;

	return roles && principal_has_role_of(task->request->principal, roles);
}

/* Without --strong-roles a client can only lower itself. */
static void permission_set_urgency(struct task *task)
{
	int own = (int)task->operation->urgency, wanted = task->request->urgency;

	if (wanted < 0 || (wanted < own && !permission_has_strong_role(task)))
		wanted = own;
	task->urgency = (unsigned)wanted;
}

static bool permission_strong_is_bound(const struct task *task)
{
	return task->request->level == LEVEL_STRONG && task->operation->kind == REQUEST_QUERY &&
	       task->operation->consistency != LEVEL_STRONG &&
	       task->router->shared.options->strong_roles;
}

enum step permission_ask(struct task *task)
{
	enum permit permit = operation_permit(task->operation, task->request->principal);

	if (permit == PERMIT_ANONYMOUS)
		return permission_refuse_anonymous(task);
	if (permit != PERMIT_GRANTED)
		return permission_forbid(task, permit_name(permit), "call this operation");
	if (permission_strong_is_bound(task) && !permission_has_strong_role(task))
		return permission_forbid(task, "strong", "ask for strong consistency");
	permission_set_urgency(task);
	return STEP_NEXT;
}
