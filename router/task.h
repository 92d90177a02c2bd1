/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/'s own part of a request: what it found out and what it is waiting for. Lives in the
 * request's arena. Only files of router/ include this.
 *
 * Where a query may pause, and who wakes it:
 *
 *   describe ──► describe_on_done          place ──► query_on_done (answered, early, elsewhere)
 *   parked   ──► the replica's heap of waiters, or the wait limit, whichever is first
 *   backoff  ──► its moment is over
 *   committed ─► the heaps of all replicas in rotation, or its time is over (wait_replicas.h)
 *   anywhere ──► the request's timer (its deadline), or the client going away
 *
 * Each of them fills the request's wait slot, and brings its own way of letting go.
 */
#pragma once

#include "base/random.h"
#include "pg/describe.h"
#include "read/query.h"
#include "router/choose.h"
#include "router/consistency/required.h"
#include "router/consistency/token.h"
#include "router/health/budget.h"
#include "router/health/health.h"
#include "router/heavy_hitters.h"
#include "router/hedge.h"
#include "router/readiness.h"
#include "router/router.h"
#include "router/wait_replicas.h"
#include "router/waiters.h"
#include "write/command.h"
#include "write/sweep.h"

/* A catalog as long as requests of this loop use it. */
struct catalog_ref {
	struct catalog *catalog;
	unsigned users; /* tasks, and the router while it is current */
};

/* A loop's own view of one node. */
struct router_node {
	struct router *router;
	struct pool *pool;
	unsigned life; /* of the topology that was seen last */
	enum node_role role;
	bool up;
	struct waiters waiters;
	struct call probe; /* asks for a position while someone is parked */
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
	struct node_use uses[NODES_MAX];
	struct health_env health_env;
	struct router_node nodes[NODES_MAX];
	struct token_maker *tokens; /* NULL until the key is known */
	struct branch_position
		stamp; /* of the branch of stamp_of; its timeline 0: none since the last look */
	uint32_t stamp_of;
	struct heard heard; /* of a timeline that no node was seen on */
	uint64_t tokens_of; /* the cluster whose tokens they are: another may be met first */
	uint8_t tokens_key[SIGN_KEY_BYTES];
	unsigned spilled;         /* queries at the primary because no replica could */
	struct list awaiting;     /* commands that wait for replicas (router/wait_replicas.c) */
	bool draining;            /* nobody may wait for replicas any more */
	struct list describing;   /* tasks that are finding out the types of a statement */
	struct sweep sweep;       /* of the process's first loop */
	struct loop_timer sample; /* gauges of this loop */
	struct readiness readiness;
	struct heavy_hitters hitters; /* who makes the load */
	struct snapshot *hitters_out; /* where that is published, or NULL */
	bool hitters_charged;         /* since it was last published */
};

struct task {
	struct request *request;
	struct router *router;
	struct catalog_ref *catalog_ref;
	const struct operation *operation;
	const char *const *values;
	const struct shape *shape;                /* by which they were made */
	void (*on_done)(struct request *request); /* http's; the router's own stands in its place */

	struct list_link describing_link; /* of the router's list, while it describes */
	struct list followers;            /* tasks that wait for the same description */
	struct task *leader;              /* whose follower it is, or NULL */
	struct list_link follower_link;
	uint32_t describe_failed_at; /* nodes, a bit each */
	uint32_t outdated;           /* the generation that a node refused last; 0: none */
	unsigned revalidations;      /* how often it went back for that (router/revalidate.h) */
	bool revalidating;           /* it is for this one to describe its statement anew */

