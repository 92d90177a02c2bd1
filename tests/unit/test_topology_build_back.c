/* SPDX-License-Identifier: Apache-2.0 */
/* links: topology_build_story.c */
/* A primary that is back: on a timeline that was left, or with less WAL than it had. */
#include "topology_build_story.h"

#include "base/clock.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* --- back to a branch that was left ----------------------------------------------------------- */

/* R1 was promoted and has written; then it is gone, and P is back as it was. */
static void promoted_and_gone(void)
{
	all_well();
	primary_at(P, 1100, 1);
	silence(P);
	silence(P);
	primary_at(R1, 1500, 2);
	silence(R1);
	silence(R1);
}

static void p_leads_again(uint64_t lsn)
{
	answer(P, (struct node_status){ .lsn = lsn, .timeline = 1, .started_us = 2 });
}

static void standby_of_p(unsigned index, uint64_t lsn)
{
	answer(index, (struct node_status){
			      .in_recovery = true, .lsn = lsn, .timeline = 1, .started_us = 3 });
}

/* Looks of all for that long. */
static void pass(int64_t us, void (*looks)(void))
{
	for (int64_t end_us = now_us + us; now_us < end_us; now_us += 500 * US_PER_MS)
		looks();
}

static void all_follow_p(void)
{
	p_leads_again(1150);
	standby_of_p(R1, 1150);
	standby_of_p(R2, 1150);
}

static void two_follow_p(void)
{
	p_leads_again(1150);
	standby_of_p(R2, 1150);
}

static void alone(void)
{
	p_leads_again(1150);
}

static void one_disagrees(void)
{
	two_follow_p();
	replica_at(R1, 1500, 2);
}

static void one_waits_for_the_other_branch(void)
{
	two_follow_p();
	replica_at(R1, 1500, 0);
}

static void two_lead(void)
{
	two_follow_p();
	answer(R1, (struct node_status){ .lsn = 1150, .timeline = 1, .started_us = 3 });
}

static void when_all_agree_for_long_the_lower_timeline_is_followed(void **state)
{
	struct position lost = { 2, 1500 }, kept = { 1, 1100 };

	promoted_and_gone();
	all_follow_p();
	assert_true(view(P)->fenced);
	pass(9 * US_PER_S, all_follow_p);
	assert_int_equal(cluster.topology.primary, -1);
	pass(2 * US_PER_S, all_follow_p);
	assert_int_equal(cluster.topology.primary, P);
	assert_false(view(P)->fenced);
	assert_true(view(R1)->in_rotation);
	assert_true(view(R2)->in_rotation);
	assert_int_equal(branch_number(view(P)->position.timeline), 1);
	assert_true(view(P)->position.timeline > 2);
	assert_int_equal(view(R1)->position.timeline, view(P)->position.timeline);
	assert_int_equal(topology_fate(&cluster.topology, lost), FATE_LOST);
	assert_int_equal(topology_fate(&cluster.topology, kept), FATE_SURVIVED);
	assert_true(sessions_find(sessions, TEXT("bob")).forgotten_lost);
}

static void while_one_does_not_answer_they_agree_for_longer(void **state)
{
	promoted_and_gone();
	pass(29 * US_PER_S, two_follow_p);
	assert_int_equal(cluster.topology.primary, -1);
	pass(3 * US_PER_S, two_follow_p);
	assert_int_equal(cluster.topology.primary, P);
}

static void never(void (*looks)(void))
{
	promoted_and_gone();
	if (looks == alone)
		for (unsigned i = 0; i < 2; i++)
			silence(R2);
	pass(100 * US_PER_S, looks);
	assert_int_equal(cluster.topology.primary, -1);
	assert_true(view(P)->fenced);
	assert_int_equal(cluster.topology.primary_position.timeline, 2);
}

