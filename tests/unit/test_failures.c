/* SPDX-License-Identifier: Apache-2.0 */
/* Every call of libpq that a conn, a query, commands or jobs need fails once, and every allocation:
 * one answer each, nothing is left, the pool serves on; or the process ends with a message. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* links: pg_stage.c jobs_story.c allocations.c */
#include "pg/pool.h"

#include "allocations.h"
#include "base/clock.h"
#include "fake_libpq.h"
#include "jobs_story.h"
#include "pg_stage.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FAILURES_MAX 500     /* more calls than any path makes: a run that never ends is seen */
#define ALLOCATIONS_MAX 2000 /* likewise */
#define ROUND_US (200 * US_PER_MS)
#define RUNS 3    /* of each failure */
#define ROUNDS 60 /* longer than every time-out of stage_settings */
#define ALONE_US_MAX (60 * US_PER_S)

#ifdef ALLOCATIONS_COUNTED
/*
 * A thread that dials is detached, and gives back its last blocks when it ends, which on a busy
 * processor is some runs later: a count of blocks is one of this thread's only when it is alone.
 */
static void until_alone(void)
{
	int64_t deadline_us = clock_monotonic_us() + ALONE_US_MAX;
	struct stat threads;

	for (;;) {
		assert_int_equal(stat("/proc/self/task", &threads), 0);
		/* A link for each of them, and two as every folder has. */
		if (threads.st_nlink <= 3)
			return;
		assert_true(clock_monotonic_us() < deadline_us);
		(void)sched_yield();
	}
}
#else
/* The sanitizer counts, when the process ends. */
static void until_alone(void)
{
}
#endif

/* The servers answer and time passes, until the call has had every chance to be told twice. */
static void let_it_end(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned conn = 0; conn < fake_dialed(); conn++)
			if (fake_is_open(conn))
				fake_answer_all(conn);
		stage_pass(ROUND_US);
		stage_connect();
	}
}

enum sabotage { SABOTAGE_NONE, SABOTAGE_ANSWER, SABOTAGE_MEMORY };

/* What is run as a whole. */
struct path {
	enum call_kind kind;
	unsigned calls;    /* more than one: as one group */
	bool from_dialing; /* the failure may come while the conns are made */
};

#define PATH_CALLS_MAX 3

static const struct path query = { CALL_QUERY, 1, false }, command = { CALL_COMMAND, 1, false },
			 group = { CALL_COMMAND, 3, false },
			 jobs = { CALL_JOBS, 1, false }, /* a claim of three, one raises */
	query_of_new_conn = { CALL_QUERY, 1, true },
			 command_of_new_conn = { CALL_COMMAND, 1, true };

static void drop_answer(struct call *call)
{
	(void)call;
}

static void open_path(const struct path *path, unsigned n)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = path->calls > 1 ? 2 : 1;
	settings.jobs_max = path->kind == CALL_JOBS;
	settings.group_max = path->calls;
	answer_finishes();
	if (path->kind == CALL_JOBS)
		fail_jobs_with("SELECT 2.", "23505", 0);
	fake_server.uses = 0;
	fake_server.fails_at = path->from_dialing ? n : 0;
	stage_open_with(path->kind == CALL_QUERY ? NODE_REPLICA : NODE_PRIMARY, &settings);
	if (path->from_dialing)
		return;
	fake_server.uses = 0;
	fake_server.fails_at = n;
}

/* Its jobs are kept elsewhere. */
static void send_claim(struct stage_call *claim, enum sabotage sabotage)
{
	stage_call_init(claim, CALL_JOBS, stage_statement(90), "w");
	claim->call.jobs = &story.jobs;
	if (sabotage == SABOTAGE_ANSWER)
		claim->call.on_done = drop_answer;
	assert_true(pool_submit(stage.pool, &claim->call));
}