	/* the timeline by whose history the needs were judged; 0: none yet */
	uint32_t judged;
	uint64_t token_lsn;   /* the greatest of its tokens, on that timeline; 0: none */
	uint64_t session_lsn; /* of the user's own last write, likewise */
	bool looked_again;    /* at the primary, for what may not have been visible */
	unsigned cohort;      /* of one who is not known */
	struct query_needs needs;
	int64_t wait_until_us; /* no parking after this */
	struct choice choice;  /* the one under way */
	uint32_t failed_at;    /* nodes, a bit each: could not answer */
	uint32_t early_at;     /* nodes, a bit each: had not replayed far enough */
	uint32_t full_at;      /* nodes, a bit each: had no room for it */
	bool made_room;        /* a stream was ended for this one */
	unsigned full_last;    /* the last of them */
	unsigned retries;      /* on another node, after one has had it and failed: at most one */
	bool pays;             /* its next placement is that retry */
	bool paid;             /* and the one under way is paid for */
	struct flight flight;  /* while its query is out */
	const char *trouble;   /* why the last node could not answer, or NULL */
	unsigned life;         /* of the chosen node, when the query was placed there */
	uint32_t timeline;     /* of that node, then */
	unsigned placements;
	struct hedge *hedge; /* its second query, while it is out; or NULL */
	bool hedged;         /* it had one */
	bool missed;         /* its time was over, and that was counted */
	bool spilled;        /* counted in router->spilled */
	bool waited;
	struct waiter waiter;
	unsigned parked_at;           /* the node whose heap it is in */
	struct loop_timer wait_timer; /* ends a wait that has an end of its own */
	/* a command's, while it waits for replicas; or NULL */
	struct wait_replicas *wait_replicas;

	/* Large, and set as a whole before they are used: task_new clears what stands above. */
	struct describe describe; /* while describing */
	struct call confirm;      /* WAIT_CONFIRM: has the primary come so far? */
	union {
		struct query query;     /* of a REQUEST_QUERY, */
		struct command command; /* of a REQUEST_COMMAND */
	};
};

/* The request becomes a task of this router; its first step is next. */
struct task *task_new(struct router *router, struct request *request) must_check;
/* Who it is among those that a node cannot all serve; spilled: the primary does it a favour. */
struct priority task_priority(const struct task *task, bool spilled) must_check;
/* Steps that queries and commands share; their number in both. */
enum { TASK_STEP_DESCRIBE = 2 };

enum step task_describe(struct request *request);
enum step task_bind(struct request *request);
/* Ends the request now with what it holds, wherever it waits. */
void task_finish(struct task *task);
/* request_wait; when that moment has come, what it waits for is let go of and its step runs once
 * more. cancel lets go of the timer, too: task_cancel_timer. */
enum step task_wait_until(struct task *task, enum wait_kind kind,
			  void (*cancel)(struct request *request), int64_t due_us);
void task_cancel_timer(struct request *request);

/* Steps of a query that others take for it. */
void query_choose(struct task *task);
void query_forget_failure(struct request *request);
/* Its query is over, or what stood in for it. */
void query_ended(struct task *task, enum query_end end);

extern const request_step query_steps[];
extern const request_step command_steps[];

struct catalog_ref *catalog_ref_new(struct catalog *catalog) must_check;
void catalog_ref_drop(struct catalog_ref *catalog_ref);

/* router.c */
void router_refresh(struct router *router);
/* A token of that position, into out. The key is known. */
void router_token(struct router *router, struct position position, char out[TOKEN_TEXT_MAX + 1]);
void router_learn(struct router *router, unsigned node, uint64_t replayed);
/* Did the standby follow another timeline when it answered than the one it was last seen on? Then
 * its lsns prove nothing of the one that is known. */
bool router_gone_over(const struct router *router, unsigned node, const struct call *call);
/* What the call proved of a standby, which may be nothing but that the monitor should look. */
void router_learn_call(struct router *router, unsigned node, const struct call *call);
/* Parks a waiter at a node, which is asked how far it is as long as someone waits there. False: too
 * many are parked already. */
bool router_watch(struct router *router, unsigned node, struct waiter *waiter) must_check;
/* The pool commands go to, or NULL: no node is the primary. */
struct pool *router_primary_pool(struct router *router);
/*
 * The limit of the task's statement, for a call: its operation's own, and what is left of the
 * request's time where the client has shortened it, or the statement travels alone. 0: the pool's.
 */
int64_t router_statement_timeout_us(const struct task *task);
