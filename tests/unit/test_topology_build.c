/* SPDX-License-Identifier: Apache-2.0 */
/* links: topology_build_story.c */
/* From looks to the topology: stories of a primary p and its replicas. */
#include "topology_build_story.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the log --------------------------------------------------------------------------------- */

static unsigned log_lines_with(FILE *log, const char *words)
{
	char line[1024];
	unsigned count = 0;

	rewind(log);
	while (fgets(line, sizeof(line), log))
		count += strstr(line, words) != NULL;
	return count;
}

static void a_node_that_comes_and_goes_is_told_only_so_often(void **state)
{
	FILE *log = tmpfile();
	int saved = dup(STDERR_FILENO);

	assert_non_null(log);
	repeats_forget();
	all_well();
	log_setup(LOG_INFO, LOG_HUMAN);
	dup2(fileno(log), STDERR_FILENO);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 10; k++)
			silence(R1);
		for (unsigned k = 0; k < 10; k++)
			replica_at(R1, 1000, 1);
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	log_setup(LOG_ERROR, LOG_HUMAN);
	assert_in_range(log_lines_with(log, "lost: "), 1, 5);
	assert_in_range(log_lines_with(log, "back"), 1, 5);
	assert_in_range(log_lines_with(log, "in rotation"), 1, 5);
	fclose(log);
}

/* --- the start ------------------------------------------------------------------------------- */

static void at_the_start_there_is_nobody(void **state)
{
	assert_int_equal(cluster.topology.primary, -1);
	assert_false(cluster.topology.primary_seen);
	for (unsigned i = 0; i < NODES; i++) {
		assert_int_equal(view(i)->role, NODE_UNKNOWN);
		assert_false(node_is_up(view(i)));
		assert_false(view(i)->in_rotation);
	}
}

static void roles_are_found_by_asking_and_good_replicas_enter_at_once(void **state)
{
	replica_at(P, 1000, 1);
	replica_at(R2, 1000, 1);
	assert_int_equal(cluster.topology.primary, -1);
	primary_at(R1, 1000, 1);
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(view(R1)->role, NODE_PRIMARY);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(view(P)->role, NODE_REPLICA);
	assert_true(view(P)->in_rotation);
	assert_true(view(R2)->in_rotation);
}

static void nobody_is_admitted_while_the_primary_may_still_answer(void **state)
{
	replica_at(R1, 1000, 1);
	silence(R2);
	assert_false(view(R1)->in_rotation);
	primary_at(P, 5000000, 1);
	/* It is too far behind, which could not be known before. */
	assert_false(view(R1)->in_rotation);
}

static void without_any_primary_replicas_serve(void **state)
{
	replica_at(R1, 1000, 1);
	replica_at(R2, 900, 1);
	assert_false(view(R1)->in_rotation);
	silence(P);
	assert_true(view(R1)->in_rotation);
	assert_true(view(R2)->in_rotation);
	assert_int_equal(view(R1)->lag_us, -1);
	assert_int_equal(view(R1)->lag_bytes, -1);
	assert_int_equal(view(R1)->lag_seen_us, 0);
	assert_int_equal(sessions_floor(sessions).lsn, 0);
}

static void the_first_primary_sets_the_floor(void **state)
{
	primary_at(P, 1000, 1);
	assert_int_equal(sessions_floor(sessions).lsn, 1000);
	primary_at(P, 2000, 1);
	assert_int_equal(sessions_floor(sessions).lsn, 1000);
	assert_int_equal(cluster.topology.primary_position.lsn, 2000);
}

/* --- lag ------------------------------------------------------------------------------------- */

static void a_replica_beyond_the_bytes_leaves_and_returns(void **state)
{
	all_well();
	primary_at(P, 1001001, 1);
	replica_at(R1, 1000, 1);
	assert_true(view(R1)->in_rotation);
	replica_at(R1, 1000, 1);
	assert_false(view(R1)->in_rotation);
	assert_int_equal(view(R1)->lag_bytes, 1000001);
	assert_true(view(R2)->in_rotation);
	replica_at(R1, 1001, 1);
	replica_at(R1, 1001, 1);
	assert_false(view(R1)->in_rotation);
	replica_at(R1, 1001, 1);
	assert_true(view(R1)->in_rotation);
}

