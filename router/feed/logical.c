/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that has ended takes all with it: the next one begins at another place. */
#include "router/feed/logical.h"

#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"
#include "router/feed/desk.h"
#include "router/feed/feed_line.h"
#include "router/feed/feed_publication.h"
#include "router/feed/pgoutput.h"

#include <assert.h>

#define LOGICAL_TICK_US US_PER_S
#define LOGICAL_PAUSE_US US_PER_S /* the first one; doubled each time */
#define LOGICAL_PAUSE_US_MAX (30 * US_PER_S)
#define LOGICAL_SAME_MAX 64 /* so many tags back the same one is found again */

static const struct decoding_owner logical_owner;
static void logical_on_tick(struct loop_timer *timer);

void feed_logical_init(struct feed_logical *logical, const struct feed_env *env)
{
	*logical = (struct feed_logical){ .env = env, .pause_us = LOGICAL_PAUSE_US };
	logical->timer.on_due = logical_on_tick;
	decoding_init(&logical->decoding, env->loop, &logical_owner, feed_publication_check,
		      FEED_PUBLICATION);
}

void feed_logical_fini(struct feed_logical *logical)
{
	feed_logical_stop(logical);
	decoding_fini(&logical->decoding);
}

/* All that it knows is given up. */
static void logical_forget(struct feed_logical *logical, const char *reason)
{
	if (logical->timeline && reason)
		metric_add(logical->env->metrics, METRIC_feed_emptied_total, METRIC_LABELS(reason),
			   1);
	logical->timeline = 0;
	logical->decoded = logical->proven = 0;
	logical->transaction = false;
	logical->owes_reply = false;
	stripes_forget(&logical->env->shared->stripes);
	(void)feed_desks_tell(logical->env->shared);
}

static void logical_pause(struct feed_logical *logical)
{
	logical->again_us = loop_now(logical->env->loop) + logical->pause_us;
	if (logical->pause_us < LOGICAL_PAUSE_US_MAX)
		logical->pause_us *= 2;
}

/* reason: a word for metrics. */
static void logical_drop(struct feed_logical *logical, const char *reason, const char *why)
{
	log_info("feed", "what is decoded is followed no more: %s", why);
	decoding_close(&logical->decoding);
	logical_forget(logical, reason);
	logical_pause(logical);
}

void feed_logical_run(struct feed_logical *logical)
{
	if (logical->runs)
		return;
	logical->runs = true;
	loop_timer_set(logical->env->loop, &logical->timer, loop_now(logical->env->loop));
}

void feed_logical_stop(struct feed_logical *logical)
{
	if (!logical->runs)
		return;
	logical->runs = false;
	loop_timer_cancel(logical->env->loop, &logical->timer);
	decoding_close(&logical->decoding);
	logical_forget(logical, NULL);
}

/* --- which server ----------------------------------------------------------------------------- */

static void logical_open(struct feed_logical *logical)
{
	const struct topology *topology = logical->env->topology;
	const struct node_view *view;

	if (topology->primary < 0 || loop_now(logical->env->loop) < logical->again_us)
		return;
	logical->node = (unsigned)topology->primary;
	view = &topology->nodes[logical->node];
	logical->life = view->life;
	logical->begun = topology->primary_position.lsn;
	decoding_open(&logical->decoding, logical->env->nodes[logical->node], view->started_us);
}

static uint64_t logical_known(const struct feed_logical *logical)
{
	return logical->decoded < logical->proven ? logical->decoded : logical->proven;
}

/* The server keeps its log from there on at least. */
static bool logical_is_behind(const struct feed_logical *logical)
{
	uint64_t known = logical_known(logical);
	uint64_t kept = known > logical->begun ? known : logical->begun;
	uint64_t end = logical->env->topology->primary_position.lsn;

	return end > kept && end - kept > FEED_BEHIND_MAX;
}