static void send_path(const struct path *path, struct stage_call *calls, enum sabotage sabotage)
{
	init_jobs(3);
	if (path->kind == CALL_JOBS) {
		send_claim(calls, sabotage);
		return;
	}
	for (unsigned i = 0; i < path->calls; i++) {
		struct statement *statement = stage_statement(i + 1);

		statement->running_us = 100; /* known: it may join a group */
		stage_call_init(&calls[i], path->kind, statement, "7");
		if (path->calls > 1)
			calls[i].call.transaction = TRANSACTION_SHARED;
		if (sabotage == SABOTAGE_ANSWER)
			calls[i].call.on_done = drop_answer;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
}

/* The calls of the path, all of which are served. */
static bool is_served(const struct path *path)
{
	struct stage_call calls[PATH_CALLS_MAX];
	bool served = true;

	send_path(path, calls, SABOTAGE_NONE);
	let_it_end();
	for (unsigned i = 0; i < path->calls; i++) {
		served &= calls[i].told == 1 && calls[i].call.end == CALL_OK;
		stage_call_fini(&calls[i]);
	}
	end_jobs();
	return served;
}

/* The whole path, whose n-th use of libpq fails, 0: none: did each call end once, and is the pool
 * usable afterwards? */
static bool run(const struct path *path, unsigned n, enum sabotage sabotage, unsigned *uses)
{
	struct stage_call calls[PATH_CALLS_MAX];
	bool sound = true;

	open_path(path, n);
	send_path(path, calls, sabotage);
	let_it_end();
	*uses = fake_server.uses;
	for (unsigned i = 0; i < path->calls; i++) {
		sound &= calls[i].told == 1;
		sound &= n != 0 || calls[i].call.end == CALL_OK || sabotage == SABOTAGE_ANSWER;
		if (sabotage == SABOTAGE_MEMORY)
			calls[i].out.ptr = NULL;
		stage_call_fini(&calls[i]);
	}
	end_jobs();
	fake_server.fails_at = 0;
	sound &= is_served(path);
	(void)stage_close(NULL);
	until_alone();
	return sound;
}

/* The same, several times: not a block more. */
static bool run_is_sound(const struct path *path, unsigned n, enum sabotage sabotage,
			 unsigned *uses)
{
	long before;

	(void)run(path, n, SABOTAGE_NONE, uses);
	before = allocations_in_use;
	for (unsigned i = 0; i < RUNS; i++)
		if (!run(path, n, sabotage, uses))
			return false;
	return allocations_in_use == before;
}

static void every_use_fails_once(const struct path *path)
{
	unsigned uses, n = 0;

	assert_true(run_is_sound(path, 0, SABOTAGE_NONE, &uses));
	do
		if (!run_is_sound(path, ++n, SABOTAGE_NONE, &uses))
			fail_msg("use %u of libpq fails: not one answer, a leak, or no pool", n);
	while (n < uses && n < FAILURES_MAX);
	print_message("%u uses of libpq failed in turn\n", n);
	assert_true(n > 3);
	assert_true(n < FAILURES_MAX);
}

static void a_query_is_answered_once_whichever_use_of_libpq_fails(void **state)
{
	every_use_fails_once(&query);
}

static void a_command_is_answered_once_whichever_use_of_libpq_fails(void **state)
{
	every_use_fails_once(&command);
}

static void a_group_is_answered_once_each_whichever_use_of_libpq_fails(void **state)
{
	every_use_fails_once(&group);
}

static void jobs_end_once_whichever_use_of_libpq_fails(void **state)
{
	every_use_fails_once(&jobs);
}

static void calls_are_answered_once_whichever_use_fails_while_a_conn_is_made(void **state)
{
	every_use_fails_once(&query_of_new_conn);
	every_use_fails_once(&command_of_new_conn);
}

static void an_answer_that_is_dropped_is_seen(void **state)
{
	unsigned uses;

	assert_false(run_is_sound(&query, 0, SABOTAGE_ANSWER, &uses));
}

#ifdef ALLOCATIONS_COUNTED
/* Memory that is gone ends the process by a message: log_fatal, or an assertion. */
static bool says_why(int status, const char *said)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return strstr(said, "memory") != NULL;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, "Assertion");
}

enum end_of_child { CHILD_SERVED, CHILD_SAID_WHY, CHILD_BROKE };

static _Noreturn void child_run(const struct path *path, unsigned n, int out)
{
	unsigned uses;

	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	for (int at = 0; at < 2; at++)
		(void)signal(at ? SIGSEGV : SIGABRT, SIG_DFL);
	(void)dup2(out, STDERR_FILENO);
	allocations_made = 0;
	allocation_fails_at = n;
	/* 3: more allocations were asked to fail than there are. */
	if (run(path, 0, SABOTAGE_NONE, &uses))
		_exit(allocations_made < n ? 3 : 0);
	_exit(2);
}

/* In a process of its own: the n-th allocation fails. False in *more: there are not so many. */
static enum end_of_child allocation_of_path_fails(const struct path *path, unsigned n, bool *more)
{
	char said[1024];
	size_t len = 0;
	ssize_t got;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		child_run(path, n, ends[1]);
	(void)close(ends[1]);
	while ((got = read(ends[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	*more = !(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3))
		return CHILD_SERVED;
	if (says_why(status, said))
		return CHILD_SAID_WHY;
	print_error("allocation %u, status %#x: %s\n", n, status, said);
	return CHILD_BROKE;
}

static void every_allocation_fails_once(const struct path *path)
{
	unsigned ends[3] = { 0 }, n = 0;
	bool more;

	do
		ends[allocation_of_path_fails(path, ++n, &more)]++;
	while (more && n < ALLOCATIONS_MAX);
	print_message("%u allocations failed in turn: %u said why, %u were served\n", n,
		      ends[CHILD_SAID_WHY], ends[CHILD_SERVED]);
	assert_false(more);
	assert_true(ends[CHILD_SAID_WHY] > 0);
	assert_int_equal(ends[CHILD_BROKE], 0);
}

static void no_memory_ends_the_process_by_a_message(void **state)
{
	every_allocation_fails_once(&query_of_new_conn);
	every_allocation_fails_once(&command_of_new_conn);
	every_allocation_fails_once(&group);
	every_allocation_fails_once(&jobs);
}

static void a_block_that_is_lost_is_seen(void **state)
{
	unsigned uses;

	assert_false(run_is_sound(&query, 0, SABOTAGE_MEMORY, &uses));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_query_is_answered_once_whichever_use_of_libpq_fails,
				       stage_clear),
		cmocka_unit_test_setup(a_command_is_answered_once_whichever_use_of_libpq_fails,
				       stage_clear),
		cmocka_unit_test_setup(a_group_is_answered_once_each_whichever_use_of_libpq_fails,
				       stage_clear),
		cmocka_unit_test_setup(jobs_end_once_whichever_use_of_libpq_fails, stage_clear),
		cmocka_unit_test_setup(
			calls_are_answered_once_whichever_use_fails_while_a_conn_is_made,
			stage_clear),
		cmocka_unit_test_setup(an_answer_that_is_dropped_is_seen, stage_clear),
#ifdef ALLOCATIONS_COUNTED
		cmocka_unit_test_setup(no_memory_ends_the_process_by_a_message, stage_clear),
		cmocka_unit_test_setup(a_block_that_is_lost_is_seen, stage_clear),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
