/* SPDX-License-Identifier: Apache-2.0 */
/* links: sessions_late.c sessions_forgetful.c sessions_racing.c */
/* For every user, always: required >= position of the last acknowledged write. */
#include "router/consistency/sessions.h"

#include "sessions_build.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct sessions_build as_it_is = {
	.make = sessions_new,
	.unmake = sessions_free,
	.raise_floor = sessions_raise_floor,
	.wrote = sessions_wrote,
	.look = sessions_find,
	.promoted = sessions_promoted,
};

static struct text user_name(unsigned user, char room[16])
{
	snprintf(room, 16, "user-%u", user);
	return text_of(room);
}

static struct position at(uint32_t timeline, uint64_t lsn)
{
	return (struct position){ timeline, lsn };
}

static void assert_position(struct position is, struct position should)
{
	assert_int_equal(is.timeline, should.timeline);
	assert_int_equal(is.lsn, should.lsn);
}

/* What users were told, and whether the table still knows. Positions rise through timelines. */
enum { USERS = 3000, SLOTS = 64 };

struct checker {
	const struct sessions_build *build;
	struct sessions *sessions;
	_Atomic uint64_t acknowledged[USERS]; /* 0: never wrote */
	_Atomic uint64_t written;             /* the newest lsn */
	_Atomic uint64_t violations;
};

static struct position checker_position(uint64_t lsn)
{
	return at(1 + (uint32_t)(lsn >> 15), lsn);
}

static void checker_begin(struct checker *checker, const struct sessions_build *build)
{
	checker->build = build;
	checker->sessions = build->make(SLOTS);
	for (unsigned i = 0; i < USERS; i++)
		atomic_init(&checker->acknowledged[i], 0);
	atomic_init(&checker->written, 1);
	atomic_init(&checker->violations, 0);
	build->raise_floor(checker->sessions, checker_position(1));
}

static uint64_t checker_end(struct checker *checker)
{
	checker->build->unmake(checker->sessions);
	return atomic_load(&checker->violations);
}

static void checker_write(struct checker *checker, unsigned user)
{
	uint64_t lsn = atomic_fetch_add(&checker->written, 1) + 1;
	uint64_t told = atomic_load(&checker->acknowledged[user]);
	char room[16];

	/* Of a timeline that is past already: it is not acknowledged. */
	if (!checker->build->wrote(checker->sessions, user_name(user, room), checker_position(lsn)))
		return;
	while (told < lsn &&
	       !atomic_compare_exchange_weak(&checker->acknowledged[user], &told, lsn))
		;
}

static void checker_look(struct checker *checker, unsigned user)
{
	uint64_t told = atomic_load(&checker->acknowledged[user]);
	char room[16];

	if (told && position_compare(
			    checker->build->look(checker->sessions, user_name(user, room)).position,
			    checker_position(told)) < 0)
		atomic_fetch_add(&checker->violations, 1);
}

static void checker_look_at_all(struct checker *checker)
{
	for (unsigned user = 0; user < USERS; user++)
		checker_look(checker, user);
}

static struct checker checker;

/* False: nothing is known that the user could require. */
static bool sessions_required(const struct sessions *sessions, struct text user,
			      struct position *required)
{
	struct session session = sessions_find(sessions, user);

	*required = session.position;
	return session.remembered || position_known(sessions_floor(sessions));
}

/* The table takes it. */
static void wrote(struct sessions *sessions, struct text user, struct position position)
{
	assert_true(sessions_wrote(sessions, user, position));
}

