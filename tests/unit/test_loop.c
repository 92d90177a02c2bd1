/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of the loop. */
#include "base/loop.h"

#include "base/clock.h"
#include "base/limits.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

static struct loop *loop;
static char trail[64]; /* what happened, a letter each */

static int setup(void **state)
{
	loop = loop_new("test");
	trail[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	loop_free(loop);
	return 0;
}

static void note(const char *letter)
{
	assert_true(strlen(trail) + strlen(letter) < sizeof(trail));
	strcat(trail, letter);
}

/* A socket that is being watched, and the other end of it. */
struct line {
	struct loop_watch watch;
	int other;
	struct line *unwatches; /* when it is ready */
	uint32_t events;
};

static void line_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct line *line = container_of(watch, struct line, watch);
	char byte;

	assert_int_not_equal(watch->fd, -1);
	line->events = events;
	if (events & EPOLLIN && read(watch->fd, &byte, 1) == 1)
		note((char[]){ byte, '\0' });
	if (line->unwatches)
		loop_unwatch(loop, &line->unwatches->watch);
}

static void line_open(struct line *line, uint32_t events)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*line = (struct line){ .watch = { .fd = -1, .on_ready = line_on_ready }, .other = ends[1] };
	loop_watch(loop, &line->watch, ends[0], events);
}

static void line_send(struct line *line, const char *letters)
{
	assert_int_equal(write(line->other, letters, strlen(letters)), strlen(letters));
}

static void line_close(struct line *line, int fd)
{
	loop_unwatch(loop, &line->watch);
	close(fd);
	close(line->other);
}

static void a_ready_descriptor_is_handled_in_the_next_turn(void **state)
{
	struct line line;
	int fd;

	line_open(&line, EPOLLIN);
	fd = line.watch.fd;
	loop_turn(loop, 0);
	assert_string_equal(trail, "");
	line_send(&line, "x");
	loop_turn(loop, CLOCK_NEVER);
	assert_string_equal(trail, "x");
	line_close(&line, fd);
}

/* libpq closes its socket when the server does; what other threads open gets the number then. */
static void a_descriptor_that_was_closed_can_be_unwatched_whatever_has_its_number_now(void **state)
{
	struct line lines[3];

	for (unsigned i = 0; i < 3; i++) {
		line_open(&lines[i], EPOLLIN);
		close(lines[i].watch.fd);
		if (i == 1)
			assert_int_equal(open("/dev/null", O_RDONLY), lines[i].watch.fd);
		else if (i == 2)
			assert_int_equal(socket(AF_UNIX, SOCK_STREAM, 0), lines[i].watch.fd);
	}
	for (unsigned i = 0; i < 3; i++) {
		int fd = lines[i].watch.fd;

		loop_unwatch(loop, &lines[i].watch);
		assert_int_equal(lines[i].watch.fd, -1);
		close(lines[i].other);
		if (i > 0)
			close(fd);
	}
}

static void a_watch_that_was_changed_hears_only_what_it_asks_for(void **state)
{
	struct line line;
	int fd;

	line_open(&line, EPOLLIN);
	fd = line.watch.fd;
	line_send(&line, "xy");
	loop_rewatch(loop, &line.watch, EPOLLRDHUP);
	loop_turn(loop, 0);
	assert_string_equal(trail, "");
	loop_rewatch(loop, &line.watch, EPOLLIN | EPOLLOUT);
	loop_turn(loop, 0);
	assert_string_equal(trail, "x");
	assert_int_equal(line.events, EPOLLIN | EPOLLOUT);
	line_close(&line, fd);
}

static void a_single_shot_is_armed_again_by_rewatching(void **state)
{
	struct line line;
	int fd;

	line_open(&line, EPOLLIN | EPOLLONESHOT);
	fd = line.watch.fd;
	line_send(&line, "xyz");
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_string_equal(trail, "x");
	loop_rewatch(loop, &line.watch, EPOLLIN | EPOLLONESHOT);
	loop_turn(loop, 0);
	assert_string_equal(trail, "xy");
	line_close(&line, fd);
}

static void a_watch_removed_in_this_turn_is_not_called_any_more(void **state)
{
	struct line one, two;
	int fd_one, fd_two;

	line_open(&one, EPOLLIN);
	line_open(&two, EPOLLIN);
	fd_one = one.watch.fd;
	fd_two = two.watch.fd;
	one.unwatches = &two;
	two.unwatches = &one;
	line_send(&one, "x");
	line_send(&two, "x");
	loop_turn(loop, 0);
	/* Both were ready; whoever came first silenced the other. */
	assert_string_equal(trail, "x");
	loop_turn(loop, 0);
	assert_string_equal(trail, "x");
	line_close(&one, fd_one);
	line_close(&two, fd_two);
}

