/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standbys that follow the primary for sure, by the word of their own after a query came. Where
 * synchronous replication says how many it takes (router/cluster/confirmation.h), they prove that
 * the server that the read index is from was the primary all the time.
 *
 * The replica that answers a query is a witness itself. Where more are needed they are asked when
 * the index is, each of a loop by one probe at a time for all queries that came before it was sent.
 *
 * On the loop's thread.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/limits.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/topology.h"

#include <stdbool.h>
#include <stdint.h>

/* Borrowed. */
struct witnesses_env {
	const struct topology *topology;
	struct pool *(*pool_of)(void *arg, unsigned node);
	void *arg;
};

struct witness {
	struct witnesses *witnesses;
	struct call probe;
	struct arena arena;
	struct pool *pool;  /* while the probe is out; else NULL */
	uint64_t asked;     /* that probe began behind this moment */
	uint64_t wanted;    /* and one is wanted that begins behind this one */
	uint64_t seen;      /* the newest moment behind which it was seen; 0: never */
	unsigned life;      /* of the node, when that was asked */
	unsigned seen_life; /* of the node that was seen */
	uint32_t timeline;  /* on which it was seen */
};

struct witnesses {
	const struct witnesses_env *env;
	uint64_t moment; /* rises with each query that asks */
	struct witness nodes[NODES_MAX];
};

void witnesses_init(struct witnesses *witnesses, const struct witnesses_env *env);
void witnesses_fini(struct witnesses *witnesses);
/* A query has come; asks those that it may need. The moment that stands for it. */
uint64_t witnesses_ask(struct witnesses *witnesses) must_check;
/*
 * A query of that moment was answered by the call, at a replica, by the topology of now: were
 * enough standbys seen behind that moment? *pending: one that was asked may still answer.
 */
bool witnesses_confirm(const struct witnesses *witnesses, uint64_t moment, unsigned node,
		       const struct call *call, bool *pending) must_check;
