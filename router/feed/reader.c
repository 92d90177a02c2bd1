/* SPDX-License-Identifier: Apache-2.0 */
/* What a node answers counts only where it was what it is taken for, on the primary's timeline, all
 * the time. */
#include "router/feed/reader.h"

#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"
#include "router/feed/desk.h"

#include <assert.h>

#define READER_AGAIN_US US_PER_MS /* while a request waits, and behind what failed */
#define READER_FAILED_US (100 * US_PER_MS)

static void reader_ask(struct feed_reader *reader);

static void reader_on_timer(struct loop_timer *timer)
{
	reader_ask(container_of(timer, struct feed_reader, timer));
}

static void reader_on_wanted(struct letter *letter, struct loop *loop);

void feed_reader_init(struct feed_reader *reader, const struct feed_env *env)
{
	*reader = (struct feed_reader){ .env = env, .node = NODES_MAX };
	feed_init(&reader->feed, &env->shared->stripes);
	feed_logical_init(&reader->logical, env);
	arena_init(&reader->arena);
	buf_init(&reader->out);
	reader->timer.on_due = reader_on_timer;
}

void feed_reader_run(struct feed_reader *reader, const struct feed_relations *relations)
{
	struct feed_shared *shared = reader->env->shared;

	reader->relations = *relations;
	/* Sets of another version count from the next answer on. */
	if (reader->runs)
		return;
	reader->runs = true;
	shared->reader = reader;
	shared->wanted.on_delivery = reader_on_wanted;
	atomic_store_explicit(&shared->reader_loop, reader->env->loop, memory_order_release);
	if (reader->env->decoded)
		feed_logical_run(&reader->logical);
	reader_ask(reader);
}

void feed_reader_stop(struct feed_reader *reader)
{
	struct feed_shared *shared = reader->env->shared;

	if (!reader->runs)
		return;
	reader->runs = false;
	atomic_store_explicit(&shared->reader_loop, NULL, memory_order_release);
	shared->reader = NULL;
	atomic_store_explicit(&shared->version, 0, memory_order_release);
	loop_timer_cancel(reader->env->loop, &reader->timer);
	if (reader->pool)
		pool_forget(reader->pool, &reader->call);
	reader->pool = NULL;
	feed_logical_stop(&reader->logical);
	feed_forget(&reader->feed);
	(void)feed_desks_tell(shared);
}

void feed_reader_fini(struct feed_reader *reader)
{
	feed_reader_stop(reader);
	feed_logical_fini(&reader->logical);
	arena_fini(&reader->arena);
	buf_fini(&reader->out);
}

static void reader_again(struct feed_reader *reader, int64_t pause_us)
{
	loop_timer_set(reader->env->loop, &reader->timer, loop_now(reader->env->loop) + pause_us);
}

static void reader_on_wanted(struct letter *letter, struct loop *loop)
{
	struct feed_shared *shared = container_of(letter, struct feed_shared, wanted);
	struct feed_reader *reader = shared->reader;

	(void)loop;
	atomic_store_explicit(&shared->wanted_posted, false, memory_order_seq_cst);
	if (!reader)
		return;
	/* What is out may have been answered before that one came. */
	if (reader->pool)
		reader->wanted = true;
	else
		reader_ask(reader);
}

/* --- who is asked ----------------------------------------------------------------------------- */

static bool reader_may_ask(const struct topology *topology, unsigned node)
{
	const struct node_view *view = &topology->nodes[node];

	return view->role == NODE_REPLICA && view->in_rotation &&
	       view->position.timeline == topology->primary_position.timeline;
}

static unsigned reader_furthest(const struct topology *topology)
{
	unsigned furthest = NODES_MAX;

	for (unsigned i = 0; i < topology->count; i++)
		if (reader_may_ask(topology, i) &&
		    (furthest == NODES_MAX ||
		     topology->nodes[i].position.lsn > topology->nodes[furthest].position.lsn))
			furthest = i;
	return furthest;
}

/* Is the node that was asked known to be as far as that one? */
static bool reader_stays(const struct feed_reader *reader, unsigned furthest)
{
	const struct topology *topology = reader->env->topology;
	uint64_t lsn = topology->nodes[furthest].position.lsn;

	return reader->node != NODES_MAX && reader_may_ask(topology, reader->node) &&
	       (topology->nodes[reader->node].position.lsn >= lsn || reader->replayed >= lsn);
}

static bool reader_is_primary(const struct feed_reader *reader)
{
	return (int)reader->node == reader->env->topology->primary;
}