/* R2 was promoted apart from R1, and P follows it. */
static void another_timeline_of_two(void)
{
	static const struct history other = { 2, true, 1, { { 1, 700 } } };

	look_at(R2, (struct node_status){ .lsn = 1150, .timeline = 2, .started_us = 4 });
	topology_build_take_history(&cluster, R2, &other);
	look_at(P, (struct node_status){
			   .in_recovery = true, .lsn = 1150, .timeline = 2, .started_us = 4 });
	topology_build_take_history(&cluster, P, &other);
}

static void one_of_the_same_number_is_followed_when_all_agree(void **state)
{
	promoted_and_gone();
	pass(29 * US_PER_S, another_timeline_of_two);
	assert_int_equal(cluster.topology.primary, -1);
	pass(3 * US_PER_S, another_timeline_of_two);
	assert_int_equal(cluster.topology.primary, R2);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_true(view(P)->in_rotation);
}

/* R1 was copied anew from P and promoted once more, all unseen: its number says nothing. */
static void one_that_was_started_anew_has_to_tell_its_history_again(void **state)
{
	static const struct history other = { 2, true, 1, { { 1, 700 } } };
	const struct node_status back = { .lsn = 1600, .timeline = 2, .started_us = 9 };

	promoted_and_gone();
	look_at(R1, back);
	assert_int_equal(cluster.topology.primary, -1);
	topology_build_take_history(&cluster, R1, &other);
	look_at(R1, back);
	assert_int_equal(cluster.topology.primary, -1);
	assert_true(view(R1)->fenced);
}

static void without_a_primary_a_standby_of_another_history_does_not_answer(void **state)
{
	static const struct history other = { 2, true, 1, { { 1, 700 } } };
	const struct node_status there = {
		.in_recovery = true, .lsn = 1600, .timeline = 2, .started_us = 9
	};

	promoted_and_gone();
	for (int looks = 0; looks < 3; looks++)
		look_at(P, there);
	assert_false(view(P)->in_rotation);
	topology_build_take_history(&cluster, P, &other);
	for (int looks = 0; looks < 3; looks++)
		look_at(P, there);
	assert_int_equal(view(P)->role, NODE_REPLICA);
	assert_false(view(P)->in_rotation);
}

static void an_old_primary_alone_convinces_nobody(void **state)
{
	never(alone);
}

static void nor_while_a_standby_streams_from_the_one_that_is_not_seen(void **state)
{
	never(one_disagrees);
}

static void nor_while_a_standby_that_answers_streams_from_nobody(void **state)
{
	never(one_waits_for_the_other_branch);
}

static void nor_do_two_that_lead(void **state)
{
	never(two_lead);
}

static void nor_where_it_is_switched_off(void **state)
{
	cluster.back_us = 0;
	never(all_follow_p);
}

static void a_look_at_the_awaited_one_begins_the_wait_anew(void **state)
{
	promoted_and_gone();
	pass(9 * US_PER_S, all_follow_p);
	replica_at(R1, 1500, 2);
	pass(9 * US_PER_S, all_follow_p);
	assert_int_equal(cluster.topology.primary, -1);
	primary_at(R1, 1500, 2);
	assert_int_equal(cluster.topology.primary, R1);
}

static void all_on_the_second(void)
{
	primary_at(P, 2500, 2);
	replica_at(R1, 2500, 2);
	replica_at(R2, 2500, 2);
}

/* That they agreed on it before is no reason to go back with it at once. */
static void a_primary_that_was_agreed_on_goes_back_no_sooner(void **state)
{
	pass(20 * US_PER_S, all_on_the_second);
	all_follow_p();
	all_follow_p();
	assert_int_equal(cluster.topology.primary, -1);
}

static void the_only_node_is_waited_for_as_well(void **state)
{
	cluster_init(&cluster, nodes, 1, &events);
	cluster_set_limits(&cluster, &options);
	topology_build_identified(&cluster, P, US);
	for (unsigned i = 0; i < 20; i++) {
		primary_at(P, 2500, 2);
		now_us += US_PER_S;
	}
	p_leads_again(2600);
	p_leads_again(2600);
	assert_int_equal(cluster.topology.primary, -1);
	pass(11 * US_PER_S, alone);
	assert_int_equal(cluster.topology.primary, P);
}