static void a_replica_beyond_the_time_leaves(void **state)
{
	all_well();
	primary_at(P, 1100, 1);
	now_us += US_PER_S + 10000;
	primary_at(P, 1100, 1);
	replica_at(R1, 1099, 1);
	replica_at(R1, 1099, 1);
	replica_at(R2, 1100, 1);
	replica_at(R2, 1100, 1);
	assert_false(view(R1)->in_rotation);
	assert_true(view(R1)->lag_us > US_PER_S);
	assert_true(view(R2)->in_rotation);
	assert_true(view(R2)->lag_us < 100000);
}

static void an_idle_cluster_has_no_lag(void **state)
{
	all_well();
	for (unsigned i = 0; i < 50; i++) {
		now_us += 100000;
		all_well();
	}
	assert_true(view(R1)->in_rotation);
	assert_true(view(R1)->lag_us < 10000);
	assert_int_equal(view(R1)->lag_bytes, 0);
}

static void zero_means_no_limit(void **state)
{
	cluster.lag_us_max = 0;
	cluster.lag_bytes_max = 0;
	primary_at(P, UINT64_C(1) << 50, 1);
	replica_at(R1, 1, 1);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(view(R1)->lag_us, -1);
}

static void a_lag_that_is_not_known_keeps_it_out(void **state)
{
	primary_at(P, 1000, 1);
	replica_at(R1, 999, 1);
	assert_false(view(R1)->in_rotation);
	replica_at(R1, 1000, 1);
	assert_true(view(R1)->in_rotation);
}

/* --- the primary goes ------------------------------------------------------------------------ */

static void replicas_serve_on_when_the_primary_is_gone(void **state)
{
	all_well();
	silence(P);
	assert_int_equal(cluster.topology.primary, P);
	silence(P);
	assert_int_equal(cluster.topology.primary, -1);
	assert_false(node_is_up(view(P)));
	assert_int_equal(view(P)->role, NODE_UNKNOWN);
	assert_int_equal(cluster.topology.primary_position.lsn, 1000);
	for (unsigned i = 0; i < 100; i++) {
		now_us += US_PER_S;
		replica_at(R1, 1000, 1);
	}
	assert_true(view(R1)->in_rotation);
	/* But their age is told as it is. */
	assert_true(view(R1)->lag_us > 100 * US_PER_S);
}

static void a_promotion_moves_the_primary_the_floor_and_fences_the_old_one(void **state)
{
	all_well();
	primary_at(P, 3000, 1);
	primary_at(R1, 2500, 2);
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(view(R1)->role, NODE_PRIMARY);
	assert_int_equal(view(P)->role, NODE_UNKNOWN);
	assert_false(view(P)->in_rotation);
	assert_int_equal(sessions_floor(sessions).timeline, 2);
	assert_int_equal(sessions_floor(sessions).lsn, 2500);
	assert_int_equal(cluster.topology.primary_position.lsn, 2500);

	primary_at(P, 9000, 1);
	assert_int_equal(cluster.topology.primary, R1);
	/* Nor when the new one is silent: never back to a lower timeline. */
	silence(R1);
	silence(R1);
	primary_at(P, 9000, 1);
	assert_int_equal(cluster.topology.primary, -1);
}

static void the_new_primary_begins_a_new_measure_of_lag(void **state)
{
	all_well();
	/* The old one wrote on, which nobody got; the new one is further already. */
	primary_at(P, 3000, 1);
	primary_at(R1, 5000, 2);
	replica_at(R2, 4000, 2);
	/* What the old one had at that lsn says nothing about what this replica shows. */
	assert_int_equal(view(R2)->lag_us, -1);
	replica_at(R2, 5000, 2);
	assert_true(view(R2)->lag_us >= 0);
}

static void a_replica_of_the_old_timeline_leaves_until_it_follows(void **state)
{
	all_well();
	primary_at(R1, 2500, 2);
	replica_at(R2, 1000, 1);
	replica_at(R2, 1000, 0);
	assert_false(view(R2)->in_rotation);
	for (unsigned i = 0; i < 3; i++)
		replica_at(R2, 2500, 2);
	assert_true(view(R2)->in_rotation);
	assert_int_equal(view(R2)->position.timeline, 2);
}

static void the_old_primary_comes_back_as_a_replica(void **state)
{
	all_well();
	primary_at(R1, 2500, 2);
	/* It has not streamed yet: its timeline is still the one it wrote itself. */
	replica_at(P, 3000, 0);
	assert_int_equal(view(P)->role, NODE_REPLICA);
	assert_false(view(P)->in_rotation);
	replica_at(P, 3000, 2);
	assert_true(view(P)->in_rotation);
}