/* False: there is none. */
static bool reader_choose(struct feed_reader *reader)
{
	const struct topology *topology = reader->env->topology;
	unsigned furthest = reader_furthest(topology);

	if (furthest == NODES_MAX && topology->primary >= 0 && !reader->env->decoded)
		furthest = (unsigned)topology->primary;
	if (furthest == NODES_MAX || !topology->primary_position.timeline)
		return false;
	if (!reader_stays(reader, furthest)) {
		reader->node = furthest;
		reader->replayed = 0;
	}
	reader->life = topology->nodes[reader->node].life;
	reader->timeline = topology->primary_position.timeline;
	return true;
}

/* --- questions -------------------------------------------------------------------------------- */

static void reader_on_done(struct call *call);

static void reader_send(struct feed_reader *reader)
{
	struct pool *pool = reader->env->pool_of(reader->env->arg, reader->node);

	arena_reset(&reader->arena);
	buf_clear(&reader->out);
	if (reader->env->decoded)
		reader->values[0] = feed_shape_question_value(
			reader->relations.ids, reader->relations.count, &reader->arena);
	else
		feed_question_values(&reader->feed, reader->relations.ids, reader->relations.count,
				     &reader->arena, reader->values);
	reader->call = (struct call){
		.kind = CALL_QUERY,
		.statement = reader->env->decoded ? feed_shape_question() : feed_question(),
		.values = reader->values,
		.arena = &reader->arena,
		.out = &reader->out,
		.rows_max = 1,
		.on_done = reader_on_done,
	};
	reader->wanted = false;
	reader->asked = reader->relations.version;
	reader->sent_us = loop_now(reader->env->loop);
	if (pool_submit(pool, &reader->call))
		reader->pool = pool;
}

