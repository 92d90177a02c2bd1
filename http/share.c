/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at connections only when there is too little for all, and at few of them each time. */
#include "http/share.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/repeats.h"
#include "http/connection.h"
#include "http/refusal.h"
#include "http/reply.h"
#include "http/socket/accept_queue.h"

#include <assert.h>
#include <inttypes.h>
#include <sys/ioctl.h>

#define SHARE_LINE 1 /* its key among lines that repeat themselves */
#define SHARE_FULL "There are as many connections as are allowed"

/* --- who goes before whom? -------------------------------------------------------------------- */

static int64_t share_age_us(const struct connection *connection)
{
	return loop_now(connection->shared->loop) - connection->since_us;
}

/* Of what arrives; as fast as can be while its first turn lasts. */
static int64_t share_bytes_per_s(const struct connection *connection)
{
	int64_t age_us = share_age_us(connection);

	if (!connection->exchange.body_bytes)
		return 0;
	return age_us ? (int64_t)connection->exchange.body_bytes * US_PER_S / age_us : INT64_MAX;
}

/* The states in this order are those that go. */
static bool share_goes_before(const struct connection *a, const struct connection *b)
{
	static_assert(CONNECTION_RESTING < CONNECTION_ARRIVING, "who rests goes first");
	static_assert(CONNECTION_ARRIVING < CONNECTION_SENDING, "a reply is more than a request");

	if (a->state != b->state)
		return a->state < b->state;
	if (a->state == CONNECTION_ARRIVING && share_bytes_per_s(a) != share_bytes_per_s(b))
		return share_bytes_per_s(a) < share_bytes_per_s(b);
	return a->since_us < b->since_us;
}

/* --- of one caller ---------------------------------------------------------------------------- */

/* Who was looked at is the last to be looked at again. */
static struct connection *share_next(struct caller *caller)
{
	struct list_link *link = list_take_first(&caller->connections);

	list_append(&caller->connections, link);
	return container_of(link, struct connection, of_caller);
}

/* What has come for it is a request that was not read yet, in this turn. */
static bool share_has_asked(const struct connection *connection)
{
	int unread = 0;

	return connection->state == CONNECTION_RESTING &&
	       ioctl(connection->fd, FIONREAD, &unread) == 0 && unread > 0;
}

static bool share_may_go(const struct connection *connection)
{
	if (connection->state == CONNECTION_SENDING)
		return share_age_us(connection) >= HTTP_YIELD_REST_US;
	return connection->state == CONNECTION_RESTING || connection->state == CONNECTION_ARRIVING;
}

static struct connection *share_least(struct caller *caller)
{
	struct connection *least = NULL;

	for (size_t i = 0; i < caller->connections.count && i < HTTP_SHARE_SCAN_MAX; i++) {
		struct connection *connection = share_next(caller);

		if (share_may_go(connection) && (!least || share_goes_before(connection, least)) &&
		    !share_has_asked(connection))
			least = connection;
	}
	return least;
}

struct connection *share_slowest_body(struct connections *connections)
{
	struct caller *caller = callers_most(&connections->callers, CALLERS_BODIES);
	struct connection *slowest = NULL;

	assert(caller);
	for (size_t i = 0; i < caller->connections.count; i++) {
		struct connection *connection = share_next(caller);

		if (connection->body_held && (!slowest || share_goes_before(connection, slowest)))
			slowest = connection;
		if (slowest && i >= HTTP_SHARE_SCAN_MAX)
			break;
	}
	assert(slowest);
	return slowest;
}

/* --- whose ever it is ------------------------------------------------------------------------- */

static struct connection *share_rested(struct connections *connections)
{
	struct list *resting = &connections->by_state[CONNECTION_RESTING];
	int64_t us_min = connections->settings.pages ? 0 : HTTP_YIELD_REST_US;
	unsigned scans = HTTP_SHARE_SCAN_MAX;

	list_each (resting, it) {
		struct connection *connection = container_of(it, struct connection, link);

		if (!scans-- || share_age_us(connection) < us_min)
			break;
		if (!share_has_asked(connection))
			return connection;
	}
	return NULL;
}

/* Those who have been arriving longest are first. */
static struct connection *share_slow(struct connections *connections, const struct caller *asking)
{
	int64_t us_min = connections->settings.pages ? 0 : HTTP_YIELD_ARRIVING_US;
	struct connection *slowest = NULL;
	unsigned scans = HTTP_SHARE_SCAN_MAX;

