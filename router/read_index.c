/* SPDX-License-Identifier: Apache-2.0 */
/* A node that is promoted or comes back between question and answer has said nothing. */
#include "router/read_index.h"

#include "base/control.h"
#include <assert.h>

#define READ_INDEX_TRIES 3 /* of one reader, each at a primary that was lost meanwhile */

static void read_index_on_probe(struct call *call);

void read_index_init(struct read_index *index, const struct read_index_env *env)
{
	*index = (struct read_index){ .env = env };
	list_init(&index->asking);
	list_init(&index->next);
	arena_init(&index->arena);
}

void read_index_fini(struct read_index *index)
{
	assert(list_empty(&index->asking));
	assert(list_empty(&index->next));
	if (index->pool)
		pool_forget(index->pool, &index->probe);
	arena_fini(&index->arena);
}

/* By the topology that the router has: to refresh it may run requests, which ask. */
static bool read_index_send(struct read_index *index)
{
	const struct topology *topology = index->env->topology;
	struct pool *pool;

	assert(!index->pool);
	if (topology->primary < 0 || !topology->primary_position.timeline ||
	    topology->commits != COMMITS_FLUSHED)
		return false;
	index->node = (unsigned)topology->primary;
	index->life = topology->nodes[index->node].life;
	index->timeline = topology->primary_position.timeline;
	arena_reset(&index->arena);
	index->probe = (struct call){
		.kind = CALL_PROBE,
		.arena = &index->arena,
		.on_done = read_index_on_probe,
	};
	pool = index->env->pool_of(index->env->arg, index->node);
	if (!pool_submit(pool, &index->probe))
		return false;
	index->pool = pool;
	return true;
}

static void read_index_join(struct list *list, struct index_reader *reader)
{
	list_append(list, &reader->link);
	reader->list = list;
}

/* Is the primary who it was all the time, and does it flush before it acknowledges? */
static bool read_index_is_of_now(const struct read_index *index)
{
	const struct topology *topology = index->env->topology;

	return topology->primary == (int)index->node && topology->commits == COMMITS_FLUSHED &&
	       topology->nodes[index->node].life == index->life &&
	       topology->primary_position.timeline == index->timeline;
}

/* A probe that was sent may have been answered before the reader came. */
static struct list *read_index_list(struct read_index *index)
{
	return index->probe.sent_us && CONTROL_INDEX ? &index->next : &index->asking;
}

bool read_index_ask(struct read_index *index, struct index_reader *reader)
{
	index->env->refresh(index->env->arg);
	if (!index->pool && !read_index_send(index))
		return false;
	reader->asked_us = loop_now(index->env->loop);
	read_index_join(read_index_list(index), reader);
	return true;
}

void read_index_leave(struct index_reader *reader)
{
	list_remove(reader->list, &reader->link);
}

static bool read_index_holds(const struct read_index *index)
{
	const struct call *probe = &index->probe;

	return probe->end == CALL_OK && !probe->in_recovery && probe->lower &&
	       read_index_is_of_now(index);
}

/* What came of the probe; POSITION_NONE: nothing. */
static struct position read_index_position(const struct read_index *index)
{
	return read_index_holds(index) ? (struct position){ index->timeline, index->probe.lower }
				       : POSITION_NONE;
}

static void read_index_answer(struct list *answered, struct position position, uint64_t wal_end)
{
	struct list_link *link;

	while ((link = list_take_first(answered))) {
		struct index_reader *reader = container_of(link, struct index_reader, link);

		reader->on_index(reader, position, wal_end);
	}
}

static void read_index_move(struct list *from, struct list *to)
{
	struct list_link *link;

	while ((link = list_take_first(from)))
		read_index_join(to, container_of(link, struct index_reader, link));
}

/* Those without an answer ask again, at the primary of now; but not for ever. */
static void read_index_again(struct read_index *index, struct list *unanswered,
			     struct list *given_up)
{
	struct list_link *link;

	while ((link = list_take_first(unanswered))) {
		struct index_reader *reader = container_of(link, struct index_reader, link);

		read_index_join(++reader->tries < READ_INDEX_TRIES ? &index->next : given_up,
				reader);
	}
}

/* Those that came meanwhile are asked for before others are answered, who may ask again. */
static void read_index_on_probe(struct call *call)
{
	struct read_index *index = container_of(call, struct read_index, probe);
	uint64_t wal_end = call->wal_end;
	struct position position;
	struct list answered, given_up;

	index->env->refresh(index->env->arg);
	list_init(&answered);
	list_init(&given_up);
	position = read_index_position(index);
	if (position_known(position))
		read_index_move(&index->asking, &answered);
	else
		read_index_again(index, &index->asking, &given_up);
	metric_add(index->env->metrics, METRIC_read_index_total,
		   METRIC_LABELS(position_known(position) ? "known" : "unknown"), 1);
	index->pool = NULL;
	if (!list_empty(&index->next))
		read_index_move(&index->next, read_index_send(index) ? &index->asking : &given_up);
	read_index_answer(&answered, position, wal_end);
	read_index_answer(&given_up, POSITION_NONE, 0);
}

/* In the order of their coming: behind the first that came too late all have. */
static void read_index_take_before(struct read_index *index, int64_t sent_us, struct list *taken)
{
	struct list_link *link;

	while ((link = list_take_first(&index->next))) {
		struct index_reader *reader = container_of(link, struct index_reader, link);

		if (reader->asked_us >= sent_us && CONTROL_CARRIED) {
			list_prepend(&index->next, link);
			return;
		}
		read_index_join(taken, reader);
	}
}

void read_index_carried(struct read_index *index, unsigned node, int64_t sent_us,
			struct position position, uint64_t wal_end)
{
	struct list answered;

	if (!index->pool || node != index->node || position.timeline != index->timeline ||
	    !read_index_is_of_now(index))
		return;
	list_init(&answered);
	read_index_take_before(index, sent_us, &answered);
	if (list_empty(&answered))
		return;
	metric_add(index->env->metrics, METRIC_read_index_total, METRIC_LABELS("carried"), 1);
	read_index_answer(&answered, position, wal_end);
}
