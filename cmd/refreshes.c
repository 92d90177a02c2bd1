/* SPDX-License-Identifier: Apache-2.0 */
/* A query that is out knows the command only as long as that waits for it. */
#include "cmd/refreshes.h"

#include "base/clock.h"
#include "base/control.h"
#include "read/read.h"
#include "router/router.h"

#include <assert.h>
#include <string.h>

#define REFRESHES_MAX 64                 /* out at once, of one loop */
#define REFRESHES_WAIT_US US_PER_S       /* a command is held up no longer */
#define REFRESHES_TIME_US (5 * US_PER_S) /* and a query is given up after that */

/* A command that refreshes something, in its arena. */
struct refreshing {
	struct refreshes *refreshes;
	struct request *request;
	const struct operation *operation; /* of catalog_ref */
	struct catalog_ref *catalog_ref;
	void (*on_done)(struct request *request); /* http's */
	struct list waits;                        /* struct refill, by held */
	bool begins;                              /* its queries are being begun */
};

/* One query, in the arena of its request. */
struct refill {
	struct list_link link;
	struct list_link held; /* of the command that waits for it */
	struct refreshes *refreshes;
	struct request *request;
	struct refreshing *waiting; /* NULL: none waits */
};

void refreshes_init(struct refreshes *refreshes, struct router *router, struct reads *reads)
{
	*refreshes = (struct refreshes){ .router = router, .reads = reads };
	list_init(&refreshes->out);
	list_init(&refreshes->ended);
}

static void refreshes_on_burial(struct loop_timer *timer)
{
	request_free_all(&container_of(timer, struct refreshes, burial)->ended);
}

void refreshes_fini(struct refreshes *refreshes)
{
	assert(list_empty(&refreshes->out));
	loop_timer_cancel(refreshes->router->loop, &refreshes->burial);
	request_free_all(&refreshes->ended);
}

void refreshes_drain(struct refreshes *refreshes)
{
	refreshes->draining = true;
	while (!list_empty(&refreshes->out)) {
		struct refill *refill =
			container_of(list_first(&refreshes->out), struct refill, link);

		refill->request->on_client_gone(refill->request);
	}
}

