/* SPDX-License-Identifier: Apache-2.0 */
/* A timer makes the next step; of a group, the last query that ends sets it. */
#include "read/warm.h"

#include "base/clock.h"
#include "base/control.h"
#include "base/limits.h"
#include "base/log.h"
#include "pg/admission/estimate.h"
#include "read/read.h"
#include "router/claims.h"

#include <string.h>

#define WARM_ROOM_US (20 * US_PER_MS)   /* until it is seen again whether clients' queries wait */
#define WARM_READY_US (250 * US_PER_MS) /* whether a list is there */
#define WARM_KNOWN_US (30 * US_PER_S)   /* so long it is waited for what is known of statements */
#define WARM_ANSWER_US (5 * US_PER_S)
#define WARM_FULL 16 /* asks no more when all but one of so many parts of the cache are taken */
/* Where keys are asked in the stead of clients: */
#define WARM_FILL_US (5 * US_PER_MS) /* so often some, */
#define WARM_FILL_MAX 256            /* at most so many, those that are kept already counted, */
#define WARM_OUT_MAX 256             /* of which so many may be out. */
#define WARM_REFUSED_US (250 * US_PER_MS) /* A node that had no room for one is left alone. */

/* One that is out. */
struct warm_ask {
	struct list_link link;
	struct warm *warm;
	struct request *request;
	struct warm_key key;
};

static int64_t warm_now(const struct warm *warm)
{
	return loop_now(warm->reads->router->loop);
}

static void warm_in(struct warm *warm, int64_t us)
{
	if (!warm->stopped)
		loop_timer_set(warm->reads->router->loop, &warm->timer, warm_now(warm) + us);
}

static void warm_count(const struct warm *warm, const char *result, uint64_t count)
{
	metric_add(warm->reads->router->metrics, METRIC_cache_warm_keys_total,
		   METRIC_LABELS(result), count);
}

/* --- one key ---------------------------------------------------------------------------------- */

static bool warm_was_refused(const struct request *request)
{
	return request->outcome == OUTCOME_SHED || request->outcome == OUTCOME_QUEUE_FULL ||
	       request->outcome == OUTCOME_QUEUE_TIMEOUT;
}

/* It takes the place of one that was asked before it. */
static void warm_put_off(struct warm *warm, const struct warm_key *key)
{
	assert(warm->put_off < warm->next);
	warm->list->keys[warm->put_off++] = *key;
	warm->counts.asked--;
}

static void warm_count_end(struct warm *warm, const struct warm_ask *ask)
{
	const struct request *request = ask->request;

	if (request->outcome == OUTCOME_OK && request->cache_marks & CACHE_MARK_KEPT)
		warm->counts.kept++;
	else if (request->outcome == OUTCOME_OK && request->served_by == SERVED_BY_CACHE)
		warm->counts.there++;
	else if (!warm->again)
		warm_put_off(warm, &ask->key);
	else
		warm->counts.failed++;
	if (warm_was_refused(request))
		warm->room_us = warm_now(warm) + WARM_REFUSED_US;
}

static void warm_on_done(struct request *request)
{
	struct warm_ask *ask = request->client;
	struct warm *warm = ask->warm;

	list_remove(&warm->asks, &ask->link);
	warm_count_end(warm, ask);
	list_append(&warm->ended, &request->link);
	if (warm->pace.kind == WARM_PACE_FILLS || !list_empty(&warm->asks))
		return;
	warm_pace_group_over(&warm->pace, warm_now(warm) - warm->group_us, warm_now(warm));
	warm_in(warm, warm->pace.due_us - warm_now(warm));
}

/* True: a node may be asked for it. False: it was kept already. */
static bool warm_ask(struct warm *warm, const struct warm_key *key)
{
	struct router *router = warm->reads->router;
	struct request *request = request_new(router->loop);
	struct warm_ask *ask = arena_alloc(&request->arena, sizeof(*ask));
	int64_t answer_us = router->shared.options->request_timeout_us;
	uint64_t there = warm->counts.there;

	*ask = (struct warm_ask){ .warm = warm, .request = request, .key = *key };
	list_append(&warm->asks, &ask->link);
	warm->counts.asked++;
	request->kind = REQUEST_QUERY;
	request->operation = text_of(key->operation);
	memcpy(request->id, "cache-warm", sizeof("cache-warm"));
	request->level = LEVEL_SESSION;
	request->cache_asks = CACHE_ASKS_REFILL;
	request->born_us = loop_now(router->loop);
	request->deadline_us =
		request->born_us + (answer_us < WARM_ANSWER_US ? answer_us : WARM_ANSWER_US);
	request->on_done = warm_on_done;
	request->client = ask;
	read_take_again(warm->reads, request, key->values);
	if (warm->counts.there != there)
		return false;
	warm_count(warm, "asked", 1);
	return true;
}

/* --- which ------------------------------------------------------------------------------------ */

