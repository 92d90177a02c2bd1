/* SPDX-License-Identifier: Apache-2.0 */
/* Asking synchronously by turning a loop of one's own; the pools themselves never block. */
#include "cmd/ask.h"

#include "base/clock.h"
#include "pg/wire/pooler.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ASKER_TURN_US (100 * US_PER_MS)
#define ASKER_MEANWHILE_US (20 * US_PER_MS)
#define ASKER_WITNESS_US (2 * US_PER_S)

static _Thread_local struct asker_besides {
	bool (*on_turn)(void *arg);
	void *arg;
} asker_besides;

static const struct pool_settings asker_settings = {
	.conns_max = 1,
	.queue_max = 8,
	.queue_wait_us = 10 * US_PER_S,
	.statement_timeout_us = 60 * US_PER_S,
	.connect_timeout_us = 5 * US_PER_S,
	.answer_timeout_us = 61 * US_PER_S,
};

bool asker_init(struct asker *asker, const char *conninfo, enum node_role role,
		const char *search_path, char *error, size_t error_room)
{
	*asker = (struct asker){ 0 };
	asker->node = node_new(0, conninfo, error, error_room);
	if (!asker->node)
		return false;
	asker->loop = loop_try_new("asker");
	if (!asker->loop) {
		snprintf(error, error_room, "%s: %s", asker->node->name, strerror(errno));
		node_free(asker->node);
		return false;
	}
	asker->node->search_path = search_path;
	asker->metrics = metrics_new();
	asker->pool = pool_new(asker->loop, asker->node, asker->metrics, &asker_settings);
	pool_set_role(asker->pool, role);
	arena_init(&asker->arena);
	buf_init(&asker->out);
	return true;
}

void asker_fini(struct asker *asker)
{
	pool_free(asker->pool);
	node_free(asker->node);
	loop_free(asker->loop);
	metrics_free(asker->metrics);
	buf_fini(&asker->out);
	arena_fini(&asker->arena);
}

struct asking {
	struct call call;
	bool done;
};

static void asker_on_done(struct call *call)
{
	container_of(call, struct asking, call)->done = true;
}

void asker_meanwhile(bool (*on_turn)(void *arg), void *arg)
{
	asker_besides = (struct asker_besides){ on_turn, arg };
}

/* False: it is wanted no more. */
static bool asker_turn(struct asker *asker)
{
	if (!asker_besides.on_turn) {
		loop_turn(asker->loop, ASKER_TURN_US);
		return true;
	}
	loop_turn(asker->loop, ASKER_MEANWHILE_US);
	return asker_besides.on_turn(asker_besides.arg);
}

enum call_end asker_call(struct asker *asker, struct call *call)
{
	struct asking asking = { .call = *call };

	buf_clear(&asker->out);
	asking.call.arena = &asker->arena;
	asking.call.out = &asker->out;
	asking.call.on_done = asker_on_done;
	if (!pool_submit(asker->pool, &asking.call)) {
		assert(!"one call at a time fits any queue");
		return CALL_UNSENT;
	}
	/* What is submitted between two turns leaves at the end of the next. */
	loop_again(asker->loop);
	while (!asking.done) {
		if (asker_turn(asker) || asking.done)
			continue;
		pool_forget(asker->pool, &asking.call);
		asking.call.end = CALL_LOST;
		asking.call.lost_reason = "it is not wanted any more";
		break;
	}
	*call = asking.call;
	return call->end;
}

enum call_end asker_ask(struct asker *asker, enum call_kind kind, const char *text,
			struct call *call)
{
	struct statement *statement = arena_zero(&asker->arena, 1, sizeof(*statement));
	enum call_end end;

	statement->id = statement_next_id();
	statement->name = "ask";
	statement->text = text;
	statement_set_shape(statement, shape_new(0, 0));
	*call = (struct call){ .kind = kind, .statement = statement };
	end = asker_call(asker, call);
	statement_fini(statement);
	return end;
}

enum call_end asker_ask_about(struct asker *asker, const char *text, const char *value,
			      struct call *call)
{
	struct statement *statement = arena_zero(&asker->arena, 1, sizeof(*statement));
	const char **values = arena_zero(&asker->arena, 1, sizeof(*values));
	struct shape *shape = shape_new(1, 0);
	enum { OID_TEXT = 25 };
	enum call_end end;

	shape->param_types[0].oid = OID_TEXT;
	statement->id = statement_next_id();
	statement->name = "ask";
	statement->text = text;
	statement->params = 1;
	statement_set_shape(statement, shape);
	values[0] = value;
	*call = (struct call){ .kind = CALL_QUERY, .statement = statement, .values = values };
	end = asker_call(asker, call);
	statement_fini(statement);
	return end;
}

/* In session mode no two conns have the same backend: one more is made beside the first. */
bool asker_is_shared(struct asker *asker)
{
	struct pool_settings settings = asker_settings;
	struct pool *first = asker->pool;
	struct call call = { .kind = CALL_PROBE };
	bool alone;

	settings.queue_wait_us = ASKER_WITNESS_US;
	asker->pool = pool_new(asker->loop, asker->node, asker->metrics, &settings);
	pool_set_role(asker->pool, NODE_REPLICA);
	alone = asker_call(asker, &call) == CALL_OK;
	pool_free(asker->pool);
	asker->pool = first;
	return !alone && pooler_is_shared(asker->node->pooler, loop_now(asker->loop));
}

void asker_complain(const struct asker *asker, const char *verb, const struct call *call)
{
	if (call->end == CALL_ERROR)
		fprintf(stderr, "cqrsd %s: %s: %s (SQLSTATE %s)\n", verb, asker->node->name,
			call->error.message, call->error.sqlstate);
	else
		fprintf(stderr, "cqrsd %s: %s: %s: %s\n", verb, asker->node->name,
			call->lost_reason ? call->lost_reason : "no answer",
			pool_last_error(asker->pool));
}

void asker_complain_of_schema(const struct asker *asker, const char *verb, const struct call *call,
			      const char *rights)
{
	const char *state = call->end == CALL_ERROR ? call->error.sqlstate : "";

	asker_complain(asker, verb, call);
	if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)
		fprintf(stderr, "cqrsd %s: run cqrsd migrate first\n", verb);
	else if (strcmp(state, "42501") == 0)
		fprintf(stderr,
			"cqrsd %s: connect as the owner of the schema cqrsd, or GRANT %s to this "
			"role\n",
			verb, rights);
	else if (strcmp(state, "25006") == 0)
		fprintf(stderr, "cqrsd %s: this is a standby: --primary must name the primary\n",
			verb);
}