static void refreshes_count(const struct refreshes *refreshes, const char *result)
{
	metric_add(refreshes->router->metrics, METRIC_cache_refreshes_total, METRIC_LABELS(result),
		   1);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The command is http's again. */
static void refreshing_end(struct refreshing *refreshing)
{
	struct request *request = refreshing->request;

	loop_timer_cancel(request->loop, &request->timer);
	catalog_ref_drop(refreshing->catalog_ref);
	request->on_done = refreshing->on_done;
	request->on_done(request);
}

static void refill_let_go(struct refill *refill)
{
	list_remove(&refill->waiting->waits, &refill->held);
	refill->waiting = NULL;
}

static void refreshing_on_late(struct loop_timer *timer)
{
	struct request *request = container_of(timer, struct request, timer);
	struct refreshing *refreshing = request->after;

	while (!list_empty(&refreshing->waits))
		refill_let_go(container_of(list_first(&refreshing->waits), struct refill, held));
	refreshing_end(refreshing);
}

static const char *refill_result(const struct request *request)
{
	if (request->outcome != OUTCOME_OK)
		return "failed";
	if (request->cache_use == CACHE_USE_HIT)
		return "there";
	return request->cache_marks & CACHE_MARK_KEPT ? "kept" : "not";
}

static void refill_on_done(struct request *request)
{
	struct refill *refill = request->after;
	struct refreshes *refreshes = refill->refreshes;
	struct refreshing *refreshing = refill->waiting;

	refreshes_count(refreshes, refill_result(request));
	list_remove(&refreshes->out, &refill->link);
	refreshes->count--;
	list_append(&refreshes->ended, &request->link);
	refreshes->burial.on_due = refreshes_on_burial;
	loop_timer_set(request->loop, &refreshes->burial, loop_now(request->loop));
	if (!refreshing)
		return;
	refill_let_go(refill);
	if (list_empty(&refreshing->waits) && !refreshing->begins)
		refreshing_end(refreshing);
}

/* --- a query ---------------------------------------------------------------------------------- */

/* The command's value, as it came; false: it gave none, nor is there a default. */
static bool refill_put_value(const struct refreshing *refreshing, unsigned param, struct buf *out)
{
	const struct parameter *parameter = &refreshing->operation->parameters[param];
	const struct json *body = refreshing->request->body;
	const struct json *json = body ? json_get(body, parameter->name) : NULL;

	if (json)
		buf_text(out, json_source(json));
	else if (parameter->default_value.ptr)
		buf_json_string(out, parameter->default_value.ptr, parameter->default_value.len);
	return json || parameter->default_value.ptr;
}

static struct json *refill_body(const struct refreshing *refreshing, const struct refresh *refresh)
{
	struct json_error error;
	struct json *body;
	struct buf text;

	buf_init(&text);
	buf_byte(&text, '{');
	for (unsigned i = 0; i < refresh->values_count; i++) {
		size_t before = text.len;

		if (before > 1)
			buf_byte(&text, ',');
		buf_json_string(&text, refresh->values[i].name.ptr, refresh->values[i].name.len);
		buf_byte(&text, ':');
		if (!refill_put_value(refreshing, refresh->values[i].param, &text))
			text.len = before;
	}
	buf_byte(&text, '}');
	body = json_read((struct text){ text.ptr, text.len }, &error);
	buf_fini(&text);
	return body;
}

/* Who asks is who asked for the command, whose answers may be theirs alone. */
static void refill_set_who(struct request *request, const struct request *from)
{
	struct arena *arena = &request->arena;

	request->principal = principal_copy(from->principal, arena);
	request->user = arena_text(arena, from->user);
	request->user_key = arena_text(arena, from->user_key);
	request->address = arena_text(arena, from->address);
	request->caller = arena_text(arena, from->caller);
	memcpy(request->id, from->id, sizeof(request->id));
}

/* A level that asks for the user's session would settle what the user is to hear of a loss. */
static void refill_set_needs(struct request *request, const struct request *from)
{
	int64_t now_us = loop_now(request->loop);

	request->kind = REQUEST_QUERY;
	request->level = LEVEL_EVENTUAL;
	request->tokens[request->tokens_count++] =
		arena_text(&request->arena, text_of(from->token));
	request->cache_asks = CACHE_ASKS_REFILL;
	request->wait_us_max = REFRESHES_TIME_US;
	request->born_us = now_us;
	request->deadline_us = now_us + REFRESHES_TIME_US;
}

static void refill_begin(struct refreshing *refreshing, const struct refresh *refresh)
{
	struct refreshes *refreshes = refreshing->refreshes;
	struct request *from = refreshing->request, *request;
	struct refill *refill;

	if (refreshes->count == REFRESHES_MAX || refreshes->draining) {
		refreshes_count(refreshes, "skipped");
		return;
	}
	request = request_new(from->loop);
	refill = arena_zero(&request->arena, 1, sizeof(*refill));
	refill->refreshes = refreshes;
	refill->request = request;
	request->after = refill;
	request->on_done = refill_on_done;
	request->operation = arena_text(&request->arena, refresh->query);
	request->body = refill_body(refreshing, refresh);
	refill_set_who(request, from);
	refill_set_needs(request, from);
	list_append(&refreshes->out, &refill->link);
	refreshes->count++;
	if (refresh->waits) {
		refill->waiting = refreshing;
		list_append(&refreshing->waits, &refill->held);
	}
	read_take(refreshes->reads, request);
}

/* --- the command ------------------------------------------------------------------------------ */

/* Has it committed something now? */
static bool refreshing_is_due(const struct request *request)
{
	return CONTROL_CACHE_REFRESHES && request->outcome == OUTCOME_OK && request->token[0] &&
	       !request->replayed && !request_is_accepted(request);
}

static void refreshing_on_command(struct request *request)
{
	struct refreshing *refreshing = request->after;
	const struct operation *operation = refreshing->operation;
	int64_t until_us = loop_now(request->loop) + REFRESHES_WAIT_US;

	if (until_us > request->deadline_us)
		until_us = request->deadline_us;

	refreshing->begins = true;
	for (unsigned i = 0; refreshing_is_due(request) && i < operation->refreshes_count; i++)
		refill_begin(refreshing, &operation->refreshes[i]);
	refreshing->begins = false;
	if (list_empty(&refreshing->waits)) {
		refreshing_end(refreshing);
		return;
	}
	request->timer.on_due = refreshing_on_late;
	loop_timer_set(request->loop, &request->timer, until_us);
}

void refreshes_expect(struct refreshes *refreshes, struct request *request)
{
	struct catalog_ref *catalog_ref = refreshes->router->catalog_ref;
	const struct operation *operation;
	struct refreshing *refreshing;

	if (!catalog_ref->catalog->refreshes || request->kind != REQUEST_COMMAND)
		return;
	operation = catalog_find(catalog_ref->catalog, REQUEST_COMMAND, request->operation);
	if (!operation || !operation->refreshes_count ||
	    (request->body && json_kind(request->body) != JSON_OBJECT))
		return;
	refreshing = arena_zero(&request->arena, 1, sizeof(*refreshing));
	refreshing->refreshes = refreshes;
	refreshing->request = request;
	refreshing->operation = operation;
	refreshing->catalog_ref = catalog_ref;
	refreshing->on_done = request->on_done;
	list_init(&refreshing->waits);
	catalog_ref->users++;
	request->after = refreshing;
	request->on_done = refreshing_on_command;
}
