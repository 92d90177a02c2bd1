/* SPDX-License-Identifier: Apache-2.0 */
/* What workers of jobs claim, and when: quick jobs beside slow ones. */
/* links: catalog_story.c */
#include "write/jobs/pace.h"

#include "base/clock.h"
#include "catalog_story.h"
#include "pg/admission/estimate.h"
#include "pg/jobs.h"
#include "write/jobs/rest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 4
#define QUICK JOB_PACE_QUICK
#define SLOW (JOB_PACE_LONE + ISOLATION_READ_COMMITTED)
#define QUICK_BIT (1u << QUICK)
#define SHORT_BIT (1u << JOB_PACE_SHORT)
#define SLOW_BIT (1u << SLOW)
#define ALONE(pace) (CLAIM_ALONE * JOB_PACES + (pace))
#define NOW_US US_PER_S

#define QUICK_TEXT "-- command: quick :exec\n-- @async always\nINSERT INTO t VALUES (1);\n"
#define OTHER_TEXT "-- command: other :exec\n-- @async always\nINSERT INTO t VALUES (3);\n"
#define HEADS(pace) (CLAIM_HEADS * JOB_PACES + (pace))
#define ORDERED_TEXT                                                                               \
	"-- command: ordered :exec\n-- @async always\n-- @order-by key\n"                          \
	"INSERT INTO t VALUES (:key);\n"
#define SLOW_TEXT "-- command: slow :exec\n-- @async always\nINSERT INTO t VALUES (2);\n"

static struct {
	struct loop *loop;
	struct catalog *catalog;
	struct job_occupancy occupancy;
	struct router router;
	struct job_worker several[WORKERS];
	struct job_workers workers;
	int64_t now_us;
	unsigned due[WORKERS]; /* how often each was to claim */
} at;

static const struct operation *operation(const char *name)
{
	struct job_queue *queue = job_queues_find(&at.workers.queues, text_of(name));

	assert_non_null(queue);
	return queue->operation;
}

static void on_due(struct loop_timer *timer)
{
	at.due[container_of(timer, struct job_worker, timer) - at.several]++;
}

static void takes(const char *name, int64_t us)
{
	struct statement *statement = operation(name)->statement;

	statement_set_shape(statement, shape_new(0, 0));
	estimate_learn(&statement, 1, us);
}

static void open_with(const char *text, unsigned count)
{
	memset(&at, 0, sizeof(at));
	at.now_us = NOW_US;
	at.occupancy = (struct job_occupancy)JOB_OCCUPANCY_INIT;
	at.loop = loop_new("test");
	loop_fake_clock(at.loop, at.now_us);
	at.catalog = story_catalog(text);
	at.router.loop = at.loop;
	at.workers.router = &at.router;
	at.workers.workers = at.several;
	at.workers.count = count;
	job_pacing_init(&at.workers.pacing, &at.occupancy, count);
	job_queues_set(&at.workers.queues, at.catalog, &at.occupancy);
	for (unsigned i = 0; i < count; i++) {
		at.several[i].workers = &at.workers;
		at.several[i].timer.on_due = on_due;
		at.several[i].pause_us = WORKER_PAUSE_US;
		job_claim_init(&at.several[i].batch.claim);
	}
}

static void open_both(unsigned count)
{
	open_with(QUICK_TEXT SLOW_TEXT, count);
	takes("quick", 100);
	takes("slow", 2 * US_PER_S);
}

static int shut(void **state)
{
	(void)state;
	for (unsigned i = 0; i < at.workers.count; i++) {
		loop_timer_cancel(at.loop, &at.several[i].timer);
		job_pace_end(&at.workers.pacing, &at.several[i].seats);
		job_seats_fini(&at.several[i].seats);
		job_claim_fini(&at.several[i].batch.claim);
	}
	job_pacing_fini(&at.workers.pacing);
	job_queues_fini(&at.workers.queues);
	job_occupancy_fini(&at.occupancy);
	catalog_let_go(at.catalog);
	loop_free(at.loop);
	return 0;
}

static unsigned open_paces(void)
{
	return job_paces_open(&at.workers.pacing, &at.workers.queues, at.now_us);
}

static void claim(unsigned worker, enum claim_kind kind, unsigned pace)
{
	struct job_claim *claim = &at.several[worker].batch.claim;

	claim->kind = kind;
	job_pace_claim(&at.workers.pacing, &at.workers.queues, pace, at.now_us, claim,
		       &at.several[worker].seats);
	assert_true(claim->queues > 0);
}

/* --- who may be slow ------------------------------------------------------------------------- */