static void of_two_primaries_on_one_timeline_the_one_that_was_it_stays(void **state)
{
	primary_at(R1, 1000, 1);
	primary_at(P, 2000, 1);
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(view(P)->role, NODE_UNKNOWN);
}

static void a_timeline_that_was_never_told_is_believed_only_before_any_promotion(void **state)
{
	primary_at(P, 1000, 1);
	replica_at(R1, 1000, 0);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(view(R1)->position.timeline, 1);

	topology_build_end(NULL);
	topology_build_begin(NULL);
	primary_at(P, 1000, 2);
	replica_at(R1, 1000, 0);
	assert_false(view(R1)->in_rotation);
	replica_at(R1, 1000, 2);
	assert_true(view(R1)->in_rotation);
}

static void hidden_behind(unsigned index, uint64_t lsn, uint32_t checkpointed)
{
	answer(index, (struct node_status){
			      .in_recovery = true,
			      .lsn = lsn,
			      .timeline_hidden = true,
			      .checkpointed = checkpointed,
		      });
}

static void hidden_at(unsigned index, uint64_t lsn)
{
	hidden_behind(index, lsn, 1);
}

static void a_hidden_timeline_is_the_primarys_before_any_promotion(void **state)
{
	primary_at(P, 1000, 1);
	hidden_at(R1, 1000);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(view(R1)->position.timeline, 1);
	assert_int_equal(node_history_wanted(&cluster, R1), NODE_HISTORY_WANTS_NOTHING);
}

static void after_a_promotion_a_walsender_tells_a_hidden_timeline(void **state)
{
	const struct history old = { .timeline = 1, .complete = true }, new = history_of(2);

	primary_at(P, 1000, 2);
	hidden_at(R1, 1000);
	assert_false(view(R1)->in_rotation);
	assert_int_equal(node_history_wanted(&cluster, R1), NODE_HISTORY_WANTS_TIMELINE);
	topology_build_take_history(&cluster, R1, &old);
	hidden_at(R1, 1000);
	assert_false(view(R1)->in_rotation);
	assert_int_equal(node_history_wanted(&cluster, R1), NODE_HISTORY_WANTS_TIMELINE);
	topology_build_take_history(&cluster, R1, &new);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(node_history_wanted(&cluster, R1), NODE_HISTORY_WANTS_NOTHING);
}

static void a_hidden_timeline_that_nobody_tells_is_that_of_the_last_restartpoint(void **state)
{
	primary_at(P, 1000, 3);
	hidden_behind(R1, 1000, 2);
	topology_build_refused_history(&cluster, R1, "must be superuser or replication role");
	hidden_behind(R1, 1000, 2);
	assert_false(view(R1)->in_rotation);
	hidden_behind(R1, 1000, 3);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(view(R1)->position.timeline, 3);
	for (unsigned i = 0; i < cluster.strikes_max; i++)
		hidden_behind(R1, 1000, 4);
	assert_false(view(R1)->in_rotation);
}

/* --- histories ------------------------------------------------------------------------------- */

static void a_new_primary_waits_for_its_history(void **state)
{
	const struct history history = history_of(2);

	all_well();
	look_at(R1, (struct node_status){ .lsn = 2500, .timeline = 2 });
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(node_history_wanted(&cluster, R1), 2);
	assert_false(view(R1)->fenced);
	topology_build_take_history(&cluster, R1, &history);
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(cluster.topology.history.timeline, 2);
	assert_true(cluster.topology.history.complete);
	assert_int_equal(node_history_wanted(&cluster, R1), NODE_HISTORY_WANTS_NOTHING);
}

static void a_history_that_is_refused_leaves_what_the_node_tells_itself(void **state)
{
	const struct history *history = &cluster.topology.history;

	all_well();
	look_at(R1, (struct node_status){ .lsn = 2500, .timeline = 2, .switched = 2100 });
	topology_build_refused_history(&cluster, R1, "no entry in pg_hba.conf");
	assert_int_equal(cluster.topology.primary, R1);
	assert_false(history->complete);
	assert_int_equal(history_fate(history, (struct position){ 1, 2100 }), FATE_SURVIVED);
	assert_int_equal(history_fate(history, (struct position){ 1, 2101 }), FATE_LOST);
	/* It may be told later, after all. */
	assert_int_equal(node_history_wanted(&cluster, R1), 2);
	tell_history(R1);
	assert_true(history->complete);
}

