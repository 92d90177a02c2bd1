/* SPDX-License-Identifier: Apache-2.0 */
/* links: scripted_pool.c */
/* The monitor's thread against scripted nodes: what it asks, when, and what it publishes. */
#include "router/cluster/monitor.h"
#include "router/consistency/sessions.h"

#include "base/clock.h"
#include "base/log.h"
#include "pg/reconnect.h"
#include "scripted_pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define KEY_TEXT "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define IDENTITY(cluster, schema) cluster " " schema " 1700000000000000 10.0.0.1:5432 100 8 10 0 64"
#define PRIMARY_AT(lsn) "primary 0/" lsn " 0/0 1700000000000000 0 0/0 x00000001"
#define PRIMARY_AMID(lsn) "primary 0/" lsn " 0/0 1700000000000000 1 0/0 x00000001"
#define LIFE_A "11 1 1700000000000000 0/100"
#define REPLICA_AT(lsn) "standby 0/" lsn " 0/" lsn " 1700000000000000 0 0/0 1"

enum { P, R, NODES, PATIENCE_S = 20, NEVER_MS = 60000 };

static struct reconnect reconnect[NODES];
static struct node nodes_room[NODES] = {
	{ .index = P, .name = "p:1", .reconnect = &reconnect[P] },
	{ .index = R, .name = "r:1", .reconnect = &reconnect[R] },
};
static struct node *const nodes[NODES] = { &nodes_room[P], &nodes_room[R] };
static struct options options;
static struct snapshot *snapshot;
static struct snapshot_reader *reader;
static struct sessions *sessions;
static struct monitor *monitor;
static struct topology topology;
static atomic_uint changes, floors_missing;
static struct snapshot_reader *change_reader;

/* On the monitor's thread: whoever sees a primary finds the floor. */
static void on_change(void *arg)
{
	struct topology told;

	assert_ptr_equal(arg, &changes);
	if (snapshot_read(change_reader, &told) && told.primary_seen &&
	    !position_known(sessions_floor(sessions)))
		atomic_fetch_add(&floors_missing, 1);
	atomic_fetch_add(&changes, 1);
}

static void on_promoted(void *arg, const struct history *history, const struct branches *branches,
			struct position position)
{
	assert_ptr_equal(arg, &changes);
	sessions_promoted(sessions, history, branches, position);
}

static const struct topology_events events = { .on_promoted = on_promoted,
					       .on_change = on_change,
					       .arg = &changes };

static int begin(void **state)
{
	options = (struct options){
		.lag_us_max = US_PER_S,
		.lag_poll_us = 5 * US_PER_MS,
		.lag_strikes = 2,
		.lag_recoveries = 2,
	};
	for (unsigned i = 0; i < NODES; i++)
		script[i] = (struct script_node){ .identity = IDENTITY("7", "1"), .key = KEY_TEXT };
	script[P].status = PRIMARY_AT("1000");
	script[R].status = REPLICA_AT("1000");
	snapshot = snapshot_new(sizeof(struct topology));
	reader = snapshot_reader_new(snapshot);
	change_reader = snapshot_reader_new(snapshot);
	sessions = sessions_new(64);
	memset(&topology, 0, sizeof(topology));
	atomic_store(&changes, 0);
	atomic_store(&floors_missing, 0);
	return 0;
}

static void start(void)
{
	monitor = monitor_start(nodes, NODES, &options, snapshot, &events, NULL);
}

static int end(void **state)
{
	monitor_stop(monitor);
	assert_int_equal(atomic_load(&floors_missing), 0);
	snapshot_reader_free(reader);
	snapshot_reader_free(change_reader);
	snapshot_free(snapshot);
	sessions_free(sessions);
	return 0;
}

/* Lets go of the mutex until something was asked or answered, but looks now and then anyway. */
static bool wait_a_moment(int64_t late_us)
{
	struct timespec soon;

	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 5000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&script_changed, &script_mutex, &soon);
	return clock_monotonic_us() < late_us;
}