static void an_unknown_user_requires_the_floor(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct position required;

	assert_false(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(sessions_floor(sessions), POSITION_NONE);
	sessions_raise_floor(sessions, at(1, 100));
	sessions_raise_floor(sessions, at(1, 90));
	assert_true(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(required, at(1, 100));
	assert_position(sessions_floor(sessions), at(1, 100));
	sessions_free(sessions);
}

static void a_user_requires_the_own_last_write_and_no_more(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct position required;

	wrote(sessions, TEXT("ann"), at(1, 50));
	assert_true(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(required, at(1, 50));
	assert_false(sessions_required(sessions, TEXT("bob"), &required));

	sessions_raise_floor(sessions, at(1, 100));
	wrote(sessions, TEXT("ann"), at(1, 300));
	wrote(sessions, TEXT("ann"), at(1, 200));
	wrote(sessions, TEXT("bob"), at(1, 400));
	assert_true(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(required, at(1, 300));
	assert_int_equal(sessions_count(sessions), 2);
	sessions_free(sessions);
}

static const struct history second = {
	.timeline = 2,
	.complete = true,
	.count = 1,
	.switches = { { 1, 300 } },
};

static void after_a_promotion_entries_stay_to_be_judged(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct position required;

	sessions_raise_floor(sessions, at(1, 100));
	wrote(sessions, TEXT("ann"), at(1, 350));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	assert_true(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(required, at(1, 350));
	assert_true(sessions_required(sessions, TEXT("bob"), &required));
	assert_position(required, at(2, 310));
	assert_false(sessions_find(sessions, TEXT("bob")).forgotten_lost);
	sessions_free(sessions);
}

static void what_the_old_primary_still_acknowledges_is_not_taken(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct position required;

	sessions_raise_floor(sessions, at(1, 100));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	wrote(sessions, TEXT("ann"), at(2, 320));
	assert_false(sessions_wrote(sessions, TEXT("ann"), at(1, 9000)));
	assert_true(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(required, at(2, 320));
	sessions_free(sessions);
}

static void a_floor_that_is_lost_leaves_everybody_in_doubt(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct session session;

	sessions_raise_floor(sessions, at(1, 301));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	session = sessions_find(sessions, TEXT("bob"));
	assert_true(session.forgotten_lost);
	/* One of those who ask tells bob, once. */
	assert_true(sessions_settle(sessions, TEXT("bob"), session, at(2, 310)));
	assert_false(sessions_settle(sessions, TEXT("bob"), session, at(2, 310)));
	assert_false(sessions_find(sessions, TEXT("bob")).forgotten_lost);
	assert_true(sessions_find(sessions, TEXT("cid")).forgotten_lost);
	sessions_free(sessions);
}

/* Far more users than the table remembers: they push each other out of it. */
static void whoever_was_told_is_not_told_again_when_others_need_the_room(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	unsigned told = 0, users = 4 * SLOTS;
	char room[16];

	(void)state;
	sessions_raise_floor(sessions, at(1, 301));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	for (unsigned turn = 0; turn < 3 * users; turn++) {
		struct text user = user_name(turn % users, room);
		struct session session = sessions_find(sessions, user);

		if (session.forgotten_lost) {
			assert_true(sessions_settle(sessions, user, session, at(2, 310)));
			told++;
		}
		wrote(sessions, user, at(2, 400 + turn));
	}
	/* By chance a line of what is remembered is full: those few are told again. */
	assert_in_range(told, users, users + users / 25);
	sessions_free(sessions);
}

static const struct history third = {
	.timeline = 3,
	.complete = true,
	.count = 2,
	.switches = { { 1, 300 }, { 2, 500 } },
};

static void another_loss_is_told_again_and_a_clean_promotion_is_not(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct session session;

	(void)state;
	sessions_raise_floor(sessions, at(1, 301));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	session = sessions_find(sessions, TEXT("bob"));
	assert_true(sessions_settle(sessions, TEXT("bob"), session, at(2, 310)));
	sessions_promoted(sessions, &third, NULL, at(3, 510));
	assert_false(sessions_find(sessions, TEXT("bob")).forgotten_lost);
	assert_true(sessions_find(sessions, TEXT("cid")).forgotten_lost);
	sessions_free(sessions);

	sessions = sessions_new(SLOTS);
	sessions_raise_floor(sessions, at(1, 301));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	session = sessions_find(sessions, TEXT("bob"));
	assert_true(sessions_settle(sessions, TEXT("bob"), session, at(2, 310)));
	sessions_raise_floor(sessions, at(2, 501));
	sessions_promoted(sessions, &third, NULL, at(3, 510));
	assert_true(sessions_find(sessions, TEXT("bob")).forgotten_lost);
	sessions_free(sessions);
}

static void promote_meanwhile(struct sessions *sessions)
{
	sessions_racing_on_moment = NULL;
	sessions_racing.promoted(sessions, &second, NULL, at(2, 310));
}

/* The loops go on acknowledging on the old timeline until they are told of the new one. */
static void an_entry_that_leaves_while_a_promotion_is_found_is_not_forgotten(void **state)
{
	const struct sessions_build *build = &sessions_racing;
	struct sessions *sessions = build->make(1);
	char room[16];

	(void)state;
	build->raise_floor(sessions, at(1, 100));
	assert_true(build->wrote(sessions, TEXT("ann"), at(1, 350)));
	sessions_racing_sessions = sessions;
	sessions_racing_on_moment = promote_meanwhile;
	for (unsigned user = 0; sessions_racing_on_moment; user++)
		assert_true(build->wrote(sessions, user_name(user, room), at(1, 360 + user)));
	assert_false(build->look(sessions, TEXT("ann")).remembered);
	assert_true(build->look(sessions, TEXT("ann")).forgotten_lost);
	build->unmake(sessions);
}

static void back_on_the_old_timeline_only_what_left_the_table_there_is_in_doubt(void **state)
{
	const struct history first = { .timeline = 1, .complete = true };

	(void)state;
	for (unsigned evicted = 0; evicted < 2; evicted++) {
		struct sessions *sessions = sessions_new(1);
		struct branches branches = { 0 };
		char room[16];

		sessions_raise_floor(sessions, at(1, 100));
		sessions_promoted(sessions, &second, NULL, at(2, 310));
		for (unsigned user = 0; user < 16 * evicted; user++)
			wrote(sessions, user_name(user, room), at(2, 400 + user));
		assert_true(branches_leave(&branches, &second, 500, 350));
		sessions_promoted(sessions, &first, &branches,
				  at(branches_timeline(&branches, 1), 350));
		assert_int_equal(sessions_find(sessions, TEXT("ann")).forgotten_lost, evicted);
		assert_true(sessions_floor(sessions).lsn == 350);
		sessions_free(sessions);
	}
}

static void a_lost_entry_is_settled_once(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct session session;

	sessions_raise_floor(sessions, at(1, 100));
	wrote(sessions, TEXT("ann"), at(1, 350));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	session = sessions_find(sessions, TEXT("ann"));
	assert_true(sessions_settle(sessions, TEXT("ann"), session, at(2, 315)));
	assert_false(sessions_settle(sessions, TEXT("ann"), session, at(2, 316)));
	assert_position(sessions_find(sessions, TEXT("ann")).position, at(2, 315));
	sessions_free(sessions);
}

/* One bucket only: newcomers of the new timeline push the old entries out. */
static void old_entry_leaves(uint64_t lsn, bool in_doubt)
{
	struct sessions *sessions = sessions_new(1);
	char room[16];

	sessions_raise_floor(sessions, at(1, 100));
	wrote(sessions, TEXT("ann"), at(1, lsn));
	sessions_promoted(sessions, &second, NULL, at(2, 310));
	for (unsigned user = 0; user < 16; user++)
		wrote(sessions, user_name(user, room), at(2, 400 + user));
	assert_false(sessions_find(sessions, TEXT("ann")).remembered);
	assert_int_equal(sessions_find(sessions, TEXT("ann")).forgotten_lost, in_doubt);
	assert_true(sessions_find(sessions, TEXT("ann")).position.lsn >= 310);
	sessions_free(sessions);
}

static void an_old_entry_that_leaves_is_covered_or_leaves_a_doubt(void **state)
{
	old_entry_leaves(300, false);
	old_entry_leaves(301, true);
}

static void an_eviction_does_not_make_an_unknown_floor_known(void **state)
{
	struct sessions *sessions = sessions_new(SLOTS);
	struct position required;
	char room[16];

	for (unsigned user = 0; user < USERS; user++)
		wrote(sessions, user_name(user, room), at(1, 100 + user));
	assert_position(sessions_floor(sessions), POSITION_NONE);
	assert_false(sessions_required(sessions, TEXT("never wrote"), &required));
	/* The floor of the start may be below what has left since. */
	sessions_raise_floor(sessions, at(1, 50));
	assert_true(sessions_required(sessions, user_name(0, room), &required));
	assert_true(required.lsn >= 100);
	sessions_free(sessions);
}

static void the_lowest_position_of_a_full_bucket_leaves(void **state)
{
	/* One bucket: slots for a handful of users. */
	struct sessions *sessions = sessions_new(1);
	struct position required;
	char room[16];
	size_t room_for = 0;

	sessions_raise_floor(sessions, at(1, 1));
	while (sessions_floor(sessions).lsn == 1) {
		/* 100, 99, 98, …: the last of those that fit is the lowest. */
		wrote(sessions, user_name((unsigned)room_for, room), at(1, 100 - room_for));
		room_for++;
	}
	/* The newcomer was the lowest: it left before it was there. */
	room_for--;
	assert_int_equal(sessions_count(sessions), room_for);
	assert_position(sessions_floor(sessions), at(1, 100 - room_for));

	wrote(sessions, TEXT("ann"), at(1, 500));
	assert_int_equal(sessions_count(sessions), room_for);
	assert_position(sessions_floor(sessions), at(1, 100 - room_for + 1));
	assert_true(sessions_required(sessions, TEXT("ann"), &required));
	assert_position(required, at(1, 500));
	assert_true(sessions_required(sessions, user_name(0, room), &required));
	assert_position(required, at(1, 100));
	sessions_free(sessions);
}

static void no_acknowledged_write_is_forgotten_while_entries_leave(void **state)
{
	checker_begin(&checker, &as_it_is);
	for (unsigned turn = 0; turn < 3 * USERS; turn++) {
		checker_write(&checker, turn * 7919 % USERS);
		if (turn % 97 == 0)
			checker_look_at_all(&checker);
	}
	checker_look_at_all(&checker);
	assert_int_equal(checker_end(&checker), 0);
}

static void the_checker_notices_a_floor_that_is_never_raised(void **state)
{
	checker_begin(&checker, &sessions_forgetful);
	for (unsigned user = 0; user < USERS; user++)
		checker_write(&checker, user);
	checker_look_at_all(&checker);
	assert_true(checker_end(&checker) > 0);
}

static void look_in_the_window(void)
{
	checker_look_at_all(&checker);
}

static void the_checker_notices_a_floor_that_is_raised_too_late(void **state)
{
	checker_begin(&checker, &sessions_late);
	sessions_late_on_window = look_in_the_window;
	for (unsigned user = 0; user < USERS / 4; user++)
		checker_write(&checker, user);
	sessions_late_on_window = NULL;
	assert_true(atomic_load(&checker.violations) > 0);

	/* Only while it happens: afterwards there is nothing to see. */
	atomic_store(&checker.violations, 0);
	checker_look_at_all(&checker);
	assert_int_equal(checker_end(&checker), 0);
}

enum { WRITERS = 3, READERS = 2, WRITES = 20000 };

static atomic_uint writers_left;

static void *write_much(void *arg)
{
	unsigned next = *(unsigned *)arg;

	for (unsigned i = 0; i < WRITES; i++) {
		/* Half of the writes go to few users, so that they meet. */
		next = next * 1103515245u + 12345u;
		checker_write(&checker, (next >> 8) % (i % 2 ? USERS : 20));
		if (i % 1000 == 0)
			sessions_raise_floor(checker.sessions, checker_position(i + 1));
	}
	atomic_fetch_sub(&writers_left, 1);
	return NULL;
}

static void *read_much(void *arg)
{
	unsigned next = *(unsigned *)arg;

	while (atomic_load(&writers_left)) {
		next = next * 1103515245u + 12345u;
		checker_look(&checker, (next >> 8) % (next & 1u << 30 ? USERS : 20));
	}
	return NULL;
}

static void many_threads_write_and_none_ever_reads_too_little(void **state)
{
	pthread_t threads[WRITERS + READERS];
	unsigned seeds[WRITERS + READERS];

	checker_begin(&checker, &as_it_is);
	atomic_store(&writers_left, WRITERS);
	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		seeds[i] = i + 1;
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < WRITERS ? write_much : read_much, &seeds[i]),
				 0);
	}
	for (unsigned i = 0; i < WRITERS + READERS; i++)
		pthread_join(threads[i], NULL);
	checker_look_at_all(&checker);
	assert_int_equal(checker_end(&checker), 0);
}

enum { SWITCH = 300, ROUNDS = 60, WRITES_A_ROUND = 400 };

static atomic_bool promoted;

/* Until the table says that its timeline is past, as a loop that hears of it late. */
static void *write_on_the_old_timeline(void *arg)
{
	unsigned next = *(unsigned *)arg;
	char room[16];

	for (unsigned i = 0; i < WRITES_A_ROUND; i++) {
		uint64_t lsn = SWITCH + atomic_fetch_add(&checker.written, 1);
		unsigned user = (next + i * 7919) % USERS;

		if (!sessions_wrote(checker.sessions, user_name(user, room), at(1, lsn)))
			break;
		if (atomic_load(&checker.acknowledged[user]) < lsn)
			atomic_store(&checker.acknowledged[user], lsn);
	}
	return NULL;
}

static void *promote_now(void *arg)
{
	while (atomic_load(&checker.written) < *(unsigned *)arg)
		;
	sessions_promoted(checker.sessions, &second, NULL, at(2, SWITCH + 10));
	atomic_store(&promoted, true);
	return NULL;
}

/* Each write past the switch point is lost, and its user is to be told. */
static void look_for_losses_that_nobody_is_told(void)
{
	char room[16];

	for (unsigned user = 0; user < USERS; user++) {
		uint64_t lsn = atomic_load(&checker.acknowledged[user]);
		struct session session = sessions_find(checker.sessions, user_name(user, room));

		if (lsn && !session.forgotten_lost)
			assert_true(session.remembered && session.position.timeline == 1 &&
				    session.position.lsn >= lsn);
	}
}

static void no_loss_is_forgotten_while_threads_write_and_a_promotion_is_found(void **state)
{
	pthread_t threads[WRITERS + 1];
	unsigned seeds[WRITERS + 1];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		checker_begin(&checker, &as_it_is);
		for (unsigned i = 0; i < WRITERS; i++) {
			seeds[i] = i * USERS / WRITERS;
			assert_int_equal(pthread_create(&threads[i], NULL,
							write_on_the_old_timeline, &seeds[i]),
					 0);
		}
		seeds[WRITERS] = 100 + round * 10;
		assert_int_equal(
			pthread_create(&threads[WRITERS], NULL, promote_now, &seeds[WRITERS]), 0);
		for (unsigned i = 0; i < WRITERS + 1; i++)
			pthread_join(threads[i], NULL);
		assert_true(atomic_exchange(&promoted, false));
		look_for_losses_that_nobody_is_told();
		assert_int_equal(checker_end(&checker), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_user_requires_the_floor),
		cmocka_unit_test(a_user_requires_the_own_last_write_and_no_more),
		cmocka_unit_test(after_a_promotion_entries_stay_to_be_judged),
		cmocka_unit_test(what_the_old_primary_still_acknowledges_is_not_taken),
		cmocka_unit_test(a_floor_that_is_lost_leaves_everybody_in_doubt),
		cmocka_unit_test(whoever_was_told_is_not_told_again_when_others_need_the_room),
		cmocka_unit_test(another_loss_is_told_again_and_a_clean_promotion_is_not),
		cmocka_unit_test(an_entry_that_leaves_while_a_promotion_is_found_is_not_forgotten),
		cmocka_unit_test(a_lost_entry_is_settled_once),
		cmocka_unit_test(
			back_on_the_old_timeline_only_what_left_the_table_there_is_in_doubt),
		cmocka_unit_test(an_old_entry_that_leaves_is_covered_or_leaves_a_doubt),
		cmocka_unit_test(an_eviction_does_not_make_an_unknown_floor_known),
		cmocka_unit_test(the_lowest_position_of_a_full_bucket_leaves),
		cmocka_unit_test(no_acknowledged_write_is_forgotten_while_entries_leave),
		cmocka_unit_test(the_checker_notices_a_floor_that_is_never_raised),
		cmocka_unit_test(the_checker_notices_a_floor_that_is_raised_too_late),
		cmocka_unit_test(many_threads_write_and_none_ever_reads_too_little),
		cmocka_unit_test(no_loss_is_forgotten_while_threads_write_and_a_promotion_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