	list_each (&connections->by_state[CONNECTION_ARRIVING], it) {
		struct connection *connection = container_of(it, struct connection, link);

		if (!scans-- || share_age_us(connection) < us_min)
			break;
		if (connection->caller->held[CALLERS_PLACES] >= asking->held[CALLERS_PLACES] &&
		    (!slowest || share_goes_before(connection, slowest)))
			slowest = connection;
	}
	return slowest;
}

/* --- who waits to be let in ------------------------------------------------------------------- */

/* The oldest who has said nothing yet. */
static struct newcomer *share_mute(struct caller *caller)
{
	unsigned scans = HTTP_SHARE_SCAN_MAX;

	list_each (&caller->newcomers, it) {
		struct newcomer *newcomer = container_of(it, struct newcomer, of_caller);

		if (!scans--)
			break;
		if (accept_queue_says_nothing(newcomer))
			return newcomer;
	}
	return NULL;
}

static bool share_turn_away(struct connections *connections, struct newcomer *newcomer,
			    const char *reason)
{
	if (!newcomer)
		return false;
	metric_add(connections->metrics, METRIC_http_yielded_total,
		   METRIC_LABELS("waiting", reason), 1);
	connections->owner->on_turned_away(connections, newcomer, SHARE_FULL);
	return true;
}

/* --- it goes ---------------------------------------------------------------------------------- */

static void share_tell(struct connections *connections, const struct caller *caller)
{
	char again[REPEATS_TEXT_BYTES];

	/* Callers are many: whichever of them it is, it is one line. */
	if (!repeats_allow(REPEATS_FULL, SHARE_LINE, loop_now(connections->loop), again))
		return;
	log_warn("http", "all connections are taken: %s made room and holds %" PRIu64 " of %u%s",
		 caller->name[0] ? caller->name : "a caller without an address",
		 caller->held[CALLERS_PLACES], connections->settings.connections_max, again);
}

/* A request that has begun is answered; what a client has not taken of a reply is not kept. */
static bool share_end(struct connection *connection, const char *reason)
{
	struct request *request;

	if (!connection)
		return false;
	request = connection->exchange.request;
	if (connection->state == CONNECTION_SENDING) {
		connection_drop_unsent(connection);
	} else if (request) {
		if (request->outcome == OUTCOME_OK)
			(void)request_fail(request, OUTCOME_SHED, "%s", SHARE_FULL);
		(void)!reply_past_library(connection);
	} else if (connection->state == CONNECTION_ARRIVING) {
		refusal_shed(connection);
	}
	connection_yield(connection, reason, "others need its place");
	return true;
}

/* may_close: of those who yielded few are still there. */
static bool share_of_most(struct connections *connections, struct caller *most, bool may_close)
{
	struct list_link *last = list_last(&most->newcomers);

	if (share_turn_away(connections, share_mute(most), "share"))
		return true;
	if (may_close && share_end(share_least(most), "share"))
		return true;
	return last && share_turn_away(connections, container_of(last, struct newcomer, of_caller),
				       "share");
}

static bool share_whose_ever(struct connections *connections, struct caller *asking, size_t closing)
{
	bool is_admin = connections->settings.pages;
	/* Who replaces their own connections leaves others the chance to take one of them. */
	size_t closing_max = is_admin ? HTTP_YIELDING_MAX : HTTP_YIELDING_MAX / 2;

	if (closing < closing_max && (share_end(share_rested(connections), "rest") ||
				      share_end(share_slow(connections, asking), "slow")))
		return true;
	return is_admin && share_turn_away(connections, share_mute(asking), "rest");
}

/* Whose end is decided needs its place no more. */
static bool share_of_parting(struct connections *connections)
{
	struct list *parting = &connections->by_state[CONNECTION_PARTING];

	if (list_empty(parting))
		return false;
	connection_yield(container_of(list_first(parting), struct connection, link), "rest",
			 "others need its place");
	return true;
}

bool share_yield_place(struct connections *connections, struct caller *asking)
{
	struct caller *most = callers_most(&connections->callers, CALLERS_PLACES);
	size_t closing = connections->by_state[CONNECTION_CLOSING].count;

	if (closing < HTTP_YIELDING_MAX && share_of_parting(connections))
		return true;
	if (most && most->held[CALLERS_PLACES] > asking->held[CALLERS_PLACES] + 1 &&
	    share_of_most(connections, most, closing < HTTP_YIELDING_MAX)) {
		share_tell(connections, most);
		return true;
	}
	return share_whose_ever(connections, asking, closing);
}