enum warm_use { WARM_ASK, WARM_WAIT, WARM_DROP };

/* Only what is the same for all who may ask: a key names no one. */
static enum warm_use warm_use(const struct warm *warm, const struct warm_key *key,
			      int64_t *expected_us)
{
	const struct router *router = warm->reads->router;
	const struct operation *operation =
		catalog_find(router->catalog_ref->catalog, REQUEST_QUERY, text_of(key->operation));
	unsigned cached;

	if (!operation || !operation->cache_us || operation->claims == CATALOG_CLAIMS_SET ||
	    router->shared.options->claims == CLAIMS_ALL)
		return WARM_DROP;
	if (CONTROL_WARM_VERSION && (strcmp(operation->version, key->version) != 0 ||
				     operation->statement->params != key->count))
		return WARM_DROP;
	*expected_us = estimate_us(operation->statement);
	cached = atomic_load_explicit(&operation->statement->cached, memory_order_acquire);
	if (cached == CACHED_UNKNOWN && warm_now(warm) - warm->ready_us < WARM_KNOWN_US)
		return WARM_WAIT;
	return cached == CACHED_FOR_ALL ? WARM_ASK : WARM_DROP;
}

/* Are answers of now kept? */
static bool warm_is_ready(const struct warm *warm)
{
	const struct router *router = warm->reads->router;
	uint32_t timeline = stripes_timeline(&router->shared.feed->stripes);

	return router_is_open(router) && timeline &&
	       timeline == router->topology.primary_position.timeline;
}

/* Could a query leave at once at each node that may get it, and does none wait there? */
static bool warm_has_room(const struct warm *warm)
{
	const struct router *router = warm->reads->router;
	unsigned nodes = 0;

	for (unsigned i = 0; i < router->topology.count; i++) {
		const struct node_view *node = &router->topology.nodes[i];

		if (router->topology.count > 1 &&
		    (node->role != NODE_REPLICA || !node->in_rotation))
			continue;
		if (!router->nodes[i].pool ||
		    (CONTROL_WARM_ROOM && !pool_has_room(router->nodes[i].pool)))
			return false;
		nodes++;
	}
	return nodes > 0;
}

static bool warm_is_full(const struct warm *warm)
{
	struct cache_counts counts;

	cache_store_counts(warm->store, &counts);
	return counts.bytes_used > counts.bytes_max - counts.bytes_max / WARM_FULL;
}

/* --- a list ----------------------------------------------------------------------------------- */

static void warm_report(const struct warm *warm)
{
	const struct warm_counts *counts = &warm->counts;

	warm_count(warm, "kept", counts->kept);
	warm_count(warm, "there", counts->there);
	warm_count(warm, "dropped", counts->dropped);
	warm_count(warm, "failed", counts->failed);
	warm_count(warm, "full", counts->full);
	log_info("cache",
		 "%s: %zu keys, %llu asked again, %llu kept; %llu were kept already, %llu dropped "
		 "(their operations have changed), %llu without an answer to keep, %llu not asked "
		 "(the cache is full)",
		 warm->list->of_file ? "--cache-warm" : "what was kept was emptied", warm->keys,
		 (unsigned long long)counts->asked, (unsigned long long)counts->kept,
		 (unsigned long long)counts->there, (unsigned long long)counts->dropped,
		 (unsigned long long)counts->failed, (unsigned long long)counts->full);
}

static struct misses_sum warm_misses(const struct warm *warm)
{
	return cache_misses_sum(warm->reads->misses);
}

static void warm_next_list(struct warm *warm)
{
	if (warm->list)
		warm_list_free(warm->list);
	else
		warm_pace_begin(&warm->pace, warm_misses(warm), warm_now(warm));
	warm->list = warm->after;
	warm->after = NULL;
	warm->next = warm->put_off = 0;
	warm->keys = warm->list ? warm->list->count : 0;
	warm->ready_us = 0;
	warm->again = false;
	warm->counts = (struct warm_counts){ 0 };
	if (!warm->list)
		atomic_store(&warm->busy, false);
}

/* Once, those that were put off follow. */
static void warm_end_round(struct warm *warm)
{
	if (warm->put_off) {
		warm->list->count = warm->put_off;
		warm->next = warm->put_off = 0;
		warm->again = true;
		warm_in(warm, WARM_REFUSED_US);
		return;
	}
	warm_report(warm);
	warm_next_list(warm);
	warm_in(warm, WARM_READY_US);
}

/* The next key is asked, or passed over where it is of no use. False: it has to wait. */
static bool warm_take_one(struct warm *warm)
{
	const struct warm_key *key = &warm->list->keys[warm->next];
	int64_t expected_us = 0;
	enum warm_use use = warm_use(warm, key, &expected_us);

	if (use == WARM_WAIT)
		return false;
	warm->next++;
	if (use == WARM_DROP)
		warm->counts.dropped++;
	else if (warm_ask(warm, key))
		warm_pace_asked(&warm->pace, expected_us);
	return true;
}

