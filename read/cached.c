/* SPDX-License-Identifier: Apache-2.0 */
/* A query leads one flight at most, and goes by itself behind some that brought it nothing. */
#include "read/cached.h"

#include "base/clock.h"
#include "base/control.h"
#include "base/hash.h"
#include "pg/admission/estimate.h"
#include "read/cache/cache.h"
#include "read/cache/judge.h"
#include "read/cache_key.h"
#include "read/state.h"
#include "router/by_table.h"
#include "router/feed_tags.h"
#include "router/requirement.h"

#include <math.h>

#define CACHED_FLIGHTS_MAX 2              /* that one query follows */
#define CACHED_FLIGHT_US US_PER_S         /* for each of them */
#define CACHED_DOUBT_US 500               /* a command that was sent to commit is waited for, */
#define CACHED_REPLAY_US (20 * US_PER_MS) /* a replica may take so long to come to what is kept */
#define CACHED_EARLY_MAX 16  /* nothing is renewed sooner than so many times what it takes */
#define CACHED_DOUBTS_MAX 10 /* so often */

/* --- is its answer kept? ---------------------------------------------------------------------- */

/* With other instances, only what the feed knows of is kept. */
static bool cached_may_be(const struct read *read)
{
	const struct task *task = &read->task;
	const struct options *options = task->router->shared.options;

	if (task->needs.required_unknown || !task->judged || task->needs.level == LEVEL_STRONG ||
	    task->request->from == FROM_REPLICA_CONFIRMED)
		return false;
	return options->sessions == SESSIONS_LOCAL || by_table_counts(task);
}

/* Tags of what it reads, and of its groups; 0: what it reads is not known. */
static uint32_t cached_read_tags(struct read *read)
{
	struct task *task = &read->task;
	const struct operation *operation = task->operation;
	const struct tag_set *set =
		atomic_load_explicit(&operation->statement->relations, memory_order_acquire);
	uint64_t relations[FEED_RELATIONS_OF_QUERY_MAX];
	struct arena *arena = &task->request->arena;
	size_t count;

	if (!set || !tag_set_read(set, relations, &count))
		return 0;
	read->cached.tags =
		feed_tags_read(operation, feed_tags(operation, task->shape, task->values, arena),
			       relations, count, arena);
	return (uint32_t)hash_bytes(relations, count * sizeof(relations[0]), 1) | 1;
}

static bool cached_begin(struct read *read)
{
	struct task *task = &read->task;
	const struct operation *operation = task->operation;
	unsigned who = atomic_load_explicit(&operation->statement->cached, memory_order_acquire);
	const struct cache_asked asked = {
		.operation = operation,
		.shape = task->shape,
		.values = task->values,
		.claims = task->claims,
		.who = who == CACHED_BY_USER ? task->request : NULL,
	};

	if (who != CACHED_FOR_ALL && who != CACHED_BY_USER)
		return false;
	read->cached.facts.version = cached_read_tags(read);
	if (!read->cached.facts.version || !cached_may_be(read) ||
	    (cache_asks_time(&asked) && !operation->cache_volatile_ok))
		return false;
	read->cached.facts.operation = operation->cache_number;
	read->cached.key = cache_key(&asked, &task->request->arena);
	read->cached.shape = task->shape;
	return true;
}

/* What is made behind the request's coming is as old as an answer of a node. */
static int64_t cached_oldest_us(const struct task *task)
{
	const struct request *request = task->request;
	int64_t age_us = request->cache_asks & CACHE_ASKS_AGE ? request->cache_age_us_max : -1;

	/* Without an index, a node that was asked behind its coming has all that was. */
	if (request->cache_asks & CACHE_ASKS_NOW && !task->wants_index)
		age_us = 0;
	return age_us < 0 ? INT64_MIN : request->born_us - age_us;
}

static struct cache_view cached_view(const struct read *read)
{
	const struct task *task = &read->task;
	const struct stripes *stripes = &task->router->shared.feed->stripes;
	const struct cached *cached = &read->cached;
	const unsigned asks = task->request->cache_asks;
	const bool ours = stripes_life(stripes) == task->judged_life;
	/* A is read before the stripes, which rise before it does. */
	struct position known = stripes_known(stripes);
	struct stripes_state state = stripes_state(stripes, cached->tags.items, cached->tags.count);