static void gone_back(void)
{
	promoted_and_gone();
	pass(11 * US_PER_S, all_follow_p);
	assert_int_equal(cluster.topology.primary, P);
}

static void what_comes_back_of_the_branch_that_was_given_up_is_left_alone(void **state)
{
	gone_back();
	primary_at(R1, 1500, 2);
	assert_int_equal(cluster.topology.primary, P);
	primary_at(R1, 1600, 2);
	assert_true(view(R1)->fenced);
	/* Nor does its standby serve, with a primary or without. */
	for (unsigned i = 0; i < 5; i++)
		replica_at(R2, 1500, 2);
	assert_false(view(R2)->in_rotation);
	silence(P);
	silence(P);
	for (unsigned i = 0; i < 5; i++)
		replica_at(R2, 1500, 2);
	assert_false(view(R2)->in_rotation);
	assert_int_equal(cluster.topology.primary, -1);
}

static void the_next_timeline_of_that_number_is_followed_and_is_another_one(void **state)
{
	const struct history second = { 2, true, 1, { { 1, 1300 } } };
	struct position lost = { 2, 1500 };

	gone_back();
	silence(P);
	silence(P);
	look_at(R2, (struct node_status){ .lsn = 1400, .timeline = 2, .started_us = 3 });
	topology_build_take_history(&cluster, R2, &second);
	assert_int_equal(cluster.topology.primary, R2);
	assert_int_equal(branch_number(view(R2)->position.timeline), 2);
	assert_true(view(R2)->position.timeline != 2);
	assert_int_equal(topology_fate(&cluster.topology, lost), FATE_LOST);
}

static void back_twice_is_given_up_twice(void **state)
{
	const struct history second = { 2, true, 1, { { 1, 1300 } } };

	gone_back();
	silence(P);
	silence(P);
	look_at(R2, (struct node_status){ .lsn = 1400, .timeline = 2, .started_us = 3 });
	topology_build_take_history(&cluster, R2, &second);
	silence(R2);
	silence(R2);
	pass(11 * US_PER_S, all_follow_p);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 2);
}

/* --- less WAL on the same timeline ------------------------------------------------------------ */

static void restored(unsigned index, uint64_t replayed, uint64_t lsn)
{
	answer(index, (struct node_status){
			      .lsn = lsn, .switched = replayed, .timeline = 1, .started_us = 5 });
}

static void a_primary_with_less_wal_is_followed_and_what_is_behind_is_lost(void **state)
{
	struct position lost = { 1, 701 }, kept = { 1, 700 };

	all_well();
	restored(P, 700, 800);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(topology_fate(&cluster.topology, lost), FATE_LOST);
	assert_int_equal(topology_fate(&cluster.topology, kept), FATE_SURVIVED);
	assert_int_equal(cluster.topology.primary_position.lsn, 800);
	assert_true(sessions_find(sessions, TEXT("bob")).forgotten_lost);
	/* The standbys have replayed what is lost: also when the primary has passed them. */
	assert_false(view(R1)->in_rotation);
	for (unsigned i = 0; i < 9; i++) {
		restored(P, 700, 800 + 100 * i);
		replica_at(R1, 1000, 1);
	}
	assert_false(view(R1)->in_rotation);
	/* A copy of the primary is another life. */
	for (unsigned i = 0; i < 4; i++) {
		answer(R1,
		       (struct node_status){
			       .in_recovery = true, .lsn = 1600, .timeline = 1, .started_us = 6 });
		restored(P, 700, 1600);
	}
	assert_true(view(R1)->in_rotation);
}