void feed_logical_check(struct feed_logical *logical)
{
	const struct topology *topology = logical->env->topology;

	if (!logical->runs || logical->decoding.state == DECODING_CLOSED)
		return;
	if (topology->primary != (int)logical->node ||
	    topology->nodes[logical->node].life != logical->life ||
	    (logical->timeline && topology->primary_position.timeline != logical->timeline))
		logical_drop(logical, "timeline", "the primary has changed");
	else if (logical_is_behind(logical))
		logical_drop(logical, "behind",
			     "it is 1 GiB behind, and the primary keeps its log for it");
}

/* --- what is known ---------------------------------------------------------------------------- */

bool feed_logical_follows(const struct feed_logical *logical, uint32_t timeline)
{
	return logical->timeline && logical->timeline == timeline;
}

static void logical_reply(struct feed_logical *logical, bool wants_reply)
{
	char status[PGOUTPUT_STATUS_BYTES];

	logical->owes_reply = false;
	pgoutput_write_status(status, logical_known(logical), wants_reply);
	decoding_send(&logical->decoding, (struct text){ status, sizeof(status) });
}

static void logical_raise(struct feed_logical *logical)
{
	struct stripes *stripes = &logical->env->shared->stripes;
	uint64_t known = logical_known(logical);

	if (!known || known <= stripes_known(stripes).lsn)
		return;
	stripes_know(stripes, known);
	(void)feed_desks_tell(logical->env->shared);
}

void feed_logical_prove(struct feed_logical *logical, uint64_t lsn, int64_t publication)
{
	assert(logical->timeline);
	/* It has not come to the slot yet, and may show what was there before the check. */
	if (lsn < logical->begun)
		return;
	if (publication != logical->publication && CONTROL_FEED_PUBLICATION) {
		logical_drop(logical, "publication", "the publication has changed");
		return;
	}
	if (lsn > logical->proven)
		logical->proven = lsn;
	logical_raise(logical);
}

/* --- the stream ------------------------------------------------------------------------------- */

static void logical_on_begun(struct decoding *decoding, uint32_t timeline, uint64_t lsn)
{
	struct feed_logical *logical = container_of(decoding, struct feed_logical, decoding);

	logical->timeline = timeline;
	logical->begun = logical->decoded = lsn;
	logical->proven = 0;
	logical->rows_relation = 0;
	logical->publication = decoding->checked;
	stripes_enter(&logical->env->shared->stripes, topology_life(logical->env->topology));
	/* As where the table is read (reader.c). */
	stripes_miss(&logical->env->shared->stripes, logical->env->topology->primary_position);
	stripes_begin(&logical->env->shared->stripes, (struct position){ timeline, lsn });
	log_info("feed", "what %s decodes is followed", logical->env->nodes[logical->node]->name);
}

static void logical_note(struct feed_logical *logical, uint64_t tag)
{
	unsigned count = logical->tags_count;

	if (count > FEED_TRANSACTION_TAGS_MAX)
		return;
	/* Changes of one relation come in runs. */
	for (unsigned i = count; i > 0 && i + LOGICAL_SAME_MAX > count; i--)
		if (logical->tags[i - 1] == tag)
			return;
	if (count < FEED_TRANSACTION_TAGS_MAX)
		logical->tags[count] = tag;
	logical->tags_count++;
}

/* Of a row of the feed. What is no array of numbers, null among them, is whatever there is. */
static void logical_note_row(struct feed_logical *logical, struct text tags)
{
	struct feed_line line = { tags.ptr, tags.ptr + tags.len, !tags.ptr };

	feed_line_want(&line, '{');
	if (!feed_line_is(&line, '}'))
		do {
			uint64_t tag = feed_line_number(&line);

			if (!line.wrong)
				logical_note(logical, tag);
		} while (!line.wrong && feed_line_take(&line, ','));
	feed_line_want(&line, '}');
	if (line.wrong || line.at != line.end)
		logical_note(logical, STRIPES_TAG_ALL);
}

static void logical_change(struct feed_logical *logical, const struct pgoutput_event *event)
{
	for (uint32_t i = 0; i < event->relations_count; i++)
		logical_note(logical, pgoutput_relation(event, i));
	if (event->row.ptr && pgoutput_relation(event, 0) == logical->rows_relation)
		logical_note_row(logical, pgoutput_value(event, logical->rows_column));
}