static void test_two_of_four_workers_are_kept_for_quick_jobs(void **state)
{
	open_both(WORKERS);
	assert_int_equal(open_paces(), QUICK_BIT | SLOW_BIT);
	claim(0, CLAIM_COMPANY, SLOW);
	assert_int_equal(open_paces(), QUICK_BIT | SLOW_BIT);
	claim(1, CLAIM_COMPANY, SLOW);
	assert_int_equal(open_paces(), QUICK_BIT);
	job_pace_end(&at.workers.pacing, &at.several[0].seats);
	assert_int_equal(open_paces(), QUICK_BIT | SLOW_BIT);
}

static void test_one_of_two_workers_is_kept_for_quick_jobs(void **state)
{
	open_both(2);
	assert_int_equal(open_paces(), QUICK_BIT | SLOW_BIT);
	claim(0, CLAIM_COMPANY, SLOW);
	assert_int_equal(open_paces(), QUICK_BIT);
}

static void test_the_only_worker_runs_both(void **state)
{
	open_both(1);
	assert_int_equal(open_paces(), QUICK_BIT | SLOW_BIT);
}

static void test_all_workers_are_slow_where_nothing_is_quick(void **state)
{
	open_with(SLOW_TEXT, WORKERS);
	takes("slow", 2 * US_PER_S);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(open_paces(), SLOW_BIT);
		claim(i, CLAIM_COMPANY, SLOW);
	}
}

/* A quick one that was held up once may show again that it is quick, whatever slow ones do. */
static void test_what_takes_a_moment_does_not_wait_for_slow_ones(void **state)
{
	open_both(WORKERS);
	while (!estimate_is_slow(operation("quick")->statement))
		takes("quick", JOBS_SHORT_US / 2);
	assert_int_equal(open_paces(), SHORT_BIT | SLOW_BIT);
	claim(0, CLAIM_COMPANY, SLOW);
	claim(1, CLAIM_COMPANY, SLOW);
	assert_int_equal(open_paces(), SHORT_BIT);
	claim(2, CLAIM_COMPANY, JOB_PACE_SHORT);
	job_pace_end(&at.workers.pacing, &at.several[1].seats);
	assert_int_equal(open_paces(), SHORT_BIT | SLOW_BIT);
}

/* However quick its command is, it may take all of its time. */
static void test_what_runs_alone_counts_as_slow(void **state)
{
	open_both(WORKERS);
	claim(0, CLAIM_ALONE, QUICK);
	assert_int_equal(job_paces_alone(&at.workers.pacing, open_paces()), QUICK_BIT | SLOW_BIT);
	claim(1, CLAIM_ALONE, QUICK);
	assert_int_equal(open_paces(), QUICK_BIT);
	assert_int_equal(job_paces_alone(&at.workers.pacing, open_paces()), 0);
	claim(2, CLAIM_COMPANY, QUICK);
	assert_int_equal(open_paces(), QUICK_BIT);
}

/* --- when they claim ------------------------------------------------------------------------- */

static void pass(int64_t us)
{
	at.now_us += us;
	loop_fake_clock(at.loop, at.now_us);
	loop_turn(at.loop, 0);
}

/* It comes back as empty, later. */
static void sends(unsigned worker, unsigned claimed)
{
	at.several[worker].catalog_ref = &(struct catalog_ref){ 0 };
	at.several[worker].claimed = claimed;
	at.several[worker].sent_us = at.now_us;
}

static void finds_nothing(unsigned worker)
{
	at.several[worker].catalog_ref = NULL;
	job_worker_found_nothing(&at.several[worker]);
}

static bool may_claim(unsigned claimed)
{
	return at.now_us >= at.workers.empty[claimed].until_us;
}

static void test_what_one_did_not_find_is_asked_for_again_later(void **state)
{
	open_both(WORKERS);
	sends(0, QUICK);
	pass(US_PER_MS);
	finds_nothing(0);
	assert_false(may_claim(QUICK));
	assert_true(may_claim(SLOW));
	pass(WORKER_PAUSE_US);
	assert_true(may_claim(QUICK));
}

/* How long it is left after it was asked in vain once more. */
static int64_t left_for(unsigned claimed)
{
	pass(US_PER_MS);
	sends(0, claimed);
	pass(US_PER_MS);
	finds_nothing(0);
	return at.workers.empty[claimed].until_us - at.now_us;
}

