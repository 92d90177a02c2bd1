/* SPDX-License-Identifier: Apache-2.0 */
/* Below which number no job with an order waits, as it is proven step by step. */
#include "write/jobs/floors.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DEAR (5 * US_PER_MS)
#define QUICK 100

static struct job_floors floors;
static struct job_queue queue;
static struct job_queues queues;
static struct floors_answer answer;
static int64_t now_us, from;

/* Of what a walk finds. */
static const char *key;
static bool not_due;

static int open_anew(void **state)
{
	floors = (struct job_floors){ 0 };
	queue = (struct job_queue){ 0 };
	queues = (struct job_queues){ .queues = &queue, .count = 1 };
	answer = (struct floors_answer){
		.life = TEXT("1 a"), .since = TEXT("0/1"), .given = true, .took_us = DEAR
	};
	now_us = US_PER_S;
	key = "k";
	not_due = false;
	return 0;
}

static int close_all(void **state)
{
	old_heads_fini(&queue.floor.old);
	old_heads_fini(&queue.floor.walked_old);
	return 0;
}

/* The next step, as soon as it is due; found: by a walk. */
static enum floors_step step(int64_t found)
{
	enum floors_step was;

	now_us += US_PER_S;
	assert_true(floors_are_due(&floors, now_us));
	floors_begin(&floors, now_us);
	was = floors.step;
	if (was == FLOORS_WALK)
		from = floors_walk_from(&floors, &queue.floor);
	if (!floors_take(&floors, &queues, &answer, now_us))
		return was;
	floors_found(&floors, &queue,
		     &(struct floors_found){ .n = found, .key = text_of(key), .not_due = not_due });
	floors_walked(&floors, now_us);
	return was;
}

/* The server is known, and that many rows are kept. */
static void open_dear(int64_t claimed)
{
	floors_claimed(&floors, 1);
	assert_int_equal(step(0), FLOORS_NOTE);
	floors_claimed(&floors, claimed);
	assert_int_equal(step(0), FLOORS_WALK);
	assert_true(floors.dear);
}

static void reach(int64_t found)
{
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	assert_int_equal(step(0), FLOORS_WAIT);
	assert_int_equal(step(found), FLOORS_WALK);
	assert_int_equal(step(0), FLOORS_FLUSH);
}

static void a_floor_is_the_first_job_that_waits(void **state)
{
	open_dear(70);
	reach(50);
	assert_int_equal(queue.floor.n, 50);
	assert_string_equal(queues.life, "1 a");
}

static void where_none_waits_it_is_behind_what_is_settled(void **state)
{
	open_dear(70);
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	floors_claimed(&floors, 90);
	assert_int_equal(step(0), FLOORS_WAIT);
	assert_int_equal(step(0), FLOORS_WALK);
	assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 71);
}

static void nothing_is_settled_while_one_holds_its_lock(void **state)
{
	open_dear(70);
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	answer.held = true;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(step(0), FLOORS_WAIT);
	assert_int_equal(floors.settled, 0);
	answer.held = false;
	assert_int_equal(step(0), FLOORS_WAIT);
	assert_int_equal(floors.settled, 70);
}

static void it_counts_once_what_was_seen_is_on_the_disk(void **state)
{
	open_dear(70);
	floors.full_us = INT64_MAX;
	answer.insert_lsn = 1000;
	answer.flush_lsn = 999;
	for (unsigned i = 0; i < 3; i++)
		(void)step(50);
	answer.insert_lsn = 2000;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 0);
	answer.flush_lsn = 1000;
	assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 50);
}

static void another_life_knows_nothing_of_it(void **state)
{
	open_dear(70);
	reach(50);
	answer.life = TEXT("2 b");
	floors_claimed(&floors, 71);
	(void)step(0);
	assert_int_equal(queue.floor.n, 0);
	assert_string_equal(queues.life, "");
	assert_int_equal(floors.claimed, 0);
	assert_int_equal(floors.settled, 0);
}