	return (struct cache_view){
		.now_us = loop_now(task->router->loop),
		.fresh_us = task->operation->cache_us,
		/* Who says how old it may be takes none whose time is over (RFC 9111, 5.2.1.1). */
		.stale_us = asks & CACHE_ASKS_AGE ? 0 : task->operation->cache_swr_us,
		.timeline = ours && state.timeline == task->judged ? state.timeline : 0,
		.life = task->judged_life,
		.version = cached->facts.version,
		.touched = state.touched,
		.in_doubt = state.in_doubt,
		.counted = by_table_counts(task) && known.timeline == task->judged,
		.known = known.lsn,
		.required = task->needs.required.lsn,
		.token = task->token_lsn,
		.indexed = task->wants_index,
		.lag_us_max = task->needs.staleness_us_max,
		.oldest_us = cached_oldest_us(task),
	};
}

static void cached_count(const struct read *read, const char *result)
{
	if (read_is_refill(read->task.request))
		return;
	metric_add(read->task.router->metrics, METRIC_cache_requests_total,
		   METRIC_LABELS(read->task.operation->name, result), 1);
}

static void cached_count_fill(const struct read *read, const char *result)
{
	metric_add(read->task.router->metrics, METRIC_cache_fills_total,
		   METRIC_LABELS(read->task.operation->name, result), 1);
}

/* --- a flight --------------------------------------------------------------------------------- */

static void cached_on_landed(struct flight_seat *seat)
{
	struct read *read = container_of(seat, struct read, cached.seat);
	struct request *request = read->task.request;

	request->wait_us += loop_now(request->loop) - request->wait.since_us;
	request_wait_over(request);
	task_cancel_timer(request);
	request_run(request);
}

static void cached_leave(struct request *request)
{
	struct read *read = read_of(request);

	request->wait_us += loop_now(request->loop) - request->wait.since_us;
	if (read->cached.seat.flight && !read->cached.seat.leads)
		flight_leave(read->reads->flight_desk, &read->cached.seat);
	task_cancel_timer(request);
}

static int64_t cached_until_us(const struct task *task, int64_t pause_us)
{
	int64_t due_us = loop_now(task->router->loop) + pause_us;

	return due_us < task->request->deadline_us ? due_us : task->request->deadline_us;
}

/* What another one brings was asked for before it came. */
static bool cached_wants_its_own(const struct request *request)
{
	return request->cache_asks & CACHE_ASKS_NOW ||
	       (request->cache_asks & CACHE_ASKS_AGE && !request->cache_age_us_max);
}

/* True: it leads. False: another one does, and is not followed. */
static bool cached_leads(struct read *read)
{
	struct flight_desk *desk = read->reads->flight_desk;
	struct cached *cached = &read->cached;

	if (flight_board(desk, &cached->seat, cached->key))
		return true;
	flight_leave(desk, &cached->seat);
	return false;
}

/* A command that touches it will have ended in a moment; then one query is enough. */
static bool cached_hesitates(const struct read *read, enum cache_verdict verdict, unsigned uses)
{
	return verdict == CACHE_DOUBT && uses && read->cached.seat.leads &&
	       read->cached.hesitated < CACHED_DOUBTS_MAX;
}

/*
 * What it brings is kept only where it shows what has touched it last: that is required, too, where
 * a replica has come so far, or will have in a moment.
 */
static void cached_require(struct read *read, const struct cache_view *view)
{
	struct query_needs *needs = &read->task.needs;
	const struct router *router = read->task.router;

	if (!view->timeline || view->touched <= needs->required.lsn ||
	    needs->level == LEVEL_EVENTUAL)
		return;
	for (unsigned i = 0; i < router->topology.count; i++) {
		const struct node_view *node = &router->topology.nodes[i];

		if (node->role != NODE_REPLICA || !node->in_rotation ||
		    forecast_us(node, router->uses[i].replayed, view->touched, view->now_us) >
			    CACHED_REPLAY_US)
			continue;
		needs->required = (struct position){ view->timeline, view->touched };
		return;
	}
}

