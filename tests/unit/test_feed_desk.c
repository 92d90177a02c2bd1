/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of many loops that wait for the feed, and one that reads it: none is forgotten. */
#include "router/feed/desk.h"

#include "base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct feed_shared shared;

static void feed_know(uint64_t lsn)
{
	stripes_know(&shared.stripes, lsn);
}

static struct position at(uint64_t lsn)
{
	return (struct position){ 1, lsn };
}

/* --- on one thread ---------------------------------------------------------------------------- */

struct asker {
	struct feed_waiter waiter;
	unsigned known;
};

struct desk_story {
	struct loop *loop; /* the desk's */
	struct feed_desk desk;
	struct asker askers[3];
	unsigned wanted; /* letters to the reader */
};

static struct desk_story story;

static void on_known(struct feed_waiter *waiter)
{
	container_of(waiter, struct asker, waiter)->known++;
}

static void on_wanted(struct letter *letter, struct loop *loop)
{
	(void)loop;
	atomic_store(&container_of(letter, struct feed_shared, wanted)->wanted_posted, false);
	story.wanted++;
}

/* The reader is on the same loop. */
static int set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	memset(&story, 0, sizeof(story));
	story.loop = loop_new("desk");
	shared.wanted.on_delivery = on_wanted;
	atomic_store(&shared.reader_loop, story.loop);
	feed_desk_init(&story.desk, story.loop, &shared);
	stripes_begin(&shared.stripes, at(100));
	feed_know(110);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(story.loop);
	return 0;
}

static bool waits(unsigned asker, uint64_t lsn)
{
	story.askers[asker].waiter =
		(struct feed_waiter){ .on_known = on_known, .position = at(lsn) };
	return feed_desk_wait(&story.desk, &story.askers[asker].waiter);
}

static void turn(void)
{
	for (unsigned i = 0; i < 3; i++)
		loop_turn(story.loop, 0);
}

static void what_is_known_is_not_waited_for(void **state)
{
	struct feed_desk off;

	(void)state;
	assert_false(waits(0, 110));
	assert_true(waits(1, 111));
	feed_desk_leave(&story.askers[1].waiter);
	stripes_forget(&shared.stripes);
	assert_false(waits(0, 111));
	feed_desk_init(&off, story.loop, NULL);
	assert_false(feed_desk_wait(&off, &story.askers[2].waiter));
}

static void the_reader_is_asked_once_and_who_is_answered_goes_on(void **state)
{
	(void)state;
	assert_true(waits(0, 120));
	assert_true(waits(1, 130));
	turn();
	assert_int_equal(story.wanted, 1);
	feed_know(125);
	assert_true(feed_desks_tell(&shared));
	turn();
	assert_int_equal(story.askers[0].known, 1);
	assert_int_equal(story.askers[1].known, 0);
	/* For the other one it is asked again. */
	assert_int_equal(story.wanted, 2);
	feed_know(130);
	assert_true(feed_desks_tell(&shared));
	turn();
	assert_int_equal(story.askers[1].known, 1);
	assert_false(feed_desks_tell(&shared));
}

static void one_that_has_left_is_not_called(void **state)
{
	(void)state;
	assert_true(waits(0, 120));
	assert_true(waits(1, 120));
	feed_desk_leave(&story.askers[0].waiter);
	feed_know(120);
	(void)feed_desks_tell(&shared);
	turn();
	assert_int_equal(story.askers[0].known, 0);
	assert_int_equal(story.askers[1].known, 1);
}