/* A copy of a server that was stopped cleanly recovers nothing: its checkpoint tells. */
static void a_copy_of_a_stopped_server_that_has_written_on_is_found_as_well(void **state)
{
	all_well();
	answer(P, (struct node_status){
			  .lsn = 5000, .checkpoint = 700, .timeline = 1, .started_us = 5 });
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(cluster.topology.branches.past[0].cut, 700);
}

static void a_clean_restart_loses_no_wal(void **state)
{
	all_well();
	answer(P, (struct node_status){
			  .lsn = 5000, .checkpoint = 1000, .timeline = 1, .started_us = 5 });
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 0);
}

static void lost(unsigned index)
{
	silence(index);
	silence(index);
}

/* Of another log by now, perhaps, on the same timeline and beyond what is known. */
static void a_restarted_replica_that_streams_waits_for_the_primary(void **state)
{
	struct node_status status = {
		.in_recovery = true, .lsn = 1500, .timeline = 1, .started_us = 2
	};

	all_well();
	lost(P);
	assert_true(view(R1)->in_rotation);
	answer(R1, status);
	assert_false(view(R1)->in_rotation);
	lost(R2);
	status.started_us = 3;
	for (unsigned i = 0; i < 5; i++) {
		answer(R1, status);
		answer(R2, status);
	}
	assert_false(view(R1)->in_rotation);
	assert_false(view(R2)->in_rotation);
	status.timeline = 0;
	for (unsigned i = 0; i < 5; i++)
		answer(R1, status);
	assert_false(view(R1)->in_rotation);
	primary_at(P, 2000, 1);
	status.timeline = 1;
	status.lsn = 2000;
	for (unsigned i = 0; i < 5; i++)
		answer(R1, status);
	assert_true(view(R1)->in_rotation);
	lost(P);
	answer(R1, status);
	assert_true(view(R1)->in_rotation);
}

/* The primary may be another one by now, and is believed to be the one it was. */
static void a_restarted_replica_waits_until_the_primary_was_asked(void **state)
{
	struct node_status status = {
		.in_recovery = true, .lsn = 1500, .timeline = 1, .started_us = 2
	};

	all_well();
	for (unsigned i = 0; i < 5; i++) {
		answer(R1, status);
		assert_false(view(R1)->in_rotation);
	}
	lost(P);
	answer(R1, status);
	assert_false(view(R1)->in_rotation);
	primary_at(P, 1500, 1);
	for (unsigned i = 0; i < 3; i++)
		answer(R1, status);
	assert_true(view(R1)->in_rotation);
}

/* It is known as far as it can be. */
static void a_restarted_replica_without_a_primary_comes_back(void **state)
{
	struct node_status status = { .in_recovery = true, .lsn = 1000, .started_us = 2 };

	all_well();
	lost(P);
	for (unsigned i = 0; i < 9; i++) {
		answer(R1, status);
		assert_false(view(R1)->in_rotation);
		now_us += US_PER_S;
	}
	now_us += US_PER_S;
	answer(R1, status);
	assert_true(view(R1)->in_rotation);
	status.timeline_hidden = true;
	answer(R1, status);
	assert_false(view(R1)->in_rotation);
}

static void a_crash_loses_no_wal(void **state)
{
	all_well();
	restored(P, 1000, 1100);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 0);
	assert_true(view(R1)->in_rotation);
}

/* Where its recovery ended tells, however far it has come since. */
static void a_copy_that_has_written_on_is_found_as_well(void **state)
{
	all_well();
	restored(P, 700, 5000);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(cluster.topology.branches.past[0].cut, 700);
	restored(P, 700, 6000);
	assert_int_equal(cluster.topology.branches.era, 1);
}

static void half_a_record_that_was_flushed_is_no_loss(void **state)
{
	primary_at(P, 8192, 1);
	restored(P, 8100, 8300);
	assert_int_equal(cluster.topology.branches.era, 0);
}

static void half_a_record_hides_no_loss_of_whole_ones(void **state)
{
	primary_at(P, 8150, 1);
	primary_at(P, 8192, 1);
	restored(P, 8100, 8300);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(cluster.topology.branches.past[0].cut, 8100);
}

