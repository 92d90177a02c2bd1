/* SPDX-License-Identifier: Apache-2.0 */
/* One table of names and texts. */
#include "router/cluster/questions.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/cluster/lives.h"
#include "router/cluster/node_status.h"
#include "router/cluster/standbys.h"

#define QUESTIONS_TEXTOID 25

const struct pool_settings questions_pool = {
	.conns_max = 1,
	.queue_max = 2,
	.queue_wait_us = QUESTIONS_US_MAX,
	.statement_timeout_us = QUESTIONS_US_MAX,
	.connect_timeout_us = QUESTIONS_US_MAX,
	.answer_timeout_us = QUESTIONS_US_MAX,
	.watches = true,
};

static const struct {
	const char *name, *text;
} questions[QUESTIONS] = {
	[ASK_IDENTITY] = { "monitor.identity", node_status_identity_query },
	[ASK_KEY] = { "monitor.key", node_status_key_query },
	[ASK_LIVES] = { "monitor.lives", lives_query },
	[ASK_STANDBYS] = { "monitor.standbys", standbys_query },
	[ASK_STATUS] = { "monitor.status", node_status_query },
	[ASK_WAL_FLUSH] = { "monitor.wal_flush", node_status_wal_flush_query },
};

void question_init(struct statement *statement, const char *name, const char *text, unsigned params,
		   unsigned columns)
{
	struct shape *shape = shape_new(params, columns);

	statement->id = statement_next_id();
	statement->name = name;
	statement->text = text;
	statement->params = params;
	if (params)
		shape->param_types[0].oid = QUESTIONS_TEXTOID;
	if (columns)
		shape->column_types[0].oid = QUESTIONS_TEXTOID;
	statement_set_shape(statement, shape);
}

void questions_init(struct statement statements[QUESTIONS])
{
	for (unsigned i = 0; i < QUESTIONS; i++)
		question_init(&statements[i], questions[i].name, questions[i].text, 0, 1);
}

void questions_fini(struct statement statements[QUESTIONS])
{
	for (unsigned i = 0; i < QUESTIONS; i++)
		statement_fini(&statements[i]);
}

void questions_complain(const struct call *call, const char *node)
{
	log_with(LOG_WARN, "monitor", LOG_FIELDS({ "node", node }), "%s: %s (%s)",
		 call->statement->name, call->error.message, call->error.sqlstate);
}
