/* SPDX-License-Identifier: Apache-2.0 */
/* One question at a time. */
#include "router/cluster/key_reader.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_US_MIN (50 * US_PER_MS)
#define TIMEOUT_US_MAX (400 * US_PER_MS)

static void key_reader_on_timer(struct loop_timer *timer);
static void key_reader_on_call(struct call *call);

void key_reader_init(struct key_reader *reader, struct loop *loop, const struct cluster *cluster,
		     struct metrics *metrics, const struct key_events *events,
		     struct pool *(*pool_of)(void *arg, unsigned index), void *pool_arg)
{
	if (!events)
		return;
	*reader = (struct key_reader){
		.loop = loop,
		.cluster = cluster,
		.events = *events,
		.pool_of = pool_of,
		.pool_arg = pool_arg,
		.timer.on_due = key_reader_on_timer,
		.access_node = -1,
		.timeout_us = TIMEOUT_US_MIN,
	};
	key_rows_init(reader->statements);
	arena_init(&reader->arena);
	buf_init(&reader->out);
	key_use_init(&reader->use, loop, cluster, metrics);
	loop_timer_set(loop, &reader->timer, loop_now(loop));
}

void key_reader_fini(struct key_reader *reader)
{
	if (!reader->loop)
		return;
	loop_timer_cancel(reader->loop, &reader->timer);
	if (reader->asked)
		pool_forget(reader->asked, &reader->call);
	key_use_fini(&reader->use);
	key_rows_fini(reader->statements);
	arena_fini(&reader->arena);
	buf_fini(&reader->out);
}

/* --- whom to ask ----------------------------------------------------------------------------- */

/*
 * Without a primary: the replica whose state is known to reach up to the latest moment. Where that
 * is known of none, since no primary was ever seen, the answer says what it replayed last.
 */