/* Before its first change, and again when it is called otherwise. */
static void logical_meet(struct feed_logical *logical, const struct pgoutput_event *event)
{
	uint32_t relation = pgoutput_relation(event, 0);

	if (text_is(event->schema, "cqrsd") && text_is(event->name, "invalidation")) {
		logical->rows_relation = relation;
		logical->rows_column = pgoutput_column(event, "tags");
	} else if (logical->rows_relation == relation) {
		logical->rows_relation = 0;
	}
}

static void logical_commit(struct feed_logical *logical, uint64_t lsn)
{
	struct stripes *stripes = &logical->env->shared->stripes;
	unsigned count = logical->tags_count;

	if (count > FEED_TRANSACTION_TAGS_MAX)
		stripes_touch(stripes, STRIPES_TAG_ALL, lsn);
	else if (CONTROL_FEED_DECODED)
		for (unsigned i = 0; i < count; i++)
			stripes_touch(stripes, logical->tags[i], lsn);
	metric_add(logical->env->metrics, METRIC_feed_rows_total, NULL, count);
	logical->transaction = false;
}

static void logical_decoded(struct feed_logical *logical, uint64_t lsn)
{
	if (lsn > logical->decoded)
		logical->decoded = lsn;
}

/* False: it does not belong there. */
static bool logical_take(struct feed_logical *logical, const struct pgoutput_event *event)
{
	bool within = logical->transaction;

	switch (event->kind) {
	case PGOUTPUT_NOTHING:
		return true;
	case PGOUTPUT_RELATION:
		logical_meet(logical, event);
		return true;
	case PGOUTPUT_KEEPALIVE:
		logical->owes_reply = logical->owes_reply || event->wants_reply;
		if (!within)
			logical_decoded(logical, event->lsn);
		return true;
	case PGOUTPUT_BEGIN:
		logical->transaction = true;
		logical->tags_count = 0;
		return !within;
	case PGOUTPUT_CHANGE:
		logical_change(logical, event);
		return within;
	case PGOUTPUT_COMMIT:
		if (within)
			logical_commit(logical, event->lsn);
		logical_decoded(logical, event->lsn);
		return within;
	}
	assert(!"an event");
	return false;
}

static bool logical_on_message(struct decoding *decoding, struct text message)
{
	struct feed_logical *logical = container_of(decoding, struct feed_logical, decoding);
	struct pgoutput_event event;

	return pgoutput_read(message, &event) && logical_take(logical, &event);
}

static void logical_on_turn(struct decoding *decoding)
{
	struct feed_logical *logical = container_of(decoding, struct feed_logical, decoding);

	logical->complained = false;
	logical->pause_us = LOGICAL_PAUSE_US;
	logical_raise(logical);
	if (logical->owes_reply)
		logical_reply(logical, false);
}

static void logical_on_closed(struct decoding *decoding, const char *why)
{
	struct feed_logical *logical = container_of(decoding, struct feed_logical, decoding);

	if (!logical->complained)
		log_warn("feed", "%s, so that reads by table are off: %s: %s",
			 logical->timeline ? "what is decoded is followed no more"
					   : "what was written cannot be decoded",
			 logical->env->nodes[logical->node]->name, why);
	logical->complained = true;
	logical_forget(logical, "stream");
	logical_pause(logical);
}

static const struct decoding_owner logical_owner = {
	.on_begun = logical_on_begun,
	.on_message = logical_on_message,
	.on_turn = logical_on_turn,
	.on_closed = logical_on_closed,
};

static void logical_on_tick(struct loop_timer *timer)
{
	struct feed_logical *logical = container_of(timer, struct feed_logical, timer);

	logical->env->refresh(logical->env->arg);
	if (!logical->runs)
		return;
	loop_timer_set(logical->env->loop, timer, loop_now(logical->env->loop) + LOGICAL_TICK_US);
	feed_logical_check(logical);
	if (logical->decoding.state == DECODING_CLOSED)
		logical_open(logical);
	else if (logical->decoding.state == DECODING_STREAMING)
		logical_reply(logical, true);
}