/* True: it waits for another one. */
static bool cached_follows(struct read *read)
{
	struct cached *cached = &read->cached;

	if (cached->seat.leads || cached->followed == CACHED_FLIGHTS_MAX)
		return false;
	cached->seat.on_landed = cached_on_landed;
	if (cached_wants_its_own(read->task.request)) {
		(void)cached_leads(read);
		return false;
	}
	if (flight_board(read->reads->flight_desk, &cached->seat, cached->key))
		return false;
	if (!cached->followed++)
		cached_count(read, "followed");
	return true;
}

static enum step cached_fly(struct read *read, const struct cache_view *view,
			    enum cache_verdict verdict, unsigned uses)
{
	if (read->task.request->cache_asks & CACHE_ASKS_NO_STORE)
		return STEP_NEXT;
	if (cached_follows(read))
		return task_wait_until(&read->task, WAIT_CACHE, cached_leave,
				       cached_until_us(&read->task, CACHED_FLIGHT_US));
	if (!cached_hesitates(read, verdict, uses)) {
		cached_require(read, view);
		return STEP_NEXT;
	}
	read->cached.hesitated++;
	return task_wait_until(&read->task, WAIT_CACHE, cached_leave,
			       cached_until_us(&read->task, CACHED_DOUBT_US));
}

/* --- CACHE ------------------------------------------------------------------------------------ */

/* What is kept, if it may be given. */
static enum cache_verdict cached_take(struct read *read, const struct cache_view *view,
				      unsigned *uses)
{
	struct reads *reads = read->reads;
	const struct cache_entry *entry = cache_find(reads->cache_reader, read->cached.key);
	enum cache_verdict verdict;

	read->cached.hash = cache_key_hash(reads->cache_reader);
	if (!entry)
		return CACHE_OTHER;
	verdict = cache_judge(cache_entry_facts(entry), view);
	*uses = cache_entry_uses(entry);
	if (verdict == CACHE_HIT || verdict == CACHE_STALE) {
		if (!read_is_refill(read->task.request))
			cache_use(entry);
		cache_entry_copy(entry, &read->task.request->out);
		read->cached.facts = *cache_entry_facts(entry);
	}
	cache_leave(reads->cache_reader);
	return verdict;
}

/*
 * One query renews what is kept, before its time is over: the sooner, the longer it takes to make
 * (XFetch; Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention,
 * VLDB 2015). Behind that time, within swr, the first that comes does. The others are given it.
 */
static bool cached_is_due(const struct read *read, const struct cache_view *view)
{
	const struct cache_facts *facts = &read->cached.facts;
	int64_t rest_us = view->fresh_us - (view->now_us - facts->made_us);
	double chance;

	if (rest_us > CACHED_EARLY_MAX * facts->took_us)
		return false;
	chance = (double)((random_next(&read->task.router->random) >> 11) + 1) * 0x1p-53;
	return rest_us <= 0 || -log(chance) * (double)facts->took_us >= (double)rest_us;
}

/* True: this one goes to a node. */
static bool cached_renews(struct read *read, const struct cache_view *view)
{
	const unsigned asks = read->task.request->cache_asks;

	if (read->cached.seat.leads || asks & (CACHE_ASKS_NO_STORE | CACHE_ASKS_KEPT) ||
	    !cached_is_due(read, view))
		return false;
	return cached_leads(read);
}

static enum step cached_hit(struct read *read)
{
	read->task.request->served_by = SERVED_BY_CACHE;
	flight_land(read->reads->flight_desk, &read->cached.seat);
	return read_move(read, READ_ANSWER);
}

/* Why what is kept is not given. */
static enum cache_use cached_use(const struct request *request, enum cache_verdict verdict)
{
	if (verdict == CACHE_OTHER)
		return CACHE_USE_MISS;
	if (verdict == CACHE_OLD ||
	    (verdict == CACHE_BEHIND && request->cache_asks & CACHE_ASKS_NOW))
		return CACHE_USE_ASKED;
	return CACHE_USE_STALE;
}

/* For the counts: what became of a query that goes to a node. */
static const char *cached_result(enum cache_use use, enum cache_verdict verdict)
{
	if (use == CACHE_USE_ASKED)
		return "asked";
	if (verdict == CACHE_OTHER)
		return "miss";
	if (verdict == CACHE_HIT || verdict == CACHE_STALE)
		return "revalidated";
	return cache_verdict_name(verdict);
}