static void test_what_is_not_there_is_asked_for_less_and_less_often(void **state)
{
	open_both(WORKERS);
	for (int64_t us = WORKER_PAUSE_US; us < WORKER_PAUSE_US_MAX; us *= 2)
		assert_int_equal(left_for(SLOW), us);
	assert_int_equal(left_for(SLOW), WORKER_PAUSE_US_MAX);
	assert_int_equal(left_for(SLOW), WORKER_PAUSE_US_MAX);
	assert_int_equal(left_for(QUICK), WORKER_PAUSE_US);
	job_workers_wake(&at.workers, operation("slow"));
	assert_int_equal(left_for(SLOW), WORKER_PAUSE_US);
}

static void test_a_claim_before_an_acceptance_says_nothing(void **state)
{
	open_both(WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		sends(i, i ? SLOW : QUICK);
	job_workers_wake(&at.workers, operation("quick"));
	pass(US_PER_MS);
	for (unsigned i = 0; i < WORKERS; i++)
		finds_nothing(i);
	assert_true(may_claim(QUICK));
	assert_false(may_claim(SLOW));
	pass(0);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(at.due[i], 1);
}

static void test_an_acceptance_is_asked_for_though_nothing_was_there_before(void **state)
{
	open_both(WORKERS);
	sends(0, QUICK);
	sends(1, SLOW);
	pass(US_PER_MS);
	finds_nothing(0);
	finds_nothing(1);
	job_workers_wake(&at.workers, operation("quick"));
	assert_true(may_claim(QUICK));
	assert_false(may_claim(SLOW));
	job_workers_wake(&at.workers, NULL);
	assert_true(may_claim(SLOW));
}

static void test_who_is_woken_begins_with_what_has_come(void **state)
{
	open_both(WORKERS);
	sends(0, QUICK);
	at.several[1].pace = SLOW;
	job_workers_wake(&at.workers, operation("quick"));
	pass(0);
	assert_int_equal(at.due[1], 1);
	assert_int_equal(at.due[2], 0);
	assert_int_equal(at.several[1].pace, QUICK);
	job_workers_wake(&at.workers, operation("slow"));
	assert_int_equal(at.several[1].pace, SLOW);
}

static void test_what_runs_alone_is_asked_for_seldom(void **state)
{
	open_both(WORKERS);
	sends(0, ALONE(QUICK));
	job_workers_wake(&at.workers, operation("quick"));
	pass(US_PER_MS);
	finds_nothing(0);
	assert_true(at.workers.alone_due_us[QUICK] > at.now_us + WORKER_PAUSE_US);
}

static void test_a_trial_of_one_command_says_nothing_of_others(void **state)
{
	struct job_health health;

	open_both(WORKERS);
	sends(0, QUICK);
	at.several[0].trial = &health;
	pass(US_PER_MS);
	finds_nothing(0);
	assert_true(may_claim(QUICK));
}

/* --- heads ------------------------------------------------------------------------------------ */

static void open_ordered(void)
{
	open_with(ORDERED_TEXT SLOW_TEXT, WORKERS);
	takes("ordered", 100);
	takes("slow", 2 * US_PER_S);
}

static bool heads_may_be_claimed(void)
{
	return job_paces_ordered(&at.workers.pacing, &at.workers.queues, at.now_us) & QUICK_BIT;
}

static void sends_heads(unsigned worker)
{
	sends(worker, HEADS(QUICK));
	claim(worker, CLAIM_HEADS, QUICK);
	job_pace_sent(&at.workers.pacing, QUICK, &at.several[worker].batch.claim, at.now_us);
}

static void test_a_claim_of_heads_waits_for_the_rows_of_the_one_before(void **state)
{
	open_ordered();
	assert_true(heads_may_be_claimed());
	sends_heads(0);
	assert_false(heads_may_be_claimed());
	job_pace_took(&at.workers.pacing, QUICK, &at.several[0].batch.claim, 1, at.now_us);
	assert_true(heads_may_be_claimed());
}

static void test_a_claim_of_heads_does_not_wait_for_one_that_is_held_up(void **state)
{
	open_ordered();
	sends_heads(0);
	pass(JOB_HEADS_US - 1);
	assert_false(heads_may_be_claimed());
	pass(1);
	assert_true(heads_may_be_claimed());
}

static void test_a_trial_keeps_no_claim_of_heads_waiting(void **state)
{
	open_ordered();
	claim(0, CLAIM_HEADS, QUICK);
	at.several[0].batch.claim.trial = true;
	job_pace_sent(&at.workers.pacing, QUICK, &at.several[0].batch.claim, at.now_us);
	assert_true(heads_may_be_claimed());
	at.several[0].batch.claim.trial = false;
	sends_heads(1);
	at.several[0].batch.claim.trial = true;
	job_pace_took(&at.workers.pacing, QUICK, &at.several[0].batch.claim, 1, at.now_us);
	assert_false(heads_may_be_claimed());
}

static void test_who_waits_for_heads_is_woken_to_claim_them(void **state)
{
	open_ordered();
	sends_heads(0);
	job_workers_wake_next(&at.workers, HEADS(QUICK));
	pass(0);
	assert_int_equal(at.due[0], 0);
	assert_int_equal(at.due[1], 1);
	assert_int_equal(at.several[1].pace, HEADS(QUICK));
}

/* --- sweeps ----------------------------------------------------------------------------------- */

static struct watermark *watermark_of(const char *name)
{
	return &job_queues_find(&at.workers.queues, text_of(name))->watermark;
}

/* A claim of two queues, each from its beginning, that was full with rows of the first one. */
static void test_a_sweep_that_was_full_has_not_come_to_the_queues_behind(void **state)
{
	struct job_seats *seats = &at.several[0].seats;
	struct job_queue *first;
	const char *second;

	open_with(QUICK_TEXT OTHER_TEXT, WORKERS);
	takes("quick", 100);
	takes("other", 100);
	watermark_pass(watermark_of("quick"), 50, 5, NOW_US);
	watermark_pass(watermark_of("other"), 50, 5, NOW_US);
	claim(0, CLAIM_COMPANY, QUICK);
	assert_int_equal(seats->count, 2);
	first = job_queues_find(&at.workers.queues, TEXT("quick"));
	second = "other";
	if (seats->of[0].slots != first->slots) {
		first = job_queues_find(&at.workers.queues, TEXT("other"));
		second = "quick";
	}
	job_seats_swept(seats, &at.workers.queues, first, 20, 2);
	assert_int_equal(first->watermark.top.run_us, 20);
	assert_true(first->watermark.full_us > at.now_us);
	assert_int_equal(watermark_of(second)->top.run_us, 50);
	assert_int_equal(watermark_of(second)->full_us, 0);
}

static void test_a_sweep_that_was_not_sent_is_due_as_before(void **state)
{
	open_with(QUICK_TEXT, WORKERS);
	takes("quick", 100);
	claim(0, CLAIM_COMPANY, QUICK);
	assert_true(watermark_of("quick")->full_us > at.now_us);
	job_seats_not_asked(&at.several[0].seats, &at.workers.queues);
	assert_int_equal(watermark_of("quick")->full_us, 0);
}

static void test_a_claim_that_is_no_sweep_leaves_all_watermarks(void **state)
{
	struct job_queue *queue;

	open_with(QUICK_TEXT, WORKERS);
	takes("quick", 100);
	queue = job_queues_find(&at.workers.queues, TEXT("quick"));
	watermark_pass(&queue->watermark, 50, 5, NOW_US);
	claim(0, CLAIM_COMPANY, QUICK);
	claim(1, CLAIM_COMPANY, QUICK);
	job_seats_swept(&at.several[1].seats, &at.workers.queues, queue, 20, 2);
	assert_int_equal(queue->watermark.top.run_us, 50);
}

#define STORY(name) cmocka_unit_test_teardown(name, shut)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_two_of_four_workers_are_kept_for_quick_jobs),
		STORY(test_one_of_two_workers_is_kept_for_quick_jobs),
		STORY(test_the_only_worker_runs_both),
		STORY(test_all_workers_are_slow_where_nothing_is_quick),
		STORY(test_what_takes_a_moment_does_not_wait_for_slow_ones),
		STORY(test_what_runs_alone_counts_as_slow),
		STORY(test_what_one_did_not_find_is_asked_for_again_later),
		STORY(test_what_is_not_there_is_asked_for_less_and_less_often),
		STORY(test_a_claim_before_an_acceptance_says_nothing),
		STORY(test_an_acceptance_is_asked_for_though_nothing_was_there_before),
		STORY(test_who_is_woken_begins_with_what_has_come),
		STORY(test_what_runs_alone_is_asked_for_seldom),
		STORY(test_a_trial_of_one_command_says_nothing_of_others),
		STORY(test_a_claim_of_heads_waits_for_the_rows_of_the_one_before),
		STORY(test_a_claim_of_heads_does_not_wait_for_one_that_is_held_up),
		STORY(test_a_trial_keeps_no_claim_of_heads_waiting),
		STORY(test_who_waits_for_heads_is_woken_to_claim_them),
		STORY(test_a_sweep_that_was_full_has_not_come_to_the_queues_behind),
		STORY(test_a_sweep_that_was_not_sent_is_due_as_before),
		STORY(test_a_claim_that_is_no_sweep_leaves_all_watermarks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