static void reader_ask(struct feed_reader *reader)
{
	loop_timer_cancel(reader->env->loop, &reader->timer);
	reader->env->refresh(reader->env->arg);
	if (!reader->runs || reader->pool)
		return;
	/* What is decoded enters when it begins. */
	if (!reader->env->decoded &&
	    stripes_enter(&reader->env->shared->stripes, topology_life(reader->env->topology))) {
		feed_forget(&reader->feed);
		reader->shown = 0;
	}
	if (reader_choose(reader))
		reader_send(reader);
	if (!reader->pool)
		reader_again(reader, READER_FAILED_US);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Was it that, on the primary's timeline, from the question to the answer? */
static bool reader_holds(const struct feed_reader *reader)
{
	const struct topology *topology = reader->env->topology;
	const struct node_view *view = &topology->nodes[reader->node];
	const struct call *call = &reader->call;

	return call->end == CALL_OK && call->in_recovery != reader_is_primary(reader) &&
	       call->lower && call->upper &&
	       topology->primary_position.timeline == reader->timeline &&
	       stripes_life(&reader->env->shared->stripes) == topology_life(topology) &&
	       view->position.timeline == reader->timeline && view->life == reader->life &&
	       (!call->timeline ||
		branch_number(call->timeline) == branch_number(reader->timeline));
}

static void reader_complain(struct feed_reader *reader)
{
	const struct call *call = &reader->call;

	if (call->end == CALL_ERROR && !reader->complained)
		log_warn("feed", "the feed cannot be read, so that reads by table are off: %s (%s)",
			 call->error.message, call->error.sqlstate);
	reader->complained = call->end == CALL_ERROR;
}

static void reader_count(const struct feed_reader *reader, const char *result)
{
	metric_add(reader->env->metrics, METRIC_feed_reads_total, METRIC_LABELS(result), 1);
}

/*
 * At or before which position is what it shows? A query may lack what the primary shows, though its
 * own lower bound is where the primary's WAL ended (read/cached.c): so an answer with something new
 * is beyond that, and beyond the one before.
 */
static uint64_t reader_upper(struct feed_reader *reader, bool news)
{
	const struct call *call = &reader->call;
	uint64_t end = call->upper > call->wal_end ? call->upper : call->wal_end;

	if (!reader_is_primary(reader))
		return call->upper;
	reader->shown = end >= reader->shown ? end + 1 : reader->shown + news;
	return reader->shown;
}

/* Sets count from this answer on whose shape is the one that they were made by; else nothing does:
 * whatever there is may have been touched. */
static void reader_judge_shape(struct feed_reader *reader, int64_t shape, uint64_t upper)
{
	struct feed_shared *shared = reader->env->shared;
	const struct feed_relations *relations = &reader->relations;

	/* There are others since it was asked. */
	if (reader->asked != relations->version)
		return;
	if (shape == relations->shape || !CONTROL_FEED_SHAPE) {
		reader->env->on_shape(reader->env->arg, true);
		if (atomic_load_explicit(&shared->version, memory_order_relaxed) ==
		    relations->version)
			return;
		stripes_touch(&shared->stripes, STRIPES_TAG_ALL, upper);
		atomic_store_explicit(&shared->version, relations->version, memory_order_release);
		return;
	}
	atomic_store_explicit(&shared->version, 0, memory_order_release);
	stripes_touch(&shared->stripes, STRIPES_TAG_ALL, upper);
	reader->env->on_shape(reader->env->arg, false);
}

static void reader_show(const struct feed_reader *reader)
{
	const struct feed_env *env = reader->env;
	struct position known = stripes_known(&env->shared->stripes);
	uint64_t end = env->topology->primary_position.lsn;
	bool behind = known.lsn < end;

	metric_set(env->metrics, METRIC_feed_position_lag_bytes, NULL,
		   behind && known.lsn ? (double)(end - known.lsn) : 0);
	metric_set(env->metrics, METRIC_feed_position_lag_seconds, NULL,
		   behind && reader->known_us
			   ? (double)(loop_now(env->loop) - reader->known_us) / US_PER_S
			   : 0);
	metric_set(env->metrics, METRIC_feed_gaps, NULL, reader->feed.gaps_count);
}

/* What was decoded counts up to where the node was for sure when it answered so. */
static enum feed_next reader_take_shape(struct feed_reader *reader)
{
	struct text row = { reader->out.ptr, reader->out.len };
	struct feed_logical *logical = &reader->logical;
	int64_t shape, publication;

	feed_logical_check(logical);
	if (!feed_shape_question_read(row, &shape, &publication)) {
		reader_count(reader, "failed");
		return FEED_NEXT_MARK;
	}
	reader->replayed = reader->call.lower;
	reader_count(reader, "answered");
	if (!feed_logical_follows(logical, reader->timeline))
		return FEED_NEXT_MARK;
	reader_judge_shape(reader, shape, reader->call.upper);
	feed_logical_prove(logical, reader->call.lower, publication);
	if (logical->decoded >= reader->call.lower)
		reader->known_us = reader->sent_us;
	return FEED_NEXT_WAIT;
}

/* The primary shows a commit a moment after it has flushed it: one that is not among its rows may
 * lie below the lower bound, so that A does not rise by them. */
static uint64_t reader_lower(const struct feed_reader *reader)
{
	return reader_is_primary(reader) ? 0 : reader->call.lower;
}

static enum feed_next reader_take(struct feed_reader *reader)
{
	struct text row = { reader->out.ptr, reader->out.len };
	uint64_t rows = reader->feed.rows;
	struct feed_answer answer;
	enum feed_next next;
	enum feed_loss loss;
	int64_t shape;

	if (!feed_question_read(&reader->feed, row, &reader->arena, &answer, &shape)) {
		reader_count(reader, "failed");
		return FEED_NEXT_MARK;
	}
	answer.lower = (struct position){ reader->timeline, reader_lower(reader) };
	answer.upper.timeline = reader->timeline;
	answer.upper.lsn =
		reader_upper(reader, answer.rows_count || shape != reader->relations.shape);
	reader->replayed = reader->call.lower;
	reader_count(reader, "answered");
	/*
	 * Before A rises. Where it begins, sessions may require what the primary had, and what this
	 * replica does not show yet.
	 */
	if (reader->feed.state == FEED_FOLLOWING)
		reader_judge_shape(reader, shape, answer.upper.lsn);
	else
		stripes_miss(&reader->env->shared->stripes,
			     reader->env->topology->primary_position);
	next = feed_take(&reader->feed, &answer, &loss);
	if (loss != FEED_KEPT) {
		metric_add(reader->env->metrics, METRIC_feed_emptied_total,
			   METRIC_LABELS(feed_loss_name(loss)), 1);
		log_info("feed", "begins anew: %s", feed_loss_name(loss));
	}
	if (next == FEED_NEXT_WAIT && answer.lower.lsn)
		reader->known_us = reader->sent_us;
	metric_add(reader->env->metrics, METRIC_feed_rows_total, NULL, reader->feed.rows - rows);
	return next;
}

static void reader_on_done(struct call *call)
{
	struct feed_reader *reader = container_of(call, struct feed_reader, call);
	enum feed_next next = FEED_NEXT_MARK;
	bool holds, waiting, raises;

	reader->env->refresh(reader->env->arg);
	if (!reader->runs)
		return;
	reader->pool = NULL;
	reader_complain(reader);
	holds = reader_holds(reader);
	if (holds)
		next = reader->env->decoded ? reader_take_shape(reader) : reader_take(reader);
	else
		reader_count(reader, "failed");
	/* Who waits, waits for A. */
	raises = holds && !reader_is_primary(reader);
	if (!holds)
		reader->node = NODES_MAX;
	reader_show(reader);
	waiting = feed_desks_tell(reader->env->shared);
	if (next == FEED_NEXT_MORE || (reader->wanted && raises))
		reader_ask(reader);
	else if (waiting && raises)
		reader_again(reader, READER_AGAIN_US);
	else
		reader_again(reader, reader->env->pause_us);
}
