/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What read/ and write/ stand on: where the nodes are, what a request must see, who is healthy. One
 * router per loop, on the loop's thread; what is shared between loops is lent to it. It knows no
 * path of a request: read/ and write/ take requests and ask it.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/options.h"
#include "base/random.h"
#include "base/sign.h"
#include "base/snapshot.h"
#include "catalog/catalog.h"
#include "pg/call.h"
#include "pg/node.h"
#include "pg/pool.h"
#include "router/choose.h"
#include "router/cluster/monitor.h"
#include "router/consistency/high_water.h"
#include "router/consistency/required.h"
#include "router/consistency/sessions.h"
#include "router/consistency/token.h"
#include "router/feed/desk.h"
#include "router/feed_doubts.h"
#include "router/health/budget.h"
#include "router/health/health.h"
#include "router/heavy_hitters.h"
#include "router/read_index.h"
#include "router/readiness.h"
#include "router/waiters.h"
#include "router/witnesses.h"

struct ratelimit;
struct feed_tables;

/* Lent to every router until it is freed. */
struct router_shared {
	struct node *const *nodes; /* [nodes_count], as in the topology */
	unsigned nodes_count;
	const struct options *options;
	struct snapshot *topology;
	struct sessions *sessions;
	struct high_water *high_water;   /* of all that was heard of */
	struct high_water *acknowledged; /* of flushed commits alone */
	struct monitor *monitor;
	struct ratelimit *ratelimit; /* NULL: no rate limits */
	struct feed_shared *feed;    /* NULL: the feed is not read */
	/* Any thread: is it known which credentials count? NULL: nothing has to be. */
	bool (*callers_known)(void *arg);
	void *callers_arg;
};

struct router;

/* Holds the catalog. conns: of this loop to each node. */
struct router *router_new(struct loop *loop, const struct router_shared *shared, unsigned conns,
			  struct catalog *catalog, struct metrics *metrics) must_check;
/*
 * Before the loop runs: calls on_open once, on the loop's thread, as soon as requests can leave at
 * once: the nodes were looked at and their first conns are made. A node that does not answer is
 * waited for no longer than half a second where the primary does, and nothing longer than 3 s; what
 * is taken before a node has answered fails as OUTCOME_STARTING. Without this call a router is open
 * from the beginning.
 */
void router_open_then(struct router *router, void (*on_open)(void *arg), void *arg);
bool router_is_open(const struct router *router) must_check;
/* No request may be on its way. */
void router_free(struct router *router);

/* Publishes there who makes the load of this loop: a struct heavy_hitters
 * (router/heavy_hitters.h), now and then. */
void router_publish_heavy_hitters(struct router *router, struct snapshot *snapshot);

/* Holds the new catalog; requests under way finish with the old one. */
void router_set_catalog(struct router *router, struct catalog *catalog);
/* Borrows the options from now on; what sized pools and sessions stays as it was. */
void router_set_options(struct router *router, const struct options *options);
/*
 * Takes over what the monitor has published, if there is news: pools of nodes that went are
 * abandoned, which ends calls, and the watchers are called. Cheap without news.
 */
void router_refresh(struct router *router);

/* --- for read/ and write/, and for the files of router/ --------------------------------------- */

/* Who needs a change of the topology registers for it; on_change may run requests. */
struct router_watcher {
	struct list_link link;
	void (*on_change)(struct router_watcher *watcher);
};
void router_add_watcher(struct router *router, struct router_watcher *watcher);
void router_remove_watcher(struct router *router, struct router_watcher *watcher);

/* A token of that position, into out. The key is known. */
void router_token(struct router *router, struct position position, char out[TOKEN_TEXT_MAX + 1]);
/* The standby has replayed that far for sure: who waits there for less is woken. */
void router_learn(struct router *router, unsigned node, uint64_t replayed);
/* Did the standby follow another timeline when it answered than the one it was last seen on? Then
 * its lsns prove nothing of the one that is known. */
bool router_gone_over(const struct router *router, unsigned node, const struct call *call);
/* What the call proved of a standby, which may be nothing but that the monitor should look. */
void router_learn_call(struct router *router, unsigned node, const struct call *call);
/* Parks a waiter at a node, which is asked how far it is as long as a request waits there. False:
 * too many are parked already. */
bool router_watch(struct router *router, unsigned node, struct waiter *waiter) must_check;
/*
 * Changes of roles and memberships are counted (router/schema_watch.h). Conns to each node are
 * closed once it has the change, since PostgreSQL goes on to run what they have prepared by the row
 * security of before. Behind which one is prepared what is sent to that node now? Is it the last?
 */
uint32_t router_renewal(const struct router *router, unsigned node) must_check;
bool router_renewal_is_last(const struct router *router, uint32_t renewal) must_check;
/* The pool commands go to, or NULL: no node is the primary. */
struct pool *router_primary_pool(struct router *router);

/* A catalog as long as requests of this loop use it. */
struct catalog_ref {
	struct catalog *catalog;
	unsigned users; /* requests, and the router while it is current */
};
void catalog_ref_drop(struct catalog_ref *catalog_ref);

/* A loop's own view of one node. */
struct router_node {
	struct router *router;
	struct pool *pool;
	unsigned life; /* of the topology that was seen last */
	enum node_role role;
	bool up;
	uint32_t renewal; /* router_renewal */
	struct waiters waiters;
	struct call probe; /* asks for a position while a request is parked */
	struct arena probe_arena;
	bool probing;
	struct loop_timer probe_again;
	struct health health;
	struct budget retries, hedges; /* what may be asked there twice */
};

struct router {
	struct loop *loop;
	struct router_shared shared;
	struct metrics *metrics;
	struct random random;
	struct catalog_ref *catalog_ref;
	struct snapshot_reader *reader;
	uint64_t version; /* of the topology below */
	struct topology topology;
	uint32_t renewal; /* all nodes are there */
	struct node_use uses[NODES_MAX];
	struct health_env health_env;
	struct router_node nodes[NODES_MAX];
	struct token_maker *tokens; /* NULL until the key is known */
	struct branch_position
		stamp; /* of the branch of stamp_of; its timeline 0: none since the last refresh */
	uint32_t stamp_of;   /* 0: it holds for that one position */
	uint64_t stamp_from; /* and for positions behind this one */
	struct read_index_env read_index_env;
	struct read_index read_index;
	struct witnesses_env witnesses_env;
	struct witnesses witnesses;
	struct feed_desk feed_desk;
	struct feed_doubts feed_doubts;
	struct feed_tables *feed_tables; /* on the first loop (router/feed_tables.h), or NULL */
	struct heard heard;              /* of a timeline that no node was seen on */
	uint64_t tokens_of; /* the cluster whose tokens they are: another may be met first */
	uint8_t tokens_key[SIGN_KEY_BYTES];
	uint8_t tag_key[SIGN_MAC_BYTES]; /* derived from that, for the hash in entity tags */
	struct list watchers;     /* who is called after a new topology: struct router_watcher */
	struct list describing;   /* tasks that are finding out the types of a statement */
	struct loop_timer sample; /* gauges of this loop */
	struct readiness_env readiness_env;
	struct readiness readiness;
	struct heavy_hitters hitters; /* who makes the load */
	struct snapshot *hitters_out; /* where that is published, or NULL */
	bool hitters_charged;         /* since it was last published */
};