static void a_standby_says_nothing(void **state)
{
	open_dear(70);
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	answer.life.ptr = NULL;
	(void)step(0);
	assert_int_equal(floors.settled, 0);
}

static void behind_a_checkpoint_the_proof_begins_anew_and_the_floor_stays(void **state)
{
	open_dear(70);
	reach(50);
	floors_claimed(&floors, 90);
	assert_int_equal(step(0), FLOORS_NOTE);
	answer.since = TEXT("0/2");
	assert_int_equal(step(0), FLOORS_WAIT);
	assert_int_equal(floors.settled, 0);
	assert_int_equal(queue.floor.n, 50);
	assert_int_equal(step(0), FLOORS_NOTE);
}

static void a_walk_before_a_checkpoint_is_not_flushed_behind_it(void **state)
{
	open_dear(70);
	floors.full_us = INT64_MAX;
	for (unsigned i = 0; i < 3; i++)
		(void)step(50);
	answer.since = TEXT("0/2");
	assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 0);
	reach(60);
	assert_int_equal(queue.floor.n, 60);
}

static void a_number_that_was_not_given_here_proves_nothing(void **state)
{
	open_dear(70);
	reach(50);
	floors_claimed(&floors, 5000);
	answer.given = false;
	assert_int_equal(step(0), FLOORS_NOTE);
	assert_int_equal(floors.noted, 70);
	assert_int_equal(floors.claimed, 70);
	assert_int_equal(queue.floor.n, 0);
}

static void a_full_walk_finds_what_came_back_below(void **state)
{
	open_dear(70);
	reach(50);
	floors.full_us = 0;
	now_us += US_PER_S;
	floors_begin(&floors, now_us);
	assert_true(floors.full);
	assert_int_equal(floors.asked, 70);
	now_us -= US_PER_S;
	assert_int_equal(step(7), FLOORS_WALK);
	assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 7);
}

static void there_is_none_where_little_is_deleted(void **state)
{
	answer.took_us = QUICK;
	floors_claimed(&floors, 1);
	(void)step(0);
	floors_claimed(&floors, 70);
	assert_int_equal(step(0), FLOORS_WALK);
	assert_false(floors_are_due(&floors, now_us + US_PER_DAY));
	floors_claimed(&floors, 71);
	assert_false(floors_are_due(&floors, now_us + FLOORS_FULL_US - 1));
	assert_int_equal(step(0), FLOORS_WALK);
	assert_int_equal(queue.floor.n, 0);
}

static void it_is_dropped_when_what_was_deleted_is_vacuumed(void **state)
{
	open_dear(70);
	reach(50);
	answer.took_us = QUICK;
	floors.full_us = 0;
	assert_int_equal(step(0), FLOORS_WALK);
	assert_string_equal(queues.life, "");
	assert_int_equal(queue.floor.n, 0);
}

/* Up to the first job that is due, 60, behind a head that is not. */
static void open_blocked(void)
{
	open_dear(70);
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	assert_int_equal(step(0), FLOORS_WAIT);
	key = "blocked";
	not_due = true;
	assert_int_equal(step(50), FLOORS_WALK);
	not_due = false;
	assert_int_equal(step(60), FLOORS_WALK);
	assert_int_equal(from, 51);
	assert_int_equal(queue.floor.old.count, 0);
	assert_int_equal(step(0), FLOORS_FLUSH);
}

static void a_head_that_is_not_due_is_kept_by_name(void **state)
{
	open_blocked();
	assert_int_equal(queue.floor.n, 60);
	assert_int_equal(queue.floor.old.count, 1);
	assert_int_equal(queue.floor.old.of[0].n, 50);
	assert_string_equal(queue.floor.old.of[0].key, "blocked");
}

static void one_that_held_the_floor_back_before_is_kept_by_name(void **state)
{
	open_dear(70);
	reach(50);
	floors_claimed(&floors, 80);
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	assert_int_equal(step(0), FLOORS_WAIT);
	assert_int_equal(step(50), FLOORS_WALK);
	assert_int_equal(step(75), FLOORS_WALK);
	assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 75);
	assert_int_equal(queue.floor.old.count, 1);
}

