/* SPDX-License-Identifier: Apache-2.0 */
/* http/auth/ decides; here its answer becomes fields of the request, a line of the log, a count. */
#include "http/principal_in.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/repeats.h"
#include "http/auth/acts_for.h"
#include "http/auth/auth.h"
#include "http/auth/credential.h"
#include "http/connection.h"

#include <string.h>

/* Of one reason a few lines, however many requests; who it was is counted, too. */
static void principal_in_log(const struct connection *connection, const char *kind,
			     const char *reason, struct text id)
{
	const struct request *request = connection->exchange.request;
	uint64_t key = hash_bytes(reason, strlen(reason), hash_bytes(kind, strlen(kind), 0));
	const char *address = connection->caller->name;
	char again[REPEATS_TEXT_BYTES];

	metric_add(connection->shared->metrics, METRIC_auth_failures_total,
		   METRIC_LABELS(kind, reason), 1);
	if (!repeats_allow(REPEATS_REFUSED, key, loop_now(connection->shared->loop), again))
		return;
	log_with(LOG_INFO, "auth",
		 LOG_FIELDS({ "request_id", request->id }, { "kind", kind }, { "reason", reason },
			    { "address", address[0] ? address : NULL }, { "id", id.ptr }),
		 "a caller was refused%s", again);
}

static void principal_in_refuse(struct connection *connection, const struct auth_answer *answer)
{
	struct request *request = connection->exchange.request;

	principal_in_log(connection, answer->kind, answer->reason, answer->key_id);
	request->retry_after_us = answer->retry_after_us;
	(void)request_fail(request, answer->outcome, "%s", answer->detail);
}

/* What the library holds of it is not needed any more, and might be seen in a core. */
static void principal_in_forget(const struct head *head)
{
	if (!(head->lengths & head_length_bit(strlen("authorization"))))
		return;
	for (size_t i = 0; i < head->count; i++) {
		struct text value = head->headers[i].value;

		if (text_is_caseless(head->headers[i].name, "authorization"))
			memset((char *)(uintptr_t)value.ptr, '*', value.len);
	}
}

static bool principal_in_decide(struct connection *connection, const struct head *head)
{
	struct request *request = connection->exchange.request;
	const struct peer *peer = connection->peer;
	const struct peer_credential credential = { .principal = peer && !peer->is_proxy
									 ? &peer->principal
									 : NULL };
	const struct auth_asked asked = {
		.head = head,
		.peer = peer ? &credential : NULL,
		.address = request->address,
		.now_us = loop_now(connection->shared->loop),
		.now_s = clock_wall_us() / US_PER_S,
	};
	struct auth_answer answer =
		authenticate(connection->shared->settings.auth, &asked, &request->arena);

	principal_in_forget(head);
	if (answer.outcome == OUTCOME_OK && answer.principal->kind != PRINCIPAL_OPEN &&
	    credential_in_query(request->pairs, request->pairs_count))
		answer = (struct auth_answer){
			.outcome = OUTCOME_BAD_REQUEST,
			.detail = "Credentials do not belong in the query string, where logs keep "
				  "them: make a new one",
			.kind = "unknown",
			.reason = "in-query",
		};
	if (answer.outcome != OUTCOME_OK) {
		principal_in_refuse(connection, &answer);
		return false;
	}
	request->principal = answer.principal;
	if (answer.principal->id.ptr)
		request->caller = answer.principal->id;
	return true;
}

/* Anonymous callers, before any of their bodies is read. */
static bool principal_in_admit(struct connection *connection)
{
	struct request *request = connection->exchange.request;
	const struct listener_handlers *handlers = &connection->shared->settings.handlers;

	if (request->principal->kind != PRINCIPAL_ANONYMOUS ||
	    handlers->serves_anonymous(request, handlers->arg))
		return true;
	principal_in_log(connection, "anonymous", "anonymous", (struct text){ NULL, 0 });
	(void)request_fail(request, OUTCOME_UNAUTHENTICATED,
			   "A credential is wanted: Authorization: Bearer");
	return false;
}

/* Of a JWT that would be a user, who is not named in logs. */
static struct text principal_in_shown(const struct principal *principal)
{
	return principal->kind == PRINCIPAL_JWT ? (struct text){ NULL, 0 } : principal->id;
}

static bool principal_in_user(struct connection *connection)
{
	struct request *request = connection->exchange.request;
	const struct principal *principal = request->principal;

	if (acts_for_user(principal, request->user, &request->user)) {
		request->user_key = acts_for_key(principal, request->user, &request->arena);
		return true;
	}
	principal_in_log(connection, principal_kind_text(principal->kind), "acts-for",
			 principal_in_shown(principal));
	(void)request_fail(request, OUTCOME_FORBIDDEN, "The caller may not act for this user");
	return false;
}

void principal_in_take(struct connection *connection, const struct head *head)
{
	if (principal_in_decide(connection, head) && principal_in_admit(connection))
		(void)principal_in_user(connection);
}