static void without_knowing_the_ancestor_only_a_loss_is_told(void **state)
{
	const struct history *history = &cluster.topology.history;

	look_at(R1, (struct node_status){ .lsn = 2500, .timeline = 3, .switched = 2100 });
	topology_build_refused_history(&cluster, R1, "no entry in pg_hba.conf");
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(history_fate(history, (struct position){ 2, 2100 }), FATE_UNKNOWN);
	assert_int_equal(history_fate(history, (struct position){ 2, 2101 }), FATE_LOST);
}

static void after_its_restart_a_primary_tells_nothing(void **state)
{
	const struct history *history = &cluster.topology.history;

	look_at(R1, (struct node_status){ .lsn = 2500, .timeline = 2 });
	topology_build_refused_history(&cluster, R1, "no entry in pg_hba.conf");
	assert_int_equal(history->timeline, 2);
	assert_int_equal(history_fate(history, (struct position){ 1, 99999 }), FATE_UNKNOWN);
}

static void replicas_of_the_old_timeline_leave_with_the_promotion(void **state)
{
	all_well();
	primary_at(R1, 2500, 2);
	assert_false(view(R2)->in_rotation);
	replica_at(R2, 2500, 2);
	assert_true(view(R2)->in_rotation);
}

static void nor_do_they_return_when_the_new_primary_is_gone(void **state)
{
	all_well();
	primary_at(R1, 2500, 2);
	silence(R1);
	silence(R1);
	assert_int_equal(cluster.topology.primary, -1);
	for (unsigned i = 0; i < 5; i++)
		replica_at(R2, 2600, 1);
	assert_false(view(R2)->in_rotation);
	for (unsigned i = 0; i < 5; i++)
		replica_at(R2, 2600, 2);
	assert_true(view(R2)->in_rotation);
}

static void two_promotions_to_one_number_are_told_apart(void **state)
{
	struct history other = history_of(2);

	all_well();
	primary_at(R1, 2500, 2);
	other.switches[0].lsn++;
	look_at(R2, (struct node_status){ .lsn = 2600, .timeline = 2 });
	topology_build_take_history(&cluster, R2, &other);
	assert_int_equal(cluster.topology.primary, R1);
	look_at(R2, (struct node_status){ .lsn = 2600, .timeline = 2 });
	assert_true(view(R2)->fenced);
	/* Nor is its replica a replica of ours. */
	look_at(P, (struct node_status){ .in_recovery = true, .lsn = 2500, .timeline = 2 });
	topology_build_take_history(&cluster, P, &other);
	look_at(P, (struct node_status){ .in_recovery = true, .lsn = 2500, .timeline = 2 });
	assert_false(view(P)->in_rotation);
	silence(R1);
	silence(R1);
	look_at(R2, (struct node_status){ .lsn = 2600, .timeline = 2 });
	assert_int_equal(cluster.topology.primary, -1);
}

/* --- lives ----------------------------------------------------------------------------------- */

static void within_a_life_the_position_never_goes_back(void **state)
{
	all_well();
	replica_at(R1, 900, 1);
	assert_int_equal(view(R1)->position.lsn, 1000);
	assert_int_equal(view(R1)->life, 1);
}

static void a_restarted_replica_may_be_further_back(void **state)
{
	all_well();
	answer(R1, (struct node_status){
			   .in_recovery = true, .lsn = 500, .timeline = 1, .started_us = 2 });
	assert_int_equal(view(R1)->position.lsn, 500);
	assert_int_equal(view(R1)->life, 2);
}

static void a_lost_replica_is_another_life_and_comes_back_slowly(void **state)
{
	all_well();
	silence(R1);
	assert_true(node_is_up(view(R1)));
	assert_true(view(R1)->in_rotation);
	silence(R1);
	assert_false(node_is_up(view(R1)));
	assert_false(view(R1)->in_rotation);
	assert_int_equal(view(R1)->role, NODE_UNKNOWN);
	assert_int_equal(view(R1)->life, 2);
	replica_at(R1, 1000, 1);
	assert_true(node_is_up(view(R1)));
	assert_int_equal(view(R1)->role, NODE_REPLICA);
	assert_false(view(R1)->in_rotation);
	replica_at(R1, 1000, 1);
	replica_at(R1, 1000, 1);
	assert_true(view(R1)->in_rotation);
	assert_int_equal(view(R1)->life, 2);
}