/* The head of the key that is kept by name is that one by now. */
static void walk_again(int64_t head, int64_t found)
{
	floors_claimed(&floors, floors.claimed + 10);
	assert_int_equal(step(0), FLOORS_NOTE);
	assert_int_equal(step(0), FLOORS_WAIT);
	now_us += US_PER_S;
	floors_begin(&floors, now_us);
	assert_int_equal(floors_walk_from(&floors, &queue.floor), 60);
	assert_true(floors_take(&floors, &queues, &answer, now_us));
	floors_found(&floors, &queue,
		     &(struct floors_found){ .n = head, .key = TEXT("blocked"), .by_name = true });
	floors_found(&floors, &queue, &(struct floors_found){ .n = found, .key = TEXT("k") });
	floors_walked(&floors, now_us);
	assert_int_equal(step(0), FLOORS_FLUSH);
}

static void its_key_is_kept_while_its_head_is_below_the_floor(void **state)
{
	open_blocked();
	walk_again(55, 70);
	assert_int_equal(queue.floor.n, 70);
	assert_int_equal(queue.floor.old.count, 1);
	assert_int_equal(queue.floor.old.of[0].n, 55);
}

static void it_is_like_others_once_its_head_is_not(void **state)
{
	open_blocked();
	walk_again(71, 70);
	assert_int_equal(queue.floor.old.count, 0);
}

static void nor_when_it_has_none(void **state)
{
	open_blocked();
	walk_again(0, 70);
	assert_int_equal(queue.floor.old.count, 0);
}

static void a_floor_stops_where_there_is_no_room_for_names(void **state)
{
	open_dear(1000);
	floors.full_us = INT64_MAX;
	assert_int_equal(step(0), FLOORS_NOTE);
	assert_int_equal(step(0), FLOORS_WAIT);
	not_due = true;
	for (int64_t i = 0; i <= OLD_HEADS_MAX; i++)
		assert_int_equal(step(100 + i), FLOORS_WALK);
	assert_int_equal(step(0), FLOORS_FLUSH);
	assert_int_equal(queue.floor.n, 100 + OLD_HEADS_MAX);
	assert_int_equal(queue.floor.old.count, OLD_HEADS_MAX);
}

static void a_step_that_fails_is_not_asked_again_at_once(void **state)
{
	open_dear(70);
	floors_begin(&floors, now_us);
	floors_fail(&floors, now_us);
	assert_false(floors_are_due(&floors, now_us + FLOORS_FAILED_US - 1));
	assert_true(floors_are_due(&floors, now_us + FLOORS_FAILED_US));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_anew, close_all)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_floor_is_the_first_job_that_waits),
		TEST(where_none_waits_it_is_behind_what_is_settled),
		TEST(nothing_is_settled_while_one_holds_its_lock),
		TEST(it_counts_once_what_was_seen_is_on_the_disk),
		TEST(another_life_knows_nothing_of_it),
		TEST(a_standby_says_nothing),
		TEST(behind_a_checkpoint_the_proof_begins_anew_and_the_floor_stays),
		TEST(a_walk_before_a_checkpoint_is_not_flushed_behind_it),
		TEST(a_number_that_was_not_given_here_proves_nothing),
		TEST(a_full_walk_finds_what_came_back_below),
		TEST(there_is_none_where_little_is_deleted),
		TEST(it_is_dropped_when_what_was_deleted_is_vacuumed),
		TEST(a_head_that_is_not_due_is_kept_by_name),
		TEST(one_that_held_the_floor_back_before_is_kept_by_name),
		TEST(its_key_is_kept_while_its_head_is_below_the_floor),
		TEST(it_is_like_others_once_its_head_is_not),
		TEST(nor_when_it_has_none),
		TEST(a_floor_stops_where_there_is_no_room_for_names),
		TEST(a_step_that_fails_is_not_asked_again_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