#define wait_until(condition)                                                                      \
	do {                                                                                       \
		int64_t late_us = clock_monotonic_us() + PATIENCE_S * US_PER_S;                    \
		bool in_time = true, so = false;                                                   \
                                                                                                   \
		pthread_mutex_lock(&script_mutex);                                                 \
		while (in_time && !so) {                                                           \
			(void)snapshot_read(reader, &topology);                                    \
			so = (condition);                                                          \
			if (!so)                                                                   \
				in_time = wait_a_moment(late_us);                                  \
		}                                                                                  \
		pthread_mutex_unlock(&script_mutex);                                               \
		if (!so)                                                                           \
			fail_msg("waited in vain: %s", #condition);                                \
	} while (0)

static void set_look(unsigned index, const char *status)
{
	pthread_mutex_lock(&script_mutex);
	script[index].status = status;
	pthread_mutex_unlock(&script_mutex);
}

static struct script_node asked_of(unsigned index)
{
	struct script_node copy;

	pthread_mutex_lock(&script_mutex);
	copy = script[index];
	pthread_mutex_unlock(&script_mutex);
	return copy;
}

static void it_finds_the_primary_the_replicas_and_the_key(void **state)
{
	start();
	wait_until(topology.primary == P && topology.key_known && topology.nodes[R].in_rotation);
	assert_true(topology.system_identifier == 7);
	assert_int_equal(topology.key[31], 0x1f);
	assert_false(topology.schema_missing);
	assert_int_equal(topology.nodes[R].role, NODE_REPLICA);
	assert_int_equal(topology.primary_position.lsn, 0x1000);
	assert_int_equal(topology.primary_position.timeline, 1);
	wait_until(topology.nodes[R].lag_bytes == 0 && topology.nodes[R].lag_us >= 0);
	assert_true(atomic_load(&changes) > 0);
}

static void positions_are_followed(void **state)
{
	start();
	wait_until(topology.nodes[R].in_rotation);
	set_look(P, PRIMARY_AT("2000"));
	wait_until(topology.primary_position.lsn == 0x2000);
	wait_until(topology.nodes[R].lag_bytes == 0x1000);
	set_look(R, REPLICA_AT("2000"));
	wait_until(topology.nodes[R].lag_bytes == 0);
}

static void whoever_hurries_gets_a_look_at_once(void **state)
{
	unsigned before;

	options.lag_poll_us = NEVER_MS * US_PER_MS;
	start();
	wait_until(topology.nodes[R].in_rotation);
	before = asked_of(R).looks;
	for (unsigned i = 1; i <= 20; i++) {
		monitor_poll_now(monitor);
		wait_until(script[R].looks >= before + i);
	}
}

static void a_node_that_does_not_answer_is_given_up_and_found_again(void **state)
{
	start();
	wait_until(topology.nodes[R].in_rotation);
	set_look(R, NULL);
	wait_until(!node_is_up(&topology.nodes[R]));
	assert_false(topology.nodes[R].in_rotation);
	wait_until(script[R].abandoned >= 2);
	set_look(R, REPLICA_AT("1000"));
	wait_until(topology.nodes[R].in_rotation);
	assert_int_equal(topology.nodes[R].life, 2);
	/* Another server may live there now. */
	assert_true(asked_of(R).identities >= 2);
}

static void a_replica_out_of_rotation_is_looked_at_more_often(void **state)
{
	unsigned looks, looks_at_primary;

	options.lag_poll_us = 20 * US_PER_MS;
	options.lag_bytes_max = 0x100;
	start();
	wait_until(topology.nodes[R].in_rotation);
	set_look(P, PRIMARY_AT("2000"));
	wait_until(!topology.nodes[R].in_rotation);
	looks = asked_of(R).looks;
	looks_at_primary = asked_of(P).looks;
	wait_until(script[R].looks >= looks + 40);
	assert_true(asked_of(P).looks - looks_at_primary < 40);
}

/* --- the lives of the log --------------------------------------------------------------------- */

/* The schema has the table of them. */
static void start_with_lives(const char *primary, const char *life, const char *replica)
{
	for (unsigned i = 0; i < NODES; i++)
		script[i].identity = IDENTITY("7", "3");
	script[P].lives = primary;
	script[P].life = life;
	script[R].lives = replica;
	start();
}

static void a_primary_has_its_life_added_before_it_leads(void **state)
{
	start_with_lives("", LIFE_A, LIFE_A);
	wait_until(topology.primary_seen && topology.nodes[R].in_rotation);
	assert_int_equal(asked_of(P).lives_added, 1);
	assert_int_equal(asked_of(R).lives_added, 0);
	assert_int_equal(topology.lives.count, 1);
	assert_int_equal(topology.lives.items[0].mark, 11);
}

static void one_that_has_it_is_only_asked(void **state)
{
	start_with_lives(LIFE_A, LIFE_A, LIFE_A);
	wait_until(topology.primary_seen);
	assert_int_equal(asked_of(P).lives_added, 0);
	assert_int_equal(topology.lives.count, 1);
}

static void where_it_may_not_be_added_the_primary_leads_without(void **state)
{
	start_with_lives("", SCRIPT_ERROR, "");
	wait_until(topology.primary_seen && topology.nodes[R].in_rotation);
	assert_int_equal(topology.lives.count, 0);
}

static void a_standby_that_has_not_replayed_it_is_asked_until_it_has(void **state)
{
	unsigned asked;

	start_with_lives(LIFE_A, LIFE_A, "");
	wait_until(topology.primary_seen && script[R].lives_asked >= 3);
	assert_false(topology.nodes[R].in_rotation);
	pthread_mutex_lock(&script_mutex);
	script[R].lives = LIFE_A;
	pthread_mutex_unlock(&script_mutex);
	wait_until(topology.nodes[R].in_rotation);
	asked = asked_of(R).lives_asked;
	set_look(R, REPLICA_AT("1001"));
	wait_until(topology.nodes[R].position.lsn == 0x1001);
	assert_int_equal(asked_of(R).lives_asked, asked);
}

static void a_conflict_with_recovery_does_not_make_a_standby_believed(void **state)
{
	start_with_lives(LIFE_A, LIFE_A, SCRIPT_CONFLICT);
	wait_until(topology.primary_seen && script[R].lives_asked >= 3 && script[R].looks >= 10);
	assert_false(topology.nodes[R].in_rotation);
	pthread_mutex_lock(&script_mutex);
	script[R].lives = LIFE_A;
	pthread_mutex_unlock(&script_mutex);
	wait_until(topology.nodes[R].in_rotation);
}

static void a_standby_that_may_not_tell_is_believed(void **state)
{
	start_with_lives(LIFE_A, LIFE_A, SCRIPT_ERROR);
	wait_until(topology.primary_seen && topology.nodes[R].in_rotation);
}

static void answers_with_its_life(unsigned node)
{
	pthread_mutex_lock(&script_mutex);
	script[node].lives = script[node].life = LIFE_A;
	pthread_mutex_unlock(&script_mutex);
}

/* What it lost is not known before. */
static void a_primary_that_tells_late_leads_with_them(void **state)
{
	start_with_lives(NULL, LIFE_A, LIFE_A);
	wait_until(script[P].abandoned >= 2 && script[P].looks >= 2);
	assert_false(topology.primary_seen);
	answers_with_its_life(P);
	wait_until(topology.primary_seen);
	assert_int_equal(topology.lives.count, 1);
}

static void a_life_whose_writing_was_not_answered_is_looked_for_and_added(void **state)
{
	start_with_lives("", SCRIPT_LOST, LIFE_A);
	wait_until(script[P].lives_added >= 2);
	assert_false(topology.primary_seen);
	answers_with_its_life(P);
	wait_until(topology.primary_seen);
	assert_int_equal(topology.lives.count, 1);
}

/* A transaction has locked the table. */
static void a_primary_that_does_not_tell_in_time_leads_without(void **state)
{
	start_with_lives(NULL, LIFE_A, LIFE_A);
	wait_until(topology.primary_seen && topology.nodes[R].in_rotation);
	assert_int_equal(topology.lives.count, 0);
	assert_true(node_is_up(&topology.nodes[P]));
}

static void a_standby_that_does_not_tell_in_time_is_up_and_does_not_answer(void **state)
{
	unsigned looks;

	start_with_lives(LIFE_A, LIFE_A, NULL);
	wait_until(topology.primary_seen && script[R].abandoned >= 3);
	looks = asked_of(R).looks;
	wait_until(script[R].looks >= looks + 3);
	assert_true(node_is_up(&topology.nodes[R]));
	assert_false(topology.nodes[R].in_rotation);
}

/* --- nodes that are lost ---------------------------------------------------------------------- */

static void a_lost_primary_is_noticed(void **state)
{
	start();
	wait_until(topology.nodes[R].in_rotation);
	set_look(P, SCRIPT_LOST);
	wait_until(topology.primary == -1);
	assert_true(topology.primary_seen);
	assert_true(topology.nodes[R].in_rotation);
	set_look(P, PRIMARY_AT("3000"));
	wait_until(topology.primary == P);
}

static void an_answer_that_is_none_is_a_strike(void **state)
{
	start();
	wait_until(topology.nodes[R].in_rotation);
	set_look(R, "what?");
	wait_until(!node_is_up(&topology.nodes[R]));
	set_look(R, REPLICA_AT("1000"));
	wait_until(node_is_up(&topology.nodes[R]));
	set_look(R, SCRIPT_ERROR);
	wait_until(!node_is_up(&topology.nodes[R]));
}

static void without_the_schema_everything_else_is_known(void **state)
{
	script[P].identity = script[R].identity = IDENTITY("7", "0");
	start();
	wait_until(topology.nodes[R].in_rotation && topology.schema_missing);
	assert_false(topology.key_known);
	/* It appears while we run. */
	pthread_mutex_lock(&script_mutex);
	script[P].identity = IDENTITY("7", "1");
	pthread_mutex_unlock(&script_mutex);
	wait_until(topology.key_known);
	assert_false(topology.schema_missing);
}

static void who_may_not_read_the_key_or_the_identity_still_knows_the_rest(void **state)
{
	for (unsigned i = 0; i < NODES; i++)
		script[i].key = SCRIPT_ERROR;
	script[R].identity = SCRIPT_ERROR;
	start();
	wait_until(topology.primary == P && topology.nodes[R].in_rotation);
	wait_until(script[P].keys > 0);
	assert_false(topology.key_known);
}

static void a_primary_that_stands_amid_a_record_is_nudged_once(void **state)
{
	script[P].status = PRIMARY_AMID("2000");
	script[P].wal_flush = "local0/2100";
	start();
	wait_until(topology.primary == P && script[P].wal_flushes == 1);
	set_look(P, PRIMARY_AT("2100"));
	wait_until(topology.primary_position.lsn == 0x2100);
	set_look(P, PRIMARY_AMID("4000"));
	wait_until(script[P].wal_flushes == 2);
	assert_int_equal(asked_of(R).wal_flushes, 0);
	assert_int_equal(asked_of(P).abandoned, 0);
}

static void a_primary_that_will_not_be_nudged_is_looked_at_as_ever(void **state)
{
	unsigned looks;

	script[P].status = PRIMARY_AMID("2000");
	script[P].wal_flush = SCRIPT_ERROR;
	start();
	wait_until(script[P].wal_flushes == 1);
	set_look(P, PRIMARY_AMID("4000"));
	wait_until(topology.primary_position.lsn == 0x4000);
	looks = asked_of(P).looks;
	wait_until(script[P].looks > looks + 10);
	assert_int_equal(asked_of(P).wal_flushes, 1);
	assert_int_equal(topology.primary, P);
}

/* A commit takes its time where the disk does: the conn is given up, the node is not. */
static void a_nudge_that_is_not_answered_is_no_strike(void **state)
{
	options.lag_strikes = 1;
	script[P].status = PRIMARY_AMID("2000");
	start();
	wait_until(script[P].abandoned == 1);
	set_look(P, PRIMARY_AT("2100"));
	wait_until(topology.primary_position.lsn == 0x2100);
	assert_int_equal(topology.primary, P);
	assert_int_equal(topology.nodes[P].life, 1);
}

static void it_stops_although_nobody_answers(void **state)
{
	script[P].status = script[R].status = NULL;
	script[R].identity = NULL;
	start();
	wait_until(script[P].looks > 0 && script[R].identities > 0);
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(it_finds_the_primary_the_replicas_and_the_key),
		story(positions_are_followed),
		story(whoever_hurries_gets_a_look_at_once),
		story(a_node_that_does_not_answer_is_given_up_and_found_again),
		story(a_replica_out_of_rotation_is_looked_at_more_often),
		story(a_primary_has_its_life_added_before_it_leads),
		story(one_that_has_it_is_only_asked),
		story(where_it_may_not_be_added_the_primary_leads_without),
		story(a_standby_that_has_not_replayed_it_is_asked_until_it_has),
		story(a_conflict_with_recovery_does_not_make_a_standby_believed),
		story(a_standby_that_may_not_tell_is_believed),
		story(a_primary_that_tells_late_leads_with_them),
		story(a_life_whose_writing_was_not_answered_is_looked_for_and_added),
		story(a_primary_that_does_not_tell_in_time_leads_without),
		story(a_standby_that_does_not_tell_in_time_is_up_and_does_not_answer),
		story(a_lost_primary_is_noticed),
		story(an_answer_that_is_none_is_a_strike),
		story(without_the_schema_everything_else_is_known),
		story(who_may_not_read_the_key_or_the_identity_still_knows_the_rest),
		story(a_primary_that_stands_amid_a_record_is_nudged_once),
		story(a_primary_that_will_not_be_nudged_is_looked_at_as_ever),
		story(a_nudge_that_is_not_answered_is_no_strike),
		story(it_stops_although_nobody_answers),
	};

	log_setup(LOG_ERROR, LOG_HUMAN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