int key_reader_source(const struct topology *topology, int64_t now_us)
{
	int best = -1;
	int64_t best_us = -1;

	if (topology->primary >= 0)
		return topology->primary;
	for (unsigned i = 0; i < topology->count; i++) {
		const struct node_view *view = &topology->nodes[i];

		if (!node_is_up(view) || view->role != NODE_REPLICA || view->foreign ||
		    view->lag_seen_us <= best_us)
			continue;
		if (view->lag_seen_us && now_us - view->lag_seen_us >= KEYS_AGE_US_MAX)
			continue;
		best = (int)i;
		best_us = view->lag_seen_us;
	}
	return best;
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool key_reader_knows_access(const struct key_reader *reader, unsigned node)
{
	return reader->access >= KEY_ACCESS_HEAD && reader->access_node == (int)node &&
	       reader->access_life == reader->cluster->topology.nodes[node].life;
}

static void key_reader_ask(struct key_reader *reader, unsigned node, struct pool *pool)
{
	struct statement *statement;

	reader->node = node;
	reader->seen_us = reader->cluster->topology.nodes[node].lag_seen_us;
	if (!key_reader_knows_access(reader, node))
		reader->question = KEYS_ACCESS;
	else
		reader->question = reader->access == KEY_ACCESS_ROWS ? KEYS_ROWS : KEYS_HEAD;
	statement = &reader->statements[reader->question];
	/* Whatever happened to the last one, this is no slow statement. */
	atomic_store(&statement->running_us, 0);
	arena_reset(&reader->arena);
	buf_clear(&reader->out);
	reader->values[0] = reader->mark;
	reader->call = (struct call){
		.kind = CALL_QUERY,
		.statement = statement,
		.values = reader->values,
		.arena = &reader->arena,
		.out = &reader->out,
		.rows_max = 1,
		.timeout_us = reader->timeout_us,
		.on_done = key_reader_on_call,
	};
	/* Where the conn is late already, the next turn will do. */
	reader->asked = pool_submit(pool, &reader->call) ? pool : NULL;
}

static void key_reader_on_timer(struct loop_timer *timer)
{
	struct key_reader *reader = container_of(timer, struct key_reader, timer);
	int64_t now_us = loop_now(reader->loop);
	int node = key_reader_source(&reader->cluster->topology, now_us);
	struct pool *pool = node >= 0 ? reader->pool_of(reader->pool_arg, (unsigned)node) : NULL;

	loop_timer_set(reader->loop, timer,
		       now_us + (reader->answered || reader->complained ? KEYS_POLL_US
									: KEYS_FIRST_POLL_US));
	reader->events.on_tick(reader->events.arg, now_us);
	if (!reader->asked && pool && pool_connected(pool))
		key_reader_ask(reader, (unsigned)node, pool);
	if (key_use_is_due(&reader->use, now_us))
		reader->events.take_used(reader->events.arg, key_use_day(), &reader->use.ids);
	key_use_send(&reader->use);
}

/* --- answers --------------------------------------------------------------------------------- */

static void key_reader_complain(struct key_reader *reader, const char *reason, const char *format,
				...) printf_like(3, 4);

/* Once until it is another thing, or all is well again. reason: a constant. */
static void key_reader_complain(struct key_reader *reader, const char *reason, const char *format,
				...)
{
	char text[256];
	va_list args;

	if (reader->complained && strcmp(reader->complained, reason) == 0)
		return;
	reader->complained = reason;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_with(LOG_ERROR, "keys",
		 LOG_FIELDS({ "node", reader->cluster->nodes[reader->node]->name }), "%s", text);
}

/* A replica's changes are fewer, and it is not known to reach up to what was handed on. */
static bool key_reader_is_behind(const struct key_reader *reader, int64_t changes, int64_t as_of_us)
{
	return changes < reader->changes && as_of_us < reader->as_of_us;
}

static void key_reader_tell(struct key_reader *reader, enum key_table table, int64_t changes,
			    int64_t as_of_us, const struct text *lines)
{
	reader->answered = true;
	reader->changes = changes;
	if (as_of_us > reader->as_of_us)
		reader->as_of_us = as_of_us;
	reader->events.on_keys(reader->events.arg, table, as_of_us, lines);
}

static void key_reader_tell_missing(struct key_reader *reader)
{
	const struct text none = { "", 0 };
	bool primary = reader->cluster->topology.primary == (int)reader->node;
	int64_t as_of_us = primary ? reader->call.sent_us : reader->seen_us;

	if (!as_of_us || (!primary && key_reader_is_behind(reader, 0, as_of_us)))
		return;
	reader->mark[0] = '\0';
	key_reader_tell(reader, KEY_TABLE_MISSING, 0, as_of_us, &none);
}

static void key_reader_on_access(struct key_reader *reader, struct text row)
{
	if (!key_rows_read_access(row, &reader->access)) {
		key_reader_complain(reader, "access", "it does not say whether there are API keys");
		return;
	}
	reader->access_node = (int)reader->node;
	reader->access_life = reader->cluster->topology.nodes[reader->node].life;
	switch (reader->access) {
	case KEY_ACCESS_MISSING:
		if (!reader->complained || strcmp(reader->complained, "missing") != 0)
			log_info("keys", "the schema cqrsd has no API keys yet: run cqrsd migrate "
					 "to have them");
		reader->complained = "missing";
		key_reader_tell_missing(reader);
		return;
	case KEY_ACCESS_REFUSED:
		key_reader_complain(reader, "refused",
				    "the role may not see whether there are API keys: GRANT USAGE "
				    "ON SCHEMA cqrsd and SELECT ON cqrsd.keyring, cqrsd.api_key");
		return;
	case KEY_ACCESS_HEAD:
	case KEY_ACCESS_ROWS:
		/* Now for the keys themselves. */
		loop_timer_set(reader->loop, &reader->timer, loop_now(reader->loop));
		return;
	case KEY_ACCESS_UNKNOWN:
		break;
	}
	assert(!"an access");
}

/* The moment whose keys the answer has; 0: not known. */
static int64_t key_reader_as_of(const struct key_reader *reader, const struct key_answer *answer)
{
	if (!answer->in_recovery)
		return reader->call.sent_us;
	if (reader->seen_us)
		return reader->seen_us;
	return answer->replayed_us < 0 ? 0 : reader->call.sent_us - answer->replayed_us;
}

static void key_reader_take(struct key_reader *reader, const struct key_answer *answer)
{
	const struct text none = { "", 0 };
	int64_t as_of_us = key_reader_as_of(reader, answer);

	if (answer->in_recovery && key_reader_is_behind(reader, answer->changes, as_of_us))
		return;
	if (as_of_us <= 0 || loop_now(reader->loop) - as_of_us >= KEYS_AGE_US_MAX) {
		key_reader_complain(reader, "old",
				    "there is no primary, and this replica has replayed nothing "
				    "for five minutes: its API keys may be out of date");
		return;
	}
	if (!answer->changes) {
		key_reader_tell(reader, KEY_TABLE_NEVER, 0, as_of_us, &none);
	} else if (reader->question == KEYS_HEAD) {
		reader->access = KEY_ACCESS_UNKNOWN;
		key_reader_complain(reader, "unreadable",
				    "there are API keys, and the role may not read them: GRANT "
				    "SELECT ON cqrsd.api_key");
		return;
	} else {
		key_reader_tell(reader, KEY_TABLE_IN_USE, answer->changes, as_of_us,
				answer->lines.ptr ? &answer->lines : NULL);
	}
	if (answer->changes)
		memcpy(reader->mark, answer->mark, sizeof(reader->mark));
	else
		reader->mark[0] = '\0';
	reader->complained = NULL;
}

static void key_reader_on_rows(struct key_reader *reader, struct text row)
{
	struct key_answer answer;

	if (!key_rows_read(row, &answer)) {
		key_reader_complain(reader, "rows", "what it says of API keys is not understood");
		return;
	}
	key_reader_take(reader, &answer);
	key_answer_fini(&answer);
}

/* A conn that is lost is the status queries' concern. */
static void key_reader_on_error(struct key_reader *reader)
{
	const struct pg_error *error = &reader->call.error;

	if (reader->call.end != CALL_ERROR)
		return;
	if (strcmp(error->sqlstate, "57014") == 0 && reader->timeout_us < TIMEOUT_US_MAX) {
		reader->timeout_us *= 2;
		return;
	}
	if (strcmp(error->sqlstate, "57014") != 0)
		reader->access = KEY_ACCESS_UNKNOWN;
	key_reader_complain(reader, "error", "API keys cannot be read: %s (SQLSTATE %s)",
			    error->message, error->sqlstate);
}

static void key_reader_on_call(struct call *call)
{
	struct key_reader *reader = container_of(call, struct key_reader, call);
	struct text row = { reader->out.ptr, reader->out.len };

	assert(reader->asked);
	reader->asked = NULL;
	if (call->end != CALL_OK || call->rows != 1) {
		key_reader_on_error(reader);
		return;
	}
	if (reader->question == KEYS_ACCESS) {
		key_reader_on_access(reader, row);
		return;
	}
	reader->timeout_us = TIMEOUT_US_MIN;
	key_reader_on_rows(reader, row);
}
