/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor's thread knows of the cluster: the limits it is judged by, what each node has
 * told, and the topology that comes of it. Plain data, no conns, no clock, one thread. The rules
 * that change it are files of their own, each above those it calls:
 *
 *   topology_build  answers and silence of a node                      the only entry
 *    ├─ agreement   back to a branch that was left, when all agree     quorum
 *    ├─ election    which node is the primary; fencing                 node_history, node_lives,
 *    │                                                                 wal_extent
 *    ├─ rotation    which replicas may get queries                     node_history, node_lives,
 *    │                                                                 strikes
 *    ├─ strangers   which cluster is served, nodes of another one      cluster_identity
 *    └─ replay_limits   a standby stopped by a setting
 *
 * Only files of router/cluster/ and tests of them use more of it than cluster->topology.
 */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "pg/node.h"
#include "router/cluster/cluster_identity.h"
#include "router/cluster/lag_history.h"
#include "router/cluster/lives.h"
#include "router/cluster/node_status.h"
#include "router/cluster/replay_rate.h"
#include "router/cluster/standbys.h"
#include "router/cluster/strikes.h"
#include "router/cluster/topology.h"

#include <stdbool.h>
#include <stdint.h>

/* The WAL of a node in this life, against the primary's (router/cluster/wal_extent.h). */
enum wal_extent {
	WAL_IN_LINE,
	WAL_SHORT, /* it began this life as an older copy of the primary that is gone */
	WAL_AHEAD, /* it has replayed what the primary does not have */
};

/* What a node has told of the lives of its log (router/cluster/node_lives.h). */
enum lives_state {
	LIVES_UNTOLD, /* it has no table of them, or the role may not read it or add to it */
	LIVES_UNREAD, /* to be asked for, of a primary before it is followed */
	LIVES_READ,   /* as a primary: its own life is missing, or not yet looked for */
	LIVES_DUE,    /* its own life is to be added */
	LIVES_TRIED,  /* that has ended: to be asked for again */
	LIVES_NAMED,  /* as a primary: its own life is the last */
};

/* What the log has said of a node and is not to repeat. */
struct node_logged {
	bool unreachable;  /* that it cannot be reached */
	bool fenced;       /* that it claims to be primary and is not ours */
	bool foreign;      /* that it belongs to another cluster */
	unsigned short_of; /* the setting that has stopped its replay; 0: none */
};

/* Of a standby: no primary that is followed was asked since it restarted; and it streamed then. */
enum restart { RESTART_NONE, RESTART_UNPROVEN, RESTART_STREAMED };

/* What is remembered of a node beyond what is published. */
struct node_memory {
	int64_t sent_us;        /* when the status query that it answered last was sent */
	unsigned silent;        /* status queries in a row without an answer */
	bool claims_primary;    /* it was out of recovery when it answered last */
	uint32_t followed;      /* the timeline it told last as a standby; 0: never */
	struct history history; /* of its timeline, as far as it is known; timeline 0: not yet */
	bool history_refused;   /* it would not tell it, which the log has said */
	uint64_t switched;      /* as a primary: where it left its ancestor; 0: it does not say */
	uint64_t checkpoint;    /* of a primary that began without recovery; else 0 */
	bool timeline_hidden;   /* and the log has said what to grant */
	uint32_t checkpointed;  /* hidden: on this timeline for sure, or on a later one */
	uint32_t timeline;      /* told last, in whatever role; 0: never */
	uint32_t streams;       /* as a standby: the timeline that its walreceiver gets; 0: none */
	enum restart restart;   /* as a standby */
	int64_t restarted_us;   /* when the status was sent that showed it */
	int64_t ruled_us;       /* its postmaster's start when it was our primary last; 0: never */
	enum wal_extent extent;
	uint64_t born_lsn;  /* where its WAL ended at the first status of this life */
	struct lives lives; /* in this life of the node; by lives_state */
	enum lives_state lives_state;
	uint64_t lives_lsn;         /* as a standby: they are as of this position or a later one */
	uint64_t system_identifier; /* 0: not known, or not to be had */
	bool identified;            /* it was asked who it is, and has answered */
	uint32_t limits[NODE_STATUS_LIMITS]; /* its settings; 0: not told */
	struct standbys standbys;
	struct node_logged logged;
	struct strikes strikes;
	struct replay_rate replay_rate;
};

struct cluster {
	struct node *const *nodes;
	struct topology_events events;
	unsigned strikes_max, recoveries_min;
	int64_t lag_us_max;      /* 0: no limit */
	uint64_t lag_bytes_max;  /* 0: no limit */
	struct lag_history ring; /* of the primary, on its timeline */
	uint64_t whole_lsn; /* the last end of a record that is known of the primary's timeline */
	struct position acknowledged; /* to clients, as the events told last */
	int64_t crowned_us;           /* when the status query was sent that found the primary */
	int ruled;                    /* which node was the primary last; -1: none */
	int64_t back_us;              /* 0: never back */
	int agreed;                   /* on whom all that answer agree; -1: they do not */
	unsigned agreed_life;         /* of that node */
	int64_t agreed_us;            /* since when */
	bool decided;                 /* a primary was seen, or every node was asked */
	uint64_t given_id;            /* --system-identifier; 0: not given */
	enum cluster_state identity;
	bool awaited;     /* the log has said that --primary must tell which cluster is served */
	int64_t began_us; /* when the first node answered; 0: none has */
	uint32_t limits[NODE_STATUS_LIMITS]; /* of the primary, the last one known */
	struct node_memory memory[NODES_MAX];
	struct topology topology;
};

/* Borrows the nodes; copies the events. */
void cluster_init(struct cluster *cluster, struct node *const *nodes, unsigned count,
		  const struct topology_events *events);
/* Before the first status, and whenever the limits change. */
void cluster_set_limits(struct cluster *cluster, const struct options *options);
/* Is the node of the cluster that is served, as far as is known? */
bool cluster_ours(const struct cluster *cluster, unsigned index) must_check;
/* PostgreSQL's number of the timeline that is followed; 0: none yet. */
uint32_t cluster_number(const struct cluster *cluster) must_check;
/* The primary that is followed has told that position. */
void cluster_primary_is_at(struct cluster *cluster, struct position position);
/* Takes what was acknowledged on its timeline: that may be more than its last status told. */
void cluster_take_acknowledged(struct cluster *cluster);
/* How far its log went for sure, of all that is known. */
uint64_t cluster_known_lsn(const struct cluster *cluster) must_check;
/* The replica gets no more queries, and has to earn its way back from the beginning. */
void cluster_take_out(struct cluster *cluster, unsigned index);
