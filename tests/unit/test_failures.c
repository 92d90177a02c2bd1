/* SPDX-License-Identifier: Apache-2.0 */
/* Every call of libpq that a query or a command needs fails once: one answer, nothing is left. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/pool.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAILURES_MAX 200 /* more calls than either path makes: a run that never ends is seen */
#define ROUND_US (200 * US_PER_MS)
#define RUNS 12   /* of each failure */
#define ROUNDS 60 /* longer than every time-out of stage_settings */

/* Blocks in use; where a sanitizer counts leaks itself, always 0. */
static _Atomic long blocks;

/* gcc defines a macro for each sanitizer, clang knows a feature of it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if !defined(SANITIZED)
#define COUNTS_BLOCKS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);

void *malloc(size_t size)
{
	blocks++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	blocks++;
	return __libc_calloc(count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	blocks++;
	return __libc_memalign(alignment, size);
}

void *realloc(void *ptr, size_t size)
{
	blocks += !ptr;
	return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
	blocks -= ptr != NULL;
	__libc_free(ptr);
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

static void drop_answer(struct call *call)
{
	(void)call;
}

/* A whole call, whose n-th use of libpq fails, 0: none; how often its end was told. */
static unsigned run(enum call_kind kind, unsigned n, enum sabotage sabotage, unsigned *uses)
{
	struct stage_call call;
	unsigned told;

	stage_open(kind == CALL_QUERY ? NODE_REPLICA : NODE_PRIMARY, 1);
	fake_server.uses = 0;
	fake_server.fails_at = n;
	stage_call_init(&call, kind, stage_statement(1), "7");
	if (sabotage == SABOTAGE_ANSWER)
		call.call.on_done = drop_answer;
	assert_true(pool_submit(stage.pool, &call.call));
	let_it_end();
	*uses = fake_server.uses;
	told = call.told;
	if (n == 0)
		assert_int_equal(call.call.end, CALL_OK);
	if (sabotage == SABOTAGE_MEMORY)
		call.out.ptr = NULL;
	stage_call_fini(&call);
	(void)stage_close(NULL);
	return told;
}

/*
 * The same, several times: one end each, and no block more for each. The thread that dials gives
 * back its own a moment later, which is a block or two and not one with each run.
 */
static bool run_is_sound(enum call_kind kind, unsigned n, enum sabotage sabotage, unsigned *uses)
{
	long before;

	(void)run(kind, n, SABOTAGE_NONE, uses);
	before = blocks;
	for (unsigned i = 0; i < RUNS; i++)
		if (run(kind, n, sabotage, uses) != 1)
			return false;
	return blocks - before < RUNS / 2;
}

static void every_use_fails_once(enum call_kind kind)
{
	unsigned uses, n = 0;

	assert_true(run_is_sound(kind, 0, SABOTAGE_NONE, &uses));
	do
		if (!run_is_sound(kind, ++n, SABOTAGE_NONE, &uses))
			fail_msg("use %u of libpq fails: not one answer, or a leak", n);
	while (n < uses && n < FAILURES_MAX);
	print_message("%u uses of libpq failed in turn\n", n);
	assert_true(n > 3);
	assert_true(n < FAILURES_MAX);
}

static void a_query_is_answered_once_whichever_use_of_libpq_fails(void **state)
{
	every_use_fails_once(CALL_QUERY);
}

static void a_command_is_answered_once_whichever_use_of_libpq_fails(void **state)
{
	every_use_fails_once(CALL_COMMAND);
}

static void an_answer_that_is_dropped_is_seen(void **state)
{
	unsigned uses;

	assert_false(run_is_sound(CALL_QUERY, 0, SABOTAGE_ANSWER, &uses));
}

#ifdef COUNTS_BLOCKS
static void a_block_that_is_lost_is_seen(void **state)
{
	unsigned uses;

	assert_false(run_is_sound(CALL_QUERY, 0, SABOTAGE_MEMORY, &uses));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_query_is_answered_once_whichever_use_of_libpq_fails,
				       stage_clear),
		cmocka_unit_test_setup(a_command_is_answered_once_whichever_use_of_libpq_fails,
				       stage_clear),
		cmocka_unit_test_setup(an_answer_that_is_dropped_is_seen, stage_clear),
#ifdef COUNTS_BLOCKS
		cmocka_unit_test_setup(a_block_that_is_lost_is_seen, stage_clear),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