static enum step cached_to_node(struct request *request)
{
	if (!(request->cache_asks & CACHE_ASKS_KEPT))
		return STEP_NEXT;
	return request_fail(request, OUTCOME_NOT_CACHED,
			    "the client wants a kept answer only, and none can be given");
}

enum step cached_step(struct request *request)
{
	struct read *read = read_of(request);
	enum cache_verdict verdict;
	struct cache_view view;
	unsigned uses = 0;

	if (!read->task.operation->cache_us || !read->reads->cache_reader)
		return cached_to_node(request);
	if (read->cached.shape != read->task.shape && !cached_begin(read)) {
		read->cached.key = (struct text){ 0 };
		request->cache_use = CACHE_USE_BYPASS;
		cached_count(read, "bypassed");
		return cached_to_node(request);
	}
	view = cached_view(read);
	verdict = cached_take(read, &view, &uses);
	if (verdict == CACHE_HIT || verdict == CACHE_STALE) {
		if (!cached_renews(read, &view))
			return cached_hit(read);
		buf_clear(&request->out);
	}
	request->cache_use = cached_use(request, verdict);
	if (!read->cached.followed && !read->cached.hesitated)
		cached_count(read, cached_result(request->cache_use, verdict));
	if (request->cache_asks & CACHE_ASKS_KEPT)
		return cached_to_node(request);
	read->cached.touched = view.in_doubt ? 0 : view.touched;
	read->cached.facts.made_us = view.now_us;
	return cached_fly(read, &view, verdict, uses);
}

/* Also where it cannot be said yet whether its answer may be kept. */
void cached_sent(struct read *read)
{
	const struct operation *operation = read->task.operation;

	read->cached.renewal = router_renewal(read->task.router, read->choice.node);
	if (read->reads->misses && operation->cache_us && !read->placements &&
	    !read_is_refill(read->task.request))
		cache_misses_add(read->reads->misses, (uint64_t)estimate_us(operation->statement));
}

void cached_hedged(struct read *read, unsigned node)
{
	const struct router *router = read->task.router;

	if (!router_renewal_is_last(router, router_renewal(router, node)))
		read->cached.renewal = router_renewal(router, node);
}

/* --- behind it -------------------------------------------------------------------------------- */

/* Shared caches in front may keep it where it is the same for all, and promises nothing. */
static void cached_share(struct read *read)
{
	const struct operation *operation = read->task.operation;
	struct request *request = read->task.request;

	if (operation->access != ACCESS_PUBLIC || request->level_used != LEVEL_EVENTUAL ||
	    read->task.claims || request->tokens_count || operation->cache_vary != CACHE_VARY_NONE)
		return;
	request->cache_marks |= CACHE_MARK_FOR_ALL;
	request->token[0] = '\0';
}

/* Once for each answer that could come from the cache. */
static void cached_note(const struct read *read)
{
	const struct cached *cached = &read->cached;

	if (read_is_refill(read->task.request))
		return;
	reuse_note(read->reads->reuse_notes, cached->hash,
		   (uint32_t)(cached->key.len + read->task.request->out.len),
		   read->task.operation->cache_number);
}

static void cached_tell(struct read *read, enum cache_use use)
{
	struct request *request = read->task.request;
	struct router *router = read->task.router;
	const struct cache_facts *facts = &read->cached.facts;
	struct position seen =
		requirement_and(&read->task, (struct position){ facts->timeline, facts->upper });

	request->tag_key = router->tag_key;
	request->reason = REASON_CACHE;
	request->cache_use = use;
	request->age_us = loop_now(router->loop) - facts->made_us;
	request->fresh_us = read->task.operation->cache_us - request->age_us;
	request->lag_us = -1;
	/* No node was asked, so that none has shown whom it follows. */
	request->confirmed = read->task.wants_index ? UNCONFIRMED : CONFIRMED_NOT_ASKED;
	cached_share(read);
	cached_note(read);
	if (!(request->cache_marks & CACHE_MARK_FOR_ALL))
		router_token(router, seen, request->token);
	cached_count(read, request->fresh_us > 0 ? "hit" : "stale");
	if (read_is_refill(request))
		return;
	metric_add(router->metrics, METRIC_routed_total,
		   METRIC_LABELS(read->task.operation->name, "cache", reason_text(REASON_CACHE)),
		   1);
}