static void what_is_given_up_is_not_waited_for_any_more(void **state)
{
	(void)state;
	assert_true(waits(0, 120));
	atomic_store(&shared.reader_loop, NULL);
	stripes_forget(&shared.stripes);
	(void)feed_desks_tell(&shared);
	turn();
	assert_int_equal(story.askers[0].known, 1);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { DESKS = 3, ROUNDS = 3000, PATIENCE_S = 120 };

/* Waits again and again for what is known next. */
struct client {
	struct feed_waiter waiter;
	struct feed_desk desk;
	struct loop *loop;
	struct loop_timer again, patience;
	unsigned rounds, too_early;
	bool gave_up;
};

/* What router/feed/reader.c does, without a node: each question makes one more position known. */
struct reader {
	struct loop *loop;
	struct loop_timer again;
	uint64_t lsn;
};

static struct reader reader;

static void reader_answer(struct loop_timer *timer)
{
	(void)timer;
	feed_know(++reader.lsn);
	if (feed_desks_tell(&shared))
		loop_timer_set(reader.loop, &reader.again, loop_now(reader.loop));
}

static void reader_on_wanted(struct letter *letter, struct loop *loop)
{
	(void)loop;
	atomic_store(&container_of(letter, struct feed_shared, wanted)->wanted_posted, false);
	loop_timer_set(reader.loop, &reader.again, loop_now(reader.loop));
}

static void client_wait(struct client *client)
{
	while (client->rounds < ROUNDS) {
		struct position known = stripes_known(&shared.stripes);

		client->rounds++;
		client->waiter.position = at(known.lsn + client->rounds % 3);
		if (feed_desk_wait(&client->desk, &client->waiter))
			return;
	}
	loop_timer_cancel(client->loop, &client->patience);
	loop_stop(client->loop);
}

static void client_on_again(struct loop_timer *timer)
{
	client_wait(container_of(timer, struct client, again));
}

static void client_on_known(struct feed_waiter *waiter)
{
	struct client *client = container_of(waiter, struct client, waiter);

	client->too_early += stripes_known(&shared.stripes).lsn < waiter->position.lsn;
	loop_timer_set(client->loop, &client->again, loop_now(client->loop));
}

static void client_on_patience(struct loop_timer *timer)
{
	struct client *client = container_of(timer, struct client, patience);

	client->gave_up = true;
	loop_stop(client->loop);
}

static void client_init(struct client *client)
{
	*client = (struct client){ .loop = loop_new("client") };
	client->waiter.on_known = client_on_known;
	client->again.on_due = client_on_again;
	client->patience.on_due = client_on_patience;
	feed_desk_init(&client->desk, client->loop, &shared);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void *run_client(void *arg)
{
	struct client *client = arg;
	int64_t now_us = loop_now(client->loop);

	loop_timer_set(client->loop, &client->patience, now_us + PATIENCE_S * US_PER_S);
	loop_timer_set(client->loop, &client->again, now_us);
	loop_run(client->loop);
	return NULL;
}

static void none_of_many_is_forgotten(void **state)
{
	struct client *clients = calloc(DESKS, sizeof(*clients));
	pthread_t threads[DESKS], reads;

	(void)state;
	assert_non_null(clients);
	memset(&shared, 0, sizeof(shared));
	reader = (struct reader){ .loop = loop_new("reader"), .lsn = 110 };
	reader.again.on_due = reader_answer;
	shared.wanted.on_delivery = reader_on_wanted;
	atomic_store(&shared.reader_loop, reader.loop);
	stripes_begin(&shared.stripes, at(100));
	feed_know(110);
	for (unsigned i = 0; i < DESKS; i++)
		client_init(&clients[i]);
	assert_int_equal(pthread_create(&reads, NULL, run_loop, reader.loop), 0);
	for (unsigned i = 0; i < DESKS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
	for (unsigned i = 0; i < DESKS; i++)
		pthread_join(threads[i], NULL);
	loop_stop(reader.loop);
	pthread_join(reads, NULL);
	for (unsigned i = 0; i < DESKS; i++) {
		assert_false(clients[i].gave_up);
		assert_int_equal(clients[i].rounds, ROUNDS);
		assert_int_equal(clients[i].too_early, 0);
		loop_free(clients[i].loop);
	}
	loop_timer_cancel(reader.loop, &reader.again);
	loop_free(reader.loop);
	free(clients);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_known_is_not_waited_for),
		TEST(the_reader_is_asked_once_and_who_is_answered_goes_on),
		TEST(one_that_has_left_is_not_called),
		TEST(what_is_given_up_is_not_waited_for_any_more),
		cmocka_unit_test(none_of_many_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