/* Until the next group is due, or it is time for a sample of what clients miss. */
static int64_t warm_pause_us(const struct warm *warm)
{
	int64_t due_us = warm->pace.due_us - warm_now(warm);

	return due_us > 0 && due_us < WARM_PACE_SAMPLE_US ? due_us : WARM_PACE_SAMPLE_US;
}

static void warm_ask_group(struct warm *warm)
{
	unsigned count = warm_pace_group(&warm->pace, warm_now(warm));
	uint64_t until = warm->counts.asked + count;
	size_t before = warm->next;

	if (!list_empty(&warm->asks) || !count) {
		warm_in(warm, warm_pause_us(warm));
		return;
	}
	if (!warm_has_room(warm)) {
		warm_in(warm, WARM_ROOM_US);
		return;
	}
	warm->group_us = warm_now(warm);
	while (warm->counts.asked < until && warm->next < warm->list->count)
		if (!warm_take_one(warm))
			break;
	if (list_empty(&warm->asks))
		warm_in(warm, warm->next == before ? WARM_PACE_SAMPLE_US : 0);
}

static void warm_fill(struct warm *warm)
{
	for (unsigned i = 0; i < WARM_FILL_MAX && warm->next < warm->list->count &&
			     warm->asks.count < WARM_OUT_MAX && warm_pace_allows(&warm->pace);
	     i++)
		if (!warm_take_one(warm))
			break;
	warm_in(warm, WARM_FILL_US);
}

static void warm_go_on(struct warm *warm)
{
	warm_pace_sample(&warm->pace, warm_misses(warm), warm_now(warm));
	if (!warm_is_ready(warm)) {
		warm_in(warm, WARM_PACE_SAMPLE_US);
		return;
	}
	if (!warm->ready_us)
		warm->ready_us = warm_now(warm);
	if (warm->next < warm->list->count && warm_is_full(warm)) {
		warm->counts.full += warm->list->count - warm->next;
		warm->next = warm->list->count;
	}
	if (warm->next == warm->list->count && list_empty(&warm->asks))
		warm_end_round(warm);
	else if (warm->next == warm->list->count || warm_now(warm) < warm->room_us)
		warm_in(warm, WARM_PACE_SAMPLE_US);
	else if (warm->pace.kind == WARM_PACE_FILLS)
		warm_fill(warm);
	else
		warm_ask_group(warm);
}

/* Was all that was kept given up since? Not so at the start, where there was nothing. */
static void warm_see_era(struct warm *warm)
{
	uint32_t era = stripes_era(&warm->reads->router->shared.feed->stripes);

	if (!era || era == warm->era)
		return;
	if (warm->era && warm->events.on_emptied)
		warm->events.on_emptied(warm->events.arg);
	warm->era = era;
}

static void warm_on_due(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, timer);

	request_free_all(&warm->ended);
	warm_see_era(warm);
	if (warm->list)
		warm_go_on(warm);
	else
		warm_in(warm, WARM_READY_US);
}

/* --- its life --------------------------------------------------------------------------------- */

void warm_start(struct warm *warm, struct reads *reads, struct cache_store *store,
		const struct warm_events *events)
{
	*warm = (struct warm){ .reads = reads, .store = store, .events = *events };
	list_init(&warm->asks);
	list_init(&warm->ended);
	warm->timer.on_due = warm_on_due;
	warm_in(warm, 0);
}

void warm_stop(struct warm *warm)
{
	if (!warm->reads || warm->stopped)
		return;
	warm->stopped = true;
	loop_timer_cancel(warm->reads->router->loop, &warm->timer);
	while (!list_empty(&warm->asks)) {
		struct warm_ask *ask = container_of(list_first(&warm->asks), struct warm_ask, link);

		ask->request->on_client_gone(ask->request);
	}
	if (warm->list)
		warm_list_free(warm->list);
	if (warm->after)
		warm_list_free(warm->after);
	warm->list = warm->after = NULL;
}

void warm_fini(struct warm *warm)
{
	if (!warm->reads)
		return;
	warm_stop(warm);
	request_free_all(&warm->ended);
}

void warm_give(struct warm *warm, struct warm_list *list)
{
	if (warm->stopped) {
		warm_list_free(list);
		return;
	}
	if (warm->after)
		warm_list_free(warm->after);
	warm->after = list;
	if (list->of_file)
		warm_count(warm, "read", list->count);
	if (!warm->list)
		warm_next_list(warm);
	else
		return;
	if (list_empty(&warm->asks))
		warm_in(warm, 0);
}

bool warm_is_busy(const struct warm *warm)
{
	return atomic_load(&warm->busy);
}

void warm_announce(struct warm *warm)
{
	atomic_store(&warm->busy, true);
}