static void lost_for_a_while_and_back_with_less(void **state)
{
	all_well();
	silence(P);
	silence(P);
	restored(P, 0, 800);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.past[0].cut, 800);
}

static void an_older_copy_elsewhere_is_no_primary_until_all_agree(void **state)
{
	all_well();
	silence(P);
	silence(P);
	restored(R1, 700, 800);
	assert_int_equal(cluster.topology.primary, -1);
	/* Nor by growing. */
	restored(R1, 700, 1200);
	assert_int_equal(cluster.topology.primary, -1);
	for (int64_t end_us = now_us + 31 * US_PER_S; now_us < end_us; now_us += US_PER_S / 2) {
		restored(R1, 700, 1200);
		standby_of_p(R2, 1200);
	}
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(cluster.topology.branches.era, 1);
}

static void a_replica_of_an_older_copy_is_only_behind(void **state)
{
	all_well();
	answer(R1, (struct node_status){
			   .in_recovery = true, .lsn = 10, .timeline = 1, .started_us = 5 });
	primary_at(P, 1000, 1);
	assert_int_equal(view(R1)->position.lsn, 10);
	assert_int_equal(cluster.topology.branches.era, 0);
	assert_int_equal(cluster.topology.primary, P);
}

static void a_lower_timeline_with_less_wal_loses_both(void **state)
{
	struct position both = { 1, 950 };

	promoted_and_gone();
	for (int64_t end_us = now_us + 11 * US_PER_S; now_us < end_us; now_us += US_PER_S / 2) {
		restored(P, 900, 910);
		standby_of_p(R1, 900);
		standby_of_p(R2, 900);
	}
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(topology_fate(&cluster.topology, both), FATE_LOST);
}

#define story(name) cmocka_unit_test_setup_teardown(name, topology_build_begin, topology_build_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(when_all_agree_for_long_the_lower_timeline_is_followed),
		story(while_one_does_not_answer_they_agree_for_longer),
		story(an_old_primary_alone_convinces_nobody),
		story(nor_while_a_standby_streams_from_the_one_that_is_not_seen),
		story(nor_while_a_standby_that_answers_streams_from_nobody),
		story(nor_do_two_that_lead),
		story(nor_where_it_is_switched_off),
		story(a_look_at_the_awaited_one_begins_the_wait_anew),
		story(a_primary_that_was_agreed_on_goes_back_no_sooner),
		story(the_only_node_is_waited_for_as_well),
		story(what_comes_back_of_the_branch_that_was_given_up_is_left_alone),
		story(the_next_timeline_of_that_number_is_followed_and_is_another_one),
		story(one_of_the_same_number_is_followed_when_all_agree),
		story(one_that_was_started_anew_has_to_tell_its_history_again),
		story(without_a_primary_a_standby_of_another_history_does_not_answer),
		story(back_twice_is_given_up_twice),
		story(a_primary_with_less_wal_is_followed_and_what_is_behind_is_lost),
		story(a_crash_loses_no_wal),
		story(a_clean_restart_loses_no_wal),
		story(a_restarted_replica_that_streams_waits_for_the_primary),
		story(a_restarted_replica_waits_until_the_primary_was_asked),
		story(a_restarted_replica_without_a_primary_comes_back),
		story(a_copy_of_a_stopped_server_that_has_written_on_is_found_as_well),
		story(a_copy_that_has_written_on_is_found_as_well),
		story(half_a_record_that_was_flushed_is_no_loss),
		story(half_a_record_hides_no_loss_of_whole_ones),
		story(lost_for_a_while_and_back_with_less),
		story(an_older_copy_elsewhere_is_no_primary_until_all_agree),
		story(a_replica_of_an_older_copy_is_only_behind),
		story(a_lower_timeline_with_less_wal_loses_both),
	};

	log_setup(LOG_ERROR, LOG_HUMAN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
