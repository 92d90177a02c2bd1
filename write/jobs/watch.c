/* SPDX-License-Identifier: Apache-2.0 */
/* A table by number. A letter that cannot leave is no loss: the primary is asked in any case. */
#include "write/jobs/watch.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "write/jobs/job_state.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define WATCH_PAUSE_US (5 * US_PER_MS)
#define WATCH_PAUSE_US_MAX (50 * US_PER_MS)
#define WATCH_TIMES 20 /* no more of the time than a twentieth is spent on asking */

enum watch_value { WATCH_N, WATCH_MARK, WATCH_STAGE, WATCH_VALUES };

static struct statement watch_statement;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void watch_make(void)
{
	static const uint32_t params[WATCH_VALUES] = { INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID };
	static const uint32_t columns[] = { INT8OID };

	job_statement_make(&watch_statement, "jobs.watch",
			   "SELECT w.n FROM unnest($1::int8[], $2::int4[], $3::int4[])"
			   " AS w(n, mark, stage) LEFT JOIN LATERAL (SELECT " JOB_STAGE
			   " AS stage FROM cqrsd.job WHERE n = w.n AND mark = w.mark) AS j ON true"
			   " WHERE j.stage IS NULL OR (w.stage >= 0 AND w.stage <> j.stage)",
			   (struct job_types){ params, WATCH_VALUES },
			   (struct job_types){ columns, 1 });
}

static void watches_on_due(struct loop_timer *timer);
static void watches_on_letter(struct letter *letter, struct loop *loop);

static void watches_register(struct job_watches *watches)
{
	for (unsigned i = 0; i < LOOPS_MAX; i++) {
		struct job_watches *none = NULL;

		if (atomic_compare_exchange_strong(&watches->board->loops[i], &none, watches)) {
			watches->place = i;
			break;
		}
	}
	for (unsigned i = 0; i < LOOPS_MAX; i++)
		watches->letters[i].letter.on_delivery = watches_on_letter;
	assert(atomic_load(&watches->board->loops[watches->place]) == watches);
}

void job_watches_init(struct job_watches *watches)
{
	pthread_once(&watch_once, watch_make);
	for (unsigned i = 0; i < JOB_WATCH_BUCKETS; i++)
		list_init(&watches->buckets[i]);
	for (unsigned i = 0; i < WATCH_VALUES; i++)
		buf_init(&watches->arrays[i]);
	buf_init(&watches->out);
	arena_init(&watches->arena);
	watches->timer.on_due = watches_on_due;
	watches->pause_us = WATCH_PAUSE_US;
	watches_register(watches);
}

void job_watches_fini(struct job_watches *watches)
{
	assert(atomic_load(&watches->count) == 0);
	atomic_store(&watches->board->loops[watches->place], NULL);
	loop_timer_cancel(watches->loop, &watches->timer);
	if (watches->pool)
		pool_forget(watches->pool, &watches->call);
	watches->pool = NULL;
	for (unsigned i = 0; i < WATCH_VALUES; i++)
		buf_fini(&watches->arrays[i]);
	buf_fini(&watches->out);
	arena_fini(&watches->arena);
}

/* --- who watches ------------------------------------------------------------------------------ */

static struct list *watches_bucket(struct job_watches *watches, int64_t n)
{
	return &watches->buckets[(uint64_t)n % JOB_WATCH_BUCKETS];
}

static void watches_ask_in(struct job_watches *watches, int64_t pause_us)
{
	if (!watches->pool && atomic_load(&watches->count))
		loop_timer_set(watches->loop, &watches->timer, loop_now(watches->loop) + pause_us);
}

/* What ended before it was watched shows in the first answer of the primary: soon. */
bool job_watch_begin(struct job_watches *watches, struct job_watch *watch)
{
	assert(!list_linked(&watch->link));
	if (watches->draining || atomic_load(&watches->count) == JOB_WATCHES_MAX)
		return false;
	watch->round = watches->round;
	list_append(watches_bucket(watches, watch->job.n), &watch->link);
	atomic_fetch_add(&watches->count, 1);
	watches->pause_us = WATCH_PAUSE_US;
	if (!watches->timer.slot ||
	    watches->timer.due_us > loop_now(watches->loop) + WATCH_PAUSE_US)
		watches_ask_in(watches, WATCH_PAUSE_US);
	return true;
}

void job_watch_end(struct job_watches *watches, struct job_watch *watch)
{
	if (!list_linked(&watch->link))
		return;
	list_remove(watches_bucket(watches, watch->job.n), &watch->link);
	if (atomic_fetch_sub(&watches->count, 1) == 1)
		loop_timer_cancel(watches->loop, &watches->timer);
}

/* Who watches that job since before this round, or NULL; it is watched no more. */
static struct job_watch *watches_take(struct job_watches *watches, int64_t n, uint64_t round)
{
	list_each (watches_bucket(watches, n), it) {
		struct job_watch *watch = container_of(it, struct job_watch, link);

		if (watch->job.n != n || watch->round >= round)
			continue;
		job_watch_end(watches, watch);
		return watch;
	}
	return NULL;
}

static void watches_wake(struct job_watches *watches, int64_t n)
{
	uint64_t round = ++watches->round;
	struct job_watch *watch;

	while ((watch = watches_take(watches, n, round)))
		watch->on_news(watch, JOB_NEWS_CHANGED);
}

