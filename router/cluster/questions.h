/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor asks a node on an ordinary conn: statements without parameters that answer one
 * text, which router/cluster/node_status.h reads.
 */
#pragma once

#include "base/clock.h"
#include "base/statement.h"
#include "pg/call.h"
#include "pg/pool_settings.h"

/* The longest that one is waited for, whatever --status-timeout-ms says. */
#define QUESTIONS_US_MAX (3 * US_PER_S)

enum question {
	ASK_IDENTITY,  /* which server, of which cluster, with which settings */
	ASK_KEY,       /* the key that signs tokens */
	ASK_LIVES,     /* the lives of its log (router/cluster/lives.h) */
	ASK_STANDBYS,  /* synchronous replication (router/cluster/standbys.h) */
	ASK_STATUS,    /* role, position, timeline */
	ASK_WAL_FLUSH, /* a commit of nothing (router/cluster/wal_flush.h) */
	QUESTIONS,
};

/* Fills a statement that is described already: its parameters, one at most, and its columns, one
 * at most, are texts. texts: borrowed. */
void question_init(struct statement *statement, const char *name, const char *text, unsigned params,
		   unsigned columns);
/* Described already: no node is asked for their types. */
void questions_init(struct statement statements[QUESTIONS]);
void questions_fini(struct statement statements[QUESTIONS]);

/* Of the conn to a node that they travel on; one more may wait (router/cluster/key_reader.h). */
extern const struct pool_settings questions_pool;
/* The log says what the node answered instead. */
void questions_complain(const struct call *call, const char *node);