static void a_watch_may_remove_itself_and_removing_twice_is_nothing(void **state)
{
	struct line line;
	int fd;

	line_open(&line, EPOLLIN);
	fd = line.watch.fd;
	line.unwatches = &line;
	line_send(&line, "xy");
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_string_equal(trail, "x");
	assert_int_equal(line.watch.fd, -1);
	line_close(&line, fd);
}

/* --- timers --- */

struct alarm {
	struct loop_timer timer;
	const char *letter;
	int64_t again_us; /* 0: rings once */
};

static void alarm_on_due(struct loop_timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	note(alarm->letter);
	assert_int_equal(timer->slot, 0);
	if (alarm->again_us)
		loop_timer_set(loop, timer, alarm->again_us);
}

#define ALARM(name)                                                                                \
	{                                                                                          \
		.timer = { .on_due = alarm_on_due }, .letter = name                                \
	}

static void timers_ring_when_the_clock_reaches_them_soonest_first(void **state)
{
	struct alarm a = ALARM("a"), b = ALARM("b"), c = ALARM("c");

	loop_fake_clock(loop, 1000);
	loop_timer_set(loop, &b.timer, 3000);
	loop_timer_set(loop, &a.timer, 2000);
	loop_timer_set(loop, &c.timer, 9000);
	loop_turn(loop, 0);
	assert_string_equal(trail, "");
	loop_fake_clock(loop, 3000);
	loop_turn(loop, CLOCK_NEVER);
	assert_string_equal(trail, "ab");
	loop_timer_cancel(loop, &c.timer);
	loop_fake_clock(loop, 10000);
	loop_turn(loop, 0);
	assert_string_equal(trail, "ab");
}

static void a_timer_can_be_moved_both_ways_and_set_to_never(void **state)
{
	struct alarm a = ALARM("a"), b = ALARM("b");

	loop_fake_clock(loop, 1000);
	loop_timer_set(loop, &a.timer, 2000);
	loop_timer_set(loop, &a.timer, 5000);
	loop_timer_set(loop, &b.timer, 9000);
	loop_timer_set(loop, &b.timer, 1500);
	loop_fake_clock(loop, 2500);
	loop_turn(loop, 0);
	assert_string_equal(trail, "b");
	loop_timer_set(loop, &a.timer, CLOCK_NEVER);
	loop_fake_clock(loop, 9999);
	loop_turn(loop, 0);
	assert_string_equal(trail, "b");
}

static void a_timer_set_for_the_past_by_itself_does_not_hold_up_the_turn(void **state)
{
	struct alarm a = ALARM("a");

	a.again_us = 500;
	loop_fake_clock(loop, 1000);
	loop_timer_set(loop, &a.timer, 1000);
	loop_turn(loop, CLOCK_NEVER);
	assert_string_equal(trail, "a");
	loop_turn(loop, CLOCK_NEVER);
	assert_string_equal(trail, "aa");
	loop_timer_cancel(loop, &a.timer);
}

static void a_real_timer_ends_the_wait_when_it_is_due_and_not_before(void **state)
{
	struct alarm a = ALARM("a");
	int64_t due_us = loop_now(loop) + 2000;

	loop_timer_set(loop, &a.timer, due_us);
	while (!trail[0]) {
		loop_turn(loop, CLOCK_NEVER);
		assert_true(!trail[0] || loop_now(loop) >= due_us);
	}
}

/* --- the end of the turn --- */

struct stage_note {
	struct loop_hook hook;
	const char *letter;
	struct stage_note *removes;
	enum loop_stage stage;
};

static void note_on_turn(struct loop_hook *hook)
{
	struct stage_note *mine = container_of(hook, struct stage_note, hook);

	note(mine->letter);
	if (mine->removes) {
		loop_hook_remove(loop, &mine->removes->hook, mine->removes->stage);
		mine->removes = NULL;
	}
}

static void hook_add(struct stage_note *mine, const char *letter, enum loop_stage stage)
{
	*mine = (struct stage_note){ .hook = { .on_turn = note_on_turn },
				     .letter = letter,
				     .stage = stage };
	loop_hook_add(loop, &mine->hook, stage);
}

static void hooks_run_by_stage_and_then_by_age(void **state)
{
	struct stage_note bury, send, answer, later;

	hook_add(&bury, "4", LOOP_STAGE_BURY);
	hook_add(&send, "2", LOOP_STAGE_SEND);
	hook_add(&answer, "1", LOOP_STAGE_ANSWER);
	hook_add(&later, "3", LOOP_STAGE_SEND);
	loop_turn(loop, 0);
	assert_string_equal(trail, "1234");
}

