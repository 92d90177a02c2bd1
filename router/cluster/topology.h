/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor knows of the nodes, published as a snapshot, copied by each loop. Plain data.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/position.h"
#include "pg/node.h"
#include "pg/reconnect.h"
#include "router/cluster/branches.h"
#include "router/cluster/confirmation.h"
#include "router/cluster/history.h"
#include "router/cluster/lives.h"
#include "router/cluster/node_status.h"

#include <stdbool.h>
#include <stdint.h>

enum node_contact {
	NODE_UNASKED, /* its first status query has not ended yet */
	NODE_LOST,    /* never reached, or silent for --lag-strikes status queries */
	NODE_REACHED,
};

struct node_view {
	/* NODE_UNKNOWN: never reached, not for --lag-strikes status queries, or a primary of a
	 * timeline that was left behind. */
	enum node_role role;
	enum node_contact contact;
	bool in_rotation;         /* a replica that may get queries; the primary while it is up */
	struct position position; /* primary: flush; replica: replayed */
	int64_t started_us; /* pg_postmaster_start_time, wall: a position belongs to one life */
	bool paused;        /* replay is paused */
	bool foreign;       /* of another cluster: nothing is sent there */
	/* the setting that has stopped replay, see node_status.h; 0: none */
	unsigned short_of;
	/* it is up, and grants no more connections (pg/reconnect.h) */
	enum conn_limit full;
	bool fenced;         /* out of recovery, but not our primary: nothing is sent there */
	int64_t lag_us;      /* by the position ring; -1: not known */
	int64_t lag_bytes;   /* -1: not known */
	int64_t lag_seen_us; /* the moment this replica's state is known to reach up to: now
	                            * minus this is its staleness; 0: not known */
	double replay_rate;  /* bytes of WAL per microsecond, smoothed, while there was more to
	                            * replay than it got done; 0: not known, or it keeps up */
	int64_t seen_us;     /* when the last status query was answered, monotonic */
	int64_t asked_us;    /* when that one was sent */
	unsigned life;       /* rises when the node restarted, vanished or changed its role */
	/* the mark of the last life of its log (lives.h), as told in this life of the node; 0: not
	 * told */
	uint32_t log_mark;
};

struct topology {
	unsigned count;
	int primary;                      /* index, or -1 */
	struct position primary_position; /* newest known, kept when the primary is gone */
	bool primary_seen;                /* ever, in this process: the floor is known */
	enum commits commits;             /* of the primary */
	struct confirmation confirmation; /* what proves that no other primary goes on */
	struct history history;           /* of primary_position.timeline; its timeline 0: none */
	struct branches branches;         /* that were given up, and which is followed since */
	struct lives lives;               /* of the log that is followed; empty: not told */
	struct lives_gone lives_gone;     /* of logs that were followed before */
	int64_t agreed_us;                /* since when all nodes that answer, more than half,
	                                   * agree on this primary; 0: they do not */
	uint64_t system_identifier;       /* 0: not known yet */
	bool key_known;                   /* the token key was read from the cqrsd schema */
	uint8_t key[32];
	bool schema_missing; /* a node answered, but cqrsd migrate was never run there */
	struct node_view nodes[NODES_MAX];
};

static inline bool node_is_up(const struct node_view *view)
{
	return view->contact == NODE_REACHED;
}

/* The mark of the life that the primary leads; 0: not told. */
static inline uint32_t topology_life(const struct topology *topology)
{
	const struct life *last = lives_last(&topology->lives);

	return last ? last->mark : 0;
}

/* What became of a position of another timeline than the one that is followed now. */
static inline enum fate topology_fate(const struct topology *topology, struct position position)
{
	return branches_fate(&topology->branches, &topology->history, position);
}

/*
 * What a token says of a position. On the primary it is of the life that is known, since a conn to
 * another server serves nothing (pool_expect). A standby may have replayed a life that began a
 * moment ago and is not known here yet: that token is judged lost later, though nothing was. Never
 * the other way round.
 */
struct branch_position topology_token(const struct topology *topology,
				      struct position position) must_check;
/* No primary has been followed yet: what a token means is judged later, by its mark. */
static inline bool topology_is_unled(const struct topology *topology)
{
	return !topology->primary_position.timeline;
}

/* Do they differ in more than positions, lags and rates? */
bool topology_differs(const struct topology *a, const struct topology *b) must_check;

/* What the monitor reports, on its own thread. */
struct topology_events {
	/* A node is the primary on a timeline, or of an era, newer than the last: before any
	 * topology that says so is published. Borrows the history, and what was given up. */
	void (*on_promoted)(void *arg, const struct history *history,
			    const struct branches *branches, struct position position);
	/* The newest position that a primary has acknowledged a commit at, to any thread. */
	struct position (*acknowledged)(void *arg);
	/* A topology was published that differs from the one before. */
	void (*on_change)(void *arg);
	void *arg;
};