void job_watches_drain(struct job_watches *watches)
{
	watches->draining = true;
	for (unsigned i = 0; i < JOB_WATCH_BUCKETS; i++) {
		struct list_link *link;

		while ((link = list_first(&watches->buckets[i]))) {
			struct job_watch *watch = container_of(link, struct job_watch, link);

			job_watch_end(watches, watch);
			watch->on_news(watch, JOB_NEWS_DRAIN);
		}
	}
}

/* --- from loop to loop ------------------------------------------------------------------------ */

static void watches_on_letter(struct letter *letter, struct loop *loop)
{
	struct job_letter *news = container_of(letter, struct job_letter, letter);
	struct job_watches *watches = news->to;
	unsigned count = news->count;
	int64_t n[GROUP_CALLS_MAX];

	(void)loop;
	memcpy(n, news->n, count * sizeof(*n));
	atomic_store_explicit(&news->on_way, false, memory_order_release);
	if (atomic_exchange(&news->missed, false))
		watches_ask_in(watches, 0);
	for (unsigned i = 0; i < count; i++)
		watches_wake(watches, n[i]);
}

static void watches_post(struct job_watches *to, struct job_letter *news, const int64_t *n,
			 unsigned count)
{
	if (atomic_load_explicit(&news->on_way, memory_order_acquire)) {
		atomic_store(&news->missed, true);
		return;
	}
	news->to = to;
	news->count = count;
	memcpy(news->n, n, count * sizeof(*n));
	atomic_store_explicit(&news->on_way, true, memory_order_release);
	if (!loop_post(to->loop, &news->letter))
		atomic_store_explicit(&news->on_way, false, memory_order_release);
}

void job_watches_tell(struct job_watches *watches, const int64_t *n, unsigned count)
{
	assert(count <= GROUP_CALLS_MAX);
	for (unsigned i = 0; i < LOOPS_MAX && count; i++) {
		struct job_watches *to = atomic_load(&watches->board->loops[i]);

		if (to && to != watches && atomic_load_explicit(&to->count, memory_order_relaxed))
			watches_post(to, &watches->letters[i], n, count);
	}
	for (unsigned i = 0; i < count && atomic_load(&watches->count); i++)
		watches_wake(watches, n[i]);
}

/* --- from the primary ------------------------------------------------------------------------- */

/* {"n":7},{"n":9} */
static void watches_read(struct job_watches *watches, struct text rows)
{
	int64_t n = 0;

	for (size_t i = 0; i < rows.len; i++) {
		if (byte_is_digit(rows.ptr[i])) {
			n = n * 10 + (rows.ptr[i] - '0');
		} else if (n) {
			watches_wake(watches, n);
			n = 0;
		}
	}
}

static void watches_on_call(struct call *call)
{
	struct job_watches *watches = container_of(call, struct job_watches, call);
	int64_t spent_us = call->sent_us ? call->done_us - call->sent_us : 0;
	int64_t pause_us;

	watches->pool = NULL;
	watches->pause_us *= 2;
	if (watches->pause_us > WATCH_PAUSE_US_MAX)
		watches->pause_us = WATCH_PAUSE_US_MAX;
	pause_us = watches->pause_us;
	if (pause_us < WATCH_TIMES * spent_us)
		pause_us = WATCH_TIMES * spent_us;
	watches_ask_in(watches, pause_us);
	if (call->end != CALL_OK || call->in_recovery)
		return;
	watches_read(watches, (struct text){ watches->out.ptr, watches->out.len });
}

static void watches_add(struct job_watches *watches, const struct job_watch *watch)
{
	array_add_int(&watches->arrays[WATCH_N], watch->job.n);
	array_add_int(&watches->arrays[WATCH_MARK], watch->job.mark);
	array_add_int(&watches->arrays[WATCH_STAGE], watch->stage);
}

static void watches_ask(struct job_watches *watches, struct pool *pool)
{
	for (unsigned i = 0; i < WATCH_VALUES; i++)
		array_begin(&watches->arrays[i]);
	for (unsigned i = 0; i < JOB_WATCH_BUCKETS; i++)
		list_each (&watches->buckets[i], it)
			watches_add(watches, container_of(it, struct job_watch, link));
	for (unsigned i = 0; i < WATCH_VALUES; i++)
		watches->values[i] = array_end(&watches->arrays[i]);
	arena_reset(&watches->arena);
	buf_clear(&watches->out);
	watches->call = (struct call){
		.kind = CALL_QUERY,
		.statement = &watch_statement,
		.values = watches->values,
		.arena = &watches->arena,
		.out = &watches->out,
		.rows_max = JOB_WATCHES_MAX,
		.on_done = watches_on_call,
	};
	if (pool_submit(pool, &watches->call))
		watches->pool = pool;
}

static void watches_on_due(struct loop_timer *timer)
{
	struct job_watches *watches = container_of(timer, struct job_watches, timer);
	struct pool *pool = watches->on_pool(watches);

	if (watches->pool)
		return;
	if (pool)
		watches_ask(watches, pool);
	watches_ask_in(watches, WATCH_PAUSE_US_MAX);
}

void job_watches_renew(struct job_watches *watches)
{
	watches_ask_in(watches, 0);
}
