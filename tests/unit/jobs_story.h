/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of jobs: its claim, what its maker says when it is asked, and what is sent for it. */
#pragma once

#include "pg/jobs.h"
#include "pg_stage.h"

/* Of a primary's conns: those for queries and commands are 0 and 1. */
#define JOBS 2
#define JOBS_STORY_MAX 4

#define BEGIN "[BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE] "
#define UNDONE "[ROLLBACK] [SELECT pg_advisory_unlock_all()] sync"
/* The trips of a new conn; the first job has a savepoint always, the others where it is said. */
#define CLAIMS BEGIN "prepare:jobs jobs prepare:s90 s90(w) sync"
#define FIRST(n)                                                                                   \
	"prepare:job job prepare:s" n " prepare:savepoint savepoint s" n                           \
	"(7) prepare:look look prepare:reset reset "
#define NEXT(n) "job prepare:s" n " s" n "(7) look reset "
#define AGAIN(n) "job s" n "(7) look reset "
/* The first one that runs, behind one that raised where it was to prepare. */
#define NEXT_FIRST(n) "job prepare:s" n " s" n "(7) prepare:look look prepare:reset reset "
#define SAVED_NEXT(n) "job prepare:s" n " savepoint s" n "(7) look reset "
#define SAVED(n) "job savepoint s" n "(7) look reset "
/* prepared in the first batch of a conn */
#define PLAIN                                                                                      \
	"prepare:seqscan seqscan prepare:bitmapscan bitmapscan prepare:sort sort prepare:jit jit " \
	"prepare:outer outer "
#define RUN(members) "jobs " PLAIN members "jobs sync"
#define RUN_AGAIN(members) "jobs seqscan bitmapscan sort jit outer " members "jobs sync"
#define END "prepare:s91 s91(f) prepare:end end [COMMIT] sync prepare:position position sync"
#define FINISH "prepare:release release " END
/* A lone one. */
#define ALONE(n)                                                                                   \
	"jobs " PLAIN "prepare:savepoint savepoint prepare:s" n " prepare:timeout "                \
	"timeout(5000) prepare:notice notice(250) s" n                                             \
	"(7) prepare:constraints constraints prepare:role role jobs sync"
#define FINISH_ALONE                                                                               \
	"prepare:release release prepare:s91 s91(f) prepare:xid xid [COMMIT] sync "                \
	"prepare:position position sync"
#define BACK "prepare:back back "

struct jobs_story {
	struct stage_call claim; /* s90 */
	struct call_jobs jobs;   /* the finish is s91 */
	struct stage_call calls[JOBS_STORY_MAX];
	const char *finish_values[1];
	unsigned count;                     /* what on_claimed says */
	unsigned claimed, ran;              /* how often the maker was asked */
	enum call_end ends[JOBS_STORY_MAX]; /* of the calls, when they had run */
	bool unwanted;                      /* on_ran says not to commit */
};

extern struct jobs_story story;

/* Without rows: they are not read. */
void answer_finishes(void);
/* The same, and a primary with so many conns for jobs. */
void open_jobs(unsigned jobs_max);
/* The claim and count jobs, of statements 1, 2, …, that are known to be quick. */
void init_jobs(unsigned count);
/* Init and submit; the conn is opened, and the first trip has left. */
void send_jobs(unsigned count);
/* The same where the conn is open. */
void send_jobs_again(unsigned count);
/* The server answers the trip that is out. */
void answer_jobs(void);
void end_jobs(void);
/* The claim was told once, and so. */
void assert_jobs_end(enum call_end end);
void assert_job(unsigned at, enum call_end end, const char *out);
void fail_jobs_with(const char *text, const char *sqlstate, unsigned times);
/* The same to the last word of the server. */
void end_conn_with(const char *text, const char *sqlstate, unsigned times);
/* Two jobs, the trips before that one are answered, and it is out. */
void send_jobs_trip(unsigned trip);
/* The next batch is as any other; the one before has ended. */
void assert_jobs_go_on(void);
