/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many standbys, seen in recovery on the primary's timeline, prove that no other server has
 * acknowledged a commit as its primary: synchronous replication makes it so.
 *
 *   N standbys are named by ANY k. Another primary is one of them, and its commits wait for k
 *   of the others. Where N - k of them still follow ours, at most k are elsewhere, that one
 *   included: none of its commits has k. (A standby that is not named might be the other
 *   primary: then one more has to be seen.)
 *
 * So it takes that the names are known to be one standby's each, and that a standby would wait in
 * the same way if it were promoted. What cannot be known proves nothing. Pure.
 */
#pragma once

#include "base/limits.h"
#include "router/cluster/standbys.h"

#include <stdbool.h>
#include <stdint.h>

enum confirmation_lack {
	LACK_NOTHING,
	LACK_PRIMARY,     /* there is none, or it has not said anything yet */
	LACK_NAMES,       /* its synchronous_standby_names is empty */
	LACK_ANY,         /* it is not ANY */
	LACK_DISTINCT,    /* it has a name twice, or "*" */
	LACK_READABLE,    /* it cannot be read */
	LACK_DECODER,     /* a walsender that decodes acknowledges by one of the names */
	LACK_WAIT,        /* synchronous_commit does not wait for standbys */
	LACK_KNOWN_NAME,  /* a name is no replica's of ours */
	LACK_STRANGER,    /* a standby that is no replica of ours streams from the primary */
	LACK_ONE_SENDER,  /* two standbys stream by one name */
	LACK_REPLICA,     /* a replica has not said how it streams, or not all of it */
	LACK_KEPT,        /* a replica would not wait in the same way if it were promoted */
	LACK_SAME_SOURCE, /* replicas stream from different places */
	LACKS
};

struct confirmation {
	unsigned needed;   /* so many of the standbys; 0: none could prove it */
	uint32_t standbys; /* nodes, a bit each: those that are named */
	enum confirmation_lack lack;
	int node; /* that lacks it; -1: none in particular */
};

struct confirmation_facts {
	const struct standbys *said[NODES_MAX];
	unsigned count;
	int primary; /* -1: none */
};

struct confirmation confirmation_judge(const struct confirmation_facts *facts);
/* A sentence's end: what keeps answers from being confirmed. */
const char *confirmation_lack_text(enum confirmation_lack lack);