static void a_hook_may_remove_itself_and_the_next_one(void **state)
{
	struct stage_note a, b, c;

	hook_add(&a, "a", LOOP_STAGE_SEND);
	hook_add(&b, "b", LOOP_STAGE_SEND);
	hook_add(&c, "c", LOOP_STAGE_SEND);
	a.removes = &b;
	c.removes = &c;
	loop_turn(loop, 0);
	assert_string_equal(trail, "ac");
	loop_turn(loop, 0);
	assert_string_equal(trail, "aca");
}

static void a_hook_that_wants_another_turn_gets_it_without_waiting(void **state)
{
	loop_again(loop);
	loop_turn(loop, CLOCK_NEVER);
	/* Only once: a second CLOCK_NEVER would wait for ever. */
	loop_turn(loop, 0);
}

/* --- other threads --- */

struct counted {
	struct letter letter;
	int deliveries;
};

static int delivered;

static void on_delivery(struct letter *letter, struct loop *at)
{
	container_of(letter, struct counted, letter)->deliveries++;
	assert_ptr_equal(at, loop);
	delivered++;
}

#define LETTERS 5000

static void *post_many(void *arg)
{
	struct counted *letters = arg;

	for (int i = 0; i < LETTERS; i++) {
		letters[i].letter.on_delivery = on_delivery;
		while (!loop_post(loop, &letters[i].letter))
			sched_yield();
	}
	return NULL;
}

static void every_letter_of_every_thread_is_delivered_once(void **state)
{
	struct counted *letters = calloc(3 * LETTERS, sizeof(*letters));
	pthread_t threads[3];

	delivered = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, post_many, letters + i * LETTERS), 0);
	while (delivered < 3 * LETTERS)
		loop_turn(loop, CLOCK_NEVER);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	loop_turn(loop, 0);
	for (int i = 0; i < 3 * LETTERS; i++)
		assert_int_equal(letters[i].deliveries, 1);
	free(letters);
}

static void a_full_mailbox_refuses_and_takes_letters_again_after_a_turn(void **state)
{
	static struct counted letters[MAILBOX_SLOTS + 1];
	int taken = 0;

	delivered = 0;
	for (int i = 0; i <= MAILBOX_SLOTS; i++)
		letters[i] = (struct counted){ .letter = { on_delivery } };
	while (taken <= MAILBOX_SLOTS && loop_post(loop, &letters[taken].letter))
		taken++;
	assert_true(taken < MAILBOX_SLOTS + 1);
	loop_turn(loop, 0);
	assert_int_equal(delivered, taken);
	assert_true(loop_post(loop, &letters[taken].letter));
	loop_turn(loop, 0);
	assert_int_equal(delivered, taken + 1);
}

static void *stop_it(void *arg)
{
	loop_stop(arg);
	return NULL;
}

static void another_thread_ends_a_run_that_waits_for_ever(void **state)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_it, loop), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
	loop_stop(loop);
	loop_run(loop);
	/* It is used up: the next run goes on until it is stopped. */
	loop_stop(loop);
	loop_run(loop);
}

static void a_fake_clock_stands_still(void **state)
{
	loop_fake_clock(loop, 42);
	loop_turn(loop, 0);
	assert_true(loop_now(loop) == 42);
	assert_true(loop_turn_us(loop) == 0);
	assert_string_equal(loop_name(loop), "test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_ready_descriptor_is_handled_in_the_next_turn,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_watch_that_was_changed_hears_only_what_it_asks_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_descriptor_that_was_closed_can_be_unwatched_whatever_has_its_number_now,
			setup, teardown),
		cmocka_unit_test_setup_teardown(a_single_shot_is_armed_again_by_rewatching, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_watch_removed_in_this_turn_is_not_called_any_more,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_watch_may_remove_itself_and_removing_twice_is_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			timers_ring_when_the_clock_reaches_them_soonest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_timer_can_be_moved_both_ways_and_set_to_never,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_timer_set_for_the_past_by_itself_does_not_hold_up_the_turn, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_real_timer_ends_the_wait_when_it_is_due_and_not_before, setup, teardown),
		cmocka_unit_test_setup_teardown(hooks_run_by_stage_and_then_by_age, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_hook_may_remove_itself_and_the_next_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_hook_that_wants_another_turn_gets_it_without_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(every_letter_of_every_thread_is_delivered_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_full_mailbox_refuses_and_takes_letters_again_after_a_turn, setup,
			teardown),
		cmocka_unit_test_setup_teardown(another_thread_ends_a_run_that_waits_for_ever,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_before_the_run_is_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fake_clock_stands_still, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
