/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From single looks at nodes to the topology: who is primary, who is in rotation, which life, how
 * far behind. Knows no conns and no clock; the monitor brings the looks and publishes the outcome.
 * Logs each change once. One thread.
 *
 * The primary: out of recovery, of our cluster, never of a timeline lower than one seen before; of
 * several the highest timeline, then the one that is it already. Two that were promoted to the same
 * number apart from each other differ in their history. One of a new timeline is the primary only
 * once its history is settled (told, or not to be had), so that the two are published together.
 *
 * A replica is good when it answers, is of our cluster, on the primary's timeline and within the
 * lag limits. A standby that never told its timeline is believed to follow the primary only where
 * no promotion can have left it behind. When a new primary is found, replicas that are not on its
 * timeline leave at once: what they replay may be lost.
 *
 * Back to a branch that was left: while no primary is there, one that answers on a lower
 * timeline, on another one of the same number, or with less WAL is left alone as above, which is
 * said, until all nodes that answer have agreed on it for --timeline-back-ms
 * (router/cluster/quorum.h); three times as long while one does not answer, since the one that
 * is waited for may live there. Then its branch is followed and the other one given up
 * (router/cluster/branches.h). The primary itself, back with less WAL than it had, is followed
 * at once: there is nobody to wait for.
 *
 * Lag is judged against the primary's newest look, not against now: while the primary is gone
 * replicas stay as good as they were, since nothing newer is to be had.
 */
#pragma once

#include "base/log.h"
#include "base/options.h"
#include "pg/node.h"
#include "router/cluster/cluster_identity.h"
#include "router/cluster/lag_history.h"
#include "router/cluster/node_status.h"
#include "router/cluster/replay_rate.h"
#include "router/cluster/strikes.h"
#include "router/cluster/topology.h"
#include "router/consistency/sessions.h"

/* What is remembered of a node beyond what is published. */
struct node_memory {
	int64_t sent_us;        /* when the look that it answered last was sent */
	unsigned silent;        /* looks in a row without an answer */
	bool complained;        /* that it cannot be reached */
	bool claims_primary;    /* it was out of recovery when it answered last */
	bool fenced;            /* and was told in the log that it is not ours */
	uint32_t followed;      /* the timeline it told last as a standby; 0: never */
	struct history history; /* of its timeline, as far as it is known; timeline 0: not yet */
	bool history_refused;   /* it would not tell it; was told in the log */
	uint64_t switched;      /* as a primary: where it left its ancestor; 0: it does not say */
	bool timeline_hidden;   /* and was told in the log what to grant */
	uint32_t checkpointed;  /* hidden: on this timeline for sure, or on a later one */
	uint32_t timeline;      /* told last, in whatever role; 0: never */
	uint32_t streams;       /* as a standby: the timeline that its walreceiver gets; 0: none */
	int64_t ruled_us;       /* its postmaster's start when it was our primary last; 0: never */
	bool short_of_last; /* it began this life as an older copy of the primary that is gone */
	uint64_t born_lsn;  /* where its WAL ended at the first look of this life */
	bool ahead;         /* it has replayed in this life what the primary does not have */
	uint64_t system_identifier;          /* 0: not known, or not to be had */
	bool identified;                     /* it was asked who it is, and has answered */
	uint32_t limits[NODE_STATUS_LIMITS]; /* its settings; 0: not told */
	unsigned short_of;                   /* as published; was told in the log */
	bool foreign; /* of another cluster than the primary; was told in the log */
	struct strikes strikes;
	struct replay_rate replay_rate;
};

struct topology_build {
	struct node *const *nodes;
	struct sessions *sessions;
	unsigned strikes_max, recoveries_min;
	int64_t lag_us_max;      /* 0: no limit */
	uint64_t lag_bytes_max;  /* 0: no limit */
	struct lag_history ring; /* of the primary, on its timeline */
	int64_t crowned_us;      /* when the look was sent that found the primary */
	int ruled;               /* who was the primary last; -1: nobody */
	int64_t back_us;         /* 0: never back */
	int agreed;              /* on whom all that answer agree; -1: they do not */
	unsigned agreed_life;    /* of that node */
	int64_t agreed_us;       /* since when */
	bool decided;            /* who is primary was once known, or everybody was asked */
	uint64_t cluster_given;  /* --system-identifier */
	enum cluster_state cluster;
	bool cluster_awaited;                /* was told in the log */
	int64_t began_us;                    /* when the first node answered; 0: none has */
	uint32_t limits[NODE_STATUS_LIMITS]; /* of the primary, the last one known */
	struct node_memory memory[NODES_MAX];
	struct topology topology;
};

/* Borrows nodes and sessions. */
void topology_build_init(struct topology_build *build, struct node *const *nodes, unsigned count,
			 struct sessions *sessions);
/* Before the first look, and whenever the limits change. */
void topology_build_set_limits(struct topology_build *build, const struct options *options);
/* Who the node is; 0: it would not say. Comes before its first look is told. */
void topology_build_identified(struct topology_build *build, unsigned index,
			       uint64_t system_identifier);
/* Which cluster is served, by what was told so far (router/cluster/cluster_identity.h); now_us
 * 0: no time passed. */
void topology_build_know_cluster(struct topology_build *build, int64_t now_us);
/* Nodes of other clusters, and standbys whose replay a setting has stopped: marked, and each told
 * in the log once. */
void topology_build_name_strangers(struct topology_build *build);
void topology_build_name_short(struct topology_build *build);
/* "lost: no answer"; detail may be NULL. Told unless the node comes and goes (base/repeats.h). */
void topology_build_name_state(const struct topology_build *build, unsigned index,
			       enum log_level level, const char *state, const char *detail);
/* With it, or later: the settings that a standby needs as much of as its primary. */
void topology_build_take_limits(struct topology_build *build, unsigned index,
				const uint32_t limits[NODE_STATUS_LIMITS]);
/* Is the node of the cluster that is served, as far as is known? */
bool topology_build_ours(const struct topology_build *build, unsigned index);
/*
 * What a walsender of this node is to be asked now: the history of that timeline,
 * TOPOLOGY_BUILD_WANTS_TIMELINE where only that tells which one the node is on, or
 * TOPOLOGY_BUILD_WANTS_NOTHING.
 */
#define TOPOLOGY_BUILD_WANTS_NOTHING 0
#define TOPOLOGY_BUILD_WANTS_TIMELINE UINT32_MAX
uint32_t topology_build_wants_history(const struct topology_build *build, unsigned index);
/* The node told its timeline and that one's history. */
void topology_build_take_history(struct topology_build *build, unsigned index,
				 const struct history *history);
/* It would not, or not in time: what it tells in its looks has to do. */
void topology_build_refused_history(struct topology_build *build, unsigned index,
				    const char *reason);
/* A look that was sent then and answered now. */
void topology_build_answered(struct topology_build *build, unsigned index,
			     const struct node_status *status, int64_t sent_us, int64_t now_us);
/* The node's name leads to another server now: nothing that was known of it holds. */
void topology_build_moved(struct topology_build *build, unsigned index);
/* A look that was not answered in time, or ended badly. */
void topology_build_silent(struct topology_build *build, unsigned index, const char *reason);
/* Works out the lags, which change with time. */
void topology_build_refresh(struct topology_build *build, int64_t now_us);

/* More than positions, lags and rates: someone may want to hear of it. */
bool topology_differs(const struct topology *a, const struct topology *b);