void cached_report(struct read *read)
{
	cached_tell(read, CACHE_USE_HIT);
}

/* As RFC 5861, 4, has it for stale-if-error; 500 says that the query is wrong. */
static enum cache_use cached_failure(const struct request *request)
{
	unsigned status = outcome_row(request->outcome)->status;

	if (request->outcome == OUTCOME_TIMEOUT)
		return request->status == 499 ? CACHE_USE_NONE : CACHE_USE_LATE;
	return status == 503 ? CACHE_USE_FAILED : CACHE_USE_NONE;
}

bool cached_instead(struct read *read)
{
	struct request *request = read->task.request;
	enum cache_use use = cached_failure(request);
	struct cache_view view;
	enum cache_verdict verdict;
	unsigned uses;

	if (use == CACHE_USE_NONE || !read->cached.key.ptr || read_is_refill(request) ||
	    read->cached.shape != read->task.shape || request->stream != STREAM_NONE)
		return false;
	buf_clear(&request->out);
	view = cached_view(read);
	verdict = cached_take(read, &view, &uses);
	if (verdict != CACHE_HIT && verdict != CACHE_STALE)
		return false;
	task_forget_failure(request);
	request->node = request->node_shown = NULL;
	request->retry_after_us = 0;
	request->served_by = SERVED_BY_CACHE;
	cached_count_fill(read, "failed");
	cached_tell(read, use);
	return true;
}

/*
 * The primary shows a commit a moment after it has flushed it. Tokens are read when the commit is
 * visible, so that those strictly below the first probe are seen. So is what had touched its tags
 * before the query was sent, which was visible then: commands of this instance, and rows of the
 * feed, which without a replica the primary shows (router/feed/reader.c). It is kept where nothing
 * has touched them since. Where there are replicas, what the primary answers is not kept.
 */
static bool cached_bound(const struct read *read, const struct cache_view *view,
			 struct cache_facts *facts)
{
	const struct topology *topology = &read->task.router->topology;

	facts->lower = facts->seen = read->query.lower;
	facts->upper = read->query.upper;
	if (!read->query.on_primary) {
		facts->true_us = topology->nodes[read->choice.node].lag_seen_us;
		facts->true_us = facts->true_us ? facts->true_us : INT64_MIN;
		return true;
	}
	facts->true_us = facts->made_us;
	if (!CONTROL_CACHE_BOUND)
		return true;
	facts->lower--;
	if (facts->seen < read->cached.touched)
		facts->seen = read->cached.touched;
	return topology->count == 1 && read->cached.touched &&
	       read->cached.touched == view->touched;
}

void cached_keep(struct read *read)
{
	struct cached *cached = &read->cached;
	struct task *task = &read->task;
	struct cache_facts facts = cached->facts;
	struct cache_view view;

	if (!cached->key.ptr || task->request->outcome != OUTCOME_OK || !read->query.lower ||
	    task->request->cache_asks & CACHE_ASKS_NO_STORE)
		return;
	view = cached_view(read);
	cached_share(read);
	cached_note(read);
	task->request->fresh_us = task->operation->cache_us;
	facts.timeline = read->timeline;
	facts.life = task->judged_life;
	facts.took_us = view.now_us - facts.made_us;
	/* Sent on a conn of before a change of roles, it may be by the row security of before. */
	if (!cached_bound(read, &view, &facts) || !cache_may_keep(&facts, &view) ||
	    !router_renewal_is_last(task->router, cached->renewal)) {
		cached_count_fill(read, "not");
		return;
	}
	if (!cache_put(read->reads->cache_reader, cached->key, &facts,
		       (struct text){ task->request->out.ptr, task->request->out.len })) {
		cached_count_fill(read, "not");
		return;
	}
	task->request->cache_marks |= CACHE_MARK_KEPT;
	cached_count_fill(read, "kept");
}

void cached_end(struct read *read)
{
	if (read->cached.seat.leads)
		flight_land(read->reads->flight_desk, &read->cached.seat);
}