static void a_promoted_node_is_another_life(void **state)
{
	all_well();
	primary_at(R1, 1000, 2);
	assert_int_equal(view(R1)->life, 2);
}

/* --- strangers ------------------------------------------------------------------------------- */

static void a_replica_of_another_cluster_never_enters(void **state)
{
	topology_build_identified(&cluster, R1, US + 1);
	all_well();
	replica_at(R1, 1000, 1);
	assert_false(view(R1)->in_rotation);
	assert_true(view(R2)->in_rotation);
}

static void a_primary_of_another_cluster_is_left_alone(void **state)
{
	all_well();
	topology_build_identified(&cluster, R1, US + 1);
	primary_at(R1, 2500, 2);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(view(R1)->role, NODE_UNKNOWN);
}

static void the_primary_says_which_cluster_is_ours(void **state)
{
	cluster_init(&cluster, nodes, NODES, &events);
	cluster_set_limits(&cluster, &options);
	topology_build_identified(&cluster, R1, US + 1);
	cluster.topology.key_known = true;
	topology_build_identified(&cluster, P, US);
	topology_build_identified(&cluster, R2, US);
	all_well();
	assert_true(cluster.topology.system_identifier == US);
	assert_false(cluster.topology.key_known);
	assert_false(view(R1)->in_rotation);
	assert_true(view(R2)->in_rotation);
}

/* --- news ------------------------------------------------------------------------------------ */

static void only_more_than_positions_is_news(void **state)
{
	struct topology before;

	all_well();
	before = cluster.topology;
	primary_at(P, 1100, 1);
	replica_at(R1, 1100, 1);
	assert_false(topology_differs(&before, &cluster.topology));
	answer(R1, (struct node_status){
			   .in_recovery = true, .lsn = 1100, .timeline = 1, .paused = true });
	assert_true(topology_differs(&before, &cluster.topology));
	before = cluster.topology;
	silence(R2);
	assert_false(topology_differs(&before, &cluster.topology));
	silence(R2);
	assert_true(topology_differs(&before, &cluster.topology));
}

#define story(name) cmocka_unit_test_setup_teardown(name, topology_build_begin, topology_build_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_node_that_comes_and_goes_is_told_only_so_often),
		story(at_the_start_there_is_nobody),
		story(roles_are_found_by_asking_and_good_replicas_enter_at_once),
		story(nobody_is_admitted_while_the_primary_may_still_answer),
		story(without_any_primary_replicas_serve),
		story(the_first_primary_sets_the_floor),
		story(a_replica_beyond_the_bytes_leaves_and_returns),
		story(a_replica_beyond_the_time_leaves),
		story(an_idle_cluster_has_no_lag),
		story(zero_means_no_limit),
		story(a_lag_that_is_not_known_keeps_it_out),
		story(replicas_serve_on_when_the_primary_is_gone),
		story(a_promotion_moves_the_primary_the_floor_and_fences_the_old_one),
		story(the_new_primary_begins_a_new_measure_of_lag),
		story(a_replica_of_the_old_timeline_leaves_until_it_follows),
		story(the_old_primary_comes_back_as_a_replica),
		story(of_two_primaries_on_one_timeline_the_one_that_was_it_stays),
		story(a_timeline_that_was_never_told_is_believed_only_before_any_promotion),
		story(a_hidden_timeline_is_the_primarys_before_any_promotion),
		story(after_a_promotion_a_walsender_tells_a_hidden_timeline),
		story(a_hidden_timeline_that_nobody_tells_is_that_of_the_last_restartpoint),
		story(a_new_primary_waits_for_its_history),
		story(a_history_that_is_refused_leaves_what_the_node_tells_itself),
		story(without_knowing_the_ancestor_only_a_loss_is_told),
		story(after_its_restart_a_primary_tells_nothing),
		story(replicas_of_the_old_timeline_leave_with_the_promotion),
		story(nor_do_they_return_when_the_new_primary_is_gone),
		story(two_promotions_to_one_number_are_told_apart),
		story(within_a_life_the_position_never_goes_back),
		story(a_restarted_replica_may_be_further_back),
		story(a_lost_replica_is_another_life_and_comes_back_slowly),
		story(a_promoted_node_is_another_life),
		story(a_replica_of_another_cluster_never_enters),
		story(a_primary_of_another_cluster_is_left_alone),
		story(the_primary_says_which_cluster_is_ours),
		story(only_more_than_positions_is_news),
	};

	log_setup(LOG_ERROR, LOG_HUMAN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
