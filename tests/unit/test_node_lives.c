/* SPDX-License-Identifier: Apache-2.0 */
/* links: topology_build_story.c */
/* What nodes tell of the lives of their logs: who leads, who answers, what was lost. */
#include "router/cluster/node_lives.h"

#include "base/log.h"
#include "topology_build_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { A = 11, B = 22, C = 33 };

static void may_be_asked(void)
{
	for (unsigned i = 0; i < NODES; i++)
		topology_build_tells_lives(&cluster, i, true);
}

static struct lives list(unsigned count, struct life one, struct life two, struct life three)
{
	return (struct lives){ .count = count, .whole = true, .items = { one, two, three } };
}

static const struct life a = { A, 1, 1, 100 }, none;

static void tell(unsigned index, struct lives lives)
{
	topology_build_take_lives(&cluster, index, &lives);
	topology_build_refresh(&cluster, now_us);
}

/* All at 1000 in life A, which is named. */
static void all_well_in_a(void)
{
	may_be_asked();
	all_well();
	tell(P, list(1, a, none, none));
	tell(R1, list(1, a, none, none));
	tell(R2, list(1, a, none, none));
	replica_at(R1, 1000, 1);
	replica_at(R2, 1000, 1);
	assert_int_equal(cluster.topology.primary, P);
}

static void p_is_back_with(uint64_t lsn)
{
	silence(P);
	silence(P);
	answer(P, (struct node_status){ .lsn = lsn, .timeline = 1, .started_us = 2 });
}

static enum fate fate_of(uint32_t timeline, uint64_t lsn)
{
	return topology_fate(&cluster.topology, (struct position){ timeline, lsn });
}

/* --- before it is followed -------------------------------------------------------------------- */

static void before_its_lives_are_told_a_node_is_not_the_primary(void **state)
{
	may_be_asked();
	primary_at(P, 910, 1);
	assert_int_equal(cluster.topology.primary, -1);
	assert_false(view(P)->fenced);
	assert_true(node_lives_wanted(&cluster, P));
	tell(P, list(1, a, none, none));
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.lives.count, 1);
	assert_false(node_lives_wanted(&cluster, P));
}

static void a_life_that_is_missing_is_added_first(void **state)
{
	may_be_asked();
	primary_at(P, 910, 1);
	tell(P, list(0, none, none, none));
	assert_int_equal(cluster.topology.primary, -1);
	assert_int_equal(cluster.memory[P].lives_state, LIVES_DUE);
	topology_build_tried_life(&cluster, P);
	assert_true(node_lives_wanted(&cluster, P));
	tell(P, list(1, a, none, none));
	assert_int_equal(cluster.topology.primary, P);
}

static void where_it_cannot_be_added_the_node_is_followed_without(void **state)
{
	may_be_asked();
	primary_at(P, 910, 1);
	tell(P, list(0, none, none, none));
	topology_build_tried_life(&cluster, P);
	tell(P, list(0, none, none, none));
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.lives.count, 0);
}

static void where_they_may_not_be_asked_for_the_node_is_followed_without(void **state)
{
	primary_at(P, 910, 1);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.lives.count, 0);
}

/* An old primary beside the new one gets no row: nothing is sent to a node that is fenced. */
static void a_node_that_would_not_lead_does_not_get_its_life(void **state)
{
	all_well_in_a();
	silence(P);
	silence(P);
	primary_at(R1, 1500, 2);
	tell(R1, list(2, a, (struct life){ B, 2, 1, 1200 }, none));
	assert_int_equal(cluster.topology.primary, R1);
	answer(P, (struct node_status){ .lsn = 1300, .timeline = 1, .started_us = 2 });
	tell(P, list(1, a, none, none));
	assert_int_equal(cluster.memory[P].lives_state, LIVES_READ);
	assert_int_equal(cluster.topology.primary, R1);
	answer(P, (struct node_status){ .lsn = 1300, .timeline = 1, .started_us = 2 });
	assert_true(view(P)->fenced);
}

/* --- what was lost ---------------------------------------------------------------------------- */

static void a_restart_that_kept_all_loses_nothing(void **state)
{
	all_well_in_a();
	p_is_back_with(1100);
	tell(P, list(2, a, (struct life){ B, 1, 2, 1000 }, none));
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 0);
	assert_int_equal(cluster.topology.lives.count, 2);
}

/* It has written on, so that its position shows nothing. */
static void an_older_copy_that_has_written_on_is_known_by_where_its_life_began(void **state)
{
	all_well_in_a();
	p_is_back_with(5000);
	tell(P, list(2, a, (struct life){ C, 1, 2, 600 }, none));
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(fate_of(1, 600), FATE_SURVIVED);
	assert_int_equal(fate_of(1, 601), FATE_LOST);
}

static void what_was_flushed_amid_a_record_is_no_loss(void **state)
{
	may_be_asked();
	primary_at(P, 8192, 1);
	tell(P, list(1, a, none, none));
	p_is_back_with(9000);
	tell(P, list(2, a, (struct life){ B, 1, 2, 8100 }, none));
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 0);
}

/* B was led by the same server. The copy is older, though longer than what B had kept. */
static void a_copy_without_a_life_that_was_followed_loses_that(void **state)
{
	all_well_in_a();
	p_is_back_with(1100);
	tell(P, list(2, a, (struct life){ B, 1, 2, 1000 }, none));
	silence(P);
	silence(P);
	answer(P, (struct node_status){ .lsn = 4000, .timeline = 1, .started_us = 3 });
	tell(P, list(2, a, (struct life){ C, 1, 3, 1050 }, none));
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(fate_of(1, 1000), FATE_SURVIVED);
	assert_int_equal(fate_of(1, 1001), FATE_LOST);
	assert_true(lives_are_gone(&cluster.topology.lives_gone, B));
}

/* The copy was restored, ran and lost its standby to a promotion, all unseen. */
static void a_promoted_standby_of_an_older_copy_shows_what_that_lost(void **state)
{
	struct lives lives =
		list(3, a, (struct life){ C, 1, 3, 450 }, (struct life){ B, 2, 5, 500 });

	all_well_in_a();
	silence(P);
	silence(P);
	answer(R1, (struct node_status){ .lsn = 1600, .timeline = 2, .started_us = 5 });
	tell(R1, lives);
	assert_int_equal(cluster.topology.primary, R1);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(fate_of(1, 451), FATE_LOST);
	assert_int_equal(fate_of(1, 450), FATE_SURVIVED);
}

static uint64_t acknowledged_lsn;

static struct position acknowledged(void *arg)
{
	(void)arg;
	return (struct position){ 1, acknowledged_lsn };
}

/* The last status told 1000. */
static void p_is_back_in_c_from(uint64_t began)
{
	cluster.events.acknowledged = acknowledged;
	p_is_back_with(5000);
	tell(P, list(2, a, (struct life){ C, 1, 2, began }, none));
	assert_int_equal(cluster.topology.primary, P);
}

static void what_was_acknowledged_since_the_last_status_is_lost_too(void **state)
{
	all_well_in_a();
	acknowledged_lsn = 1408;
	p_is_back_in_c_from(1200);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(fate_of(1, 1200), FATE_SURVIVED);
	assert_int_equal(fate_of(1, 1201), FATE_LOST);
}

/* A status that was sent before the commit was acknowledged tells less. */
static void what_is_acknowledged_makes_no_status_a_loss(void **state)
{
	all_well();
	acknowledged_lsn = 1408;
	cluster.events.acknowledged = acknowledged;
	replica_at(R1, 1000, 1);
	primary_at(P, 1000, 1);
	replica_at(R1, 1000, 1);
	assert_int_equal(cluster.topology.branches.era, 0);
	assert_int_equal(cluster.topology.primary, P);
}

/* --- standbys --------------------------------------------------------------------------------- */

/* P was restored at 600 before this process was started, and has passed what R1 had. */
static void p_leads_in_c(void)
{
	may_be_asked();
	answer(P, (struct node_status){ .lsn = 5000, .timeline = 1, .started_us = 2 });
	tell(P, list(2, a, (struct life){ C, 1, 2, 600 }, none));
	assert_int_equal(cluster.topology.primary, P);
}

static void looks_at_r1(struct lives lives)
{
	for (int looks = 0; looks < 4; looks++) {
		answer(P, (struct node_status){ .lsn = 5000, .timeline = 1, .started_us = 2 });
		replica_at(R1, 5000, 1);
		tell(R1, lives);
	}
}

static void a_standby_that_still_has_the_lost_log_does_not_answer(void **state)
{
	p_leads_in_c();
	looks_at_r1(list(1, a, none, none));
	assert_int_equal(view(R1)->role, NODE_REPLICA);
	assert_false(view(R1)->in_rotation);
	assert_true(node_lives_wanted(&cluster, R1));
}

static void before_any_primary_a_standby_tells_its_log(void **state)
{
	may_be_asked();
	silence(P);
	silence(P);
	replica_at(R2, 500, 1);
	replica_at(R1, 500, 1);
	assert_int_equal(view(R1)->log_mark, 0);
	assert_true(node_lives_wanted(&cluster, R1));
	tell(R1, list(1, a, none, none));
	assert_int_equal(view(R1)->log_mark, a.mark);
	assert_false(node_lives_wanted(&cluster, R1));
	replica_at(R1, 600, 1);
	assert_true(node_lives_wanted(&cluster, R1));
	answer(R1, (struct node_status){
			   .in_recovery = true, .lsn = 600, .timeline = 1, .started_us = 9 });
	assert_int_equal(view(R1)->log_mark, 0);
}

/* The primary that it was a copy of is gone, and what it follows now is not known. */
static void without_a_primary_it_does_not_answer_either(void **state)
{
	p_leads_in_c();
	silence(P);
	silence(P);
	for (int looks = 0; looks < 4; looks++) {
		replica_at(R1, 5000, 1);
		tell(R1, list(1, a, none, none));
	}
	assert_int_equal(cluster.topology.primary, -1);
	assert_false(view(R1)->in_rotation);
}

/* P was restored, and R1 was copied anew from it, while P is not seen from here. */
static void a_copy_of_a_log_that_lost_something_does_not_answer(void **state)
{
	all_well_in_a();
	silence(P);
	silence(P);
	assert_true(view(R1)->in_rotation);
	replica_at(R1, 1200, 1);
	assert_true(node_lives_wanted(&cluster, R1));
	tell(R1, list(2, a, (struct life){ C, 1, 2, 600 }, none));
	assert_false(view(R1)->in_rotation);
	for (int looks = 0; looks < 3; looks++)
		replica_at(R1, 1300, 1);
	assert_false(view(R1)->in_rotation);
}

static void one_of_a_log_that_only_went_on_answers(void **state)
{
	all_well_in_a();
	silence(P);
	silence(P);
	replica_at(R1, 1200, 1);
	tell(R1, list(2, a, (struct life){ C, 1, 2, 1100 }, none));
	replica_at(R1, 1200, 1);
	assert_true(view(R1)->in_rotation);
	assert_false(node_lives_wanted(&cluster, R1));
}

static void one_that_has_replayed_the_beginning_of_the_life_answers(void **state)
{
	p_leads_in_c();
	looks_at_r1(list(2, a, (struct life){ C, 1, 2, 600 }, none));
	assert_true(view(R1)->in_rotation);
	assert_false(node_lives_wanted(&cluster, R1));
}

/* Each was looked at after a time in which the service stood still: R1 is of the log of now. */
static void one_that_has_the_primarys_life_is_ahead_of_nothing(void **state)
{
	const struct lives now = list(2, a, (struct life){ C, 1, 2, 600 }, none);

	all_well_in_a();
	replica_at(R1, 5000, 1);
	p_is_back_with(4000);
	tell(P, now);
	assert_int_equal(cluster.topology.branches.era, 1);
	assert_int_equal(cluster.memory[R1].extent, WAL_AHEAD);
	assert_true(node_lives_wanted(&cluster, R1));
	looks_at_r1(list(1, a, none, none));
	assert_int_equal(cluster.memory[R1].extent, WAL_AHEAD);
	looks_at_r1(now);
	assert_int_equal(cluster.memory[R1].extent, WAL_IN_LINE);
	assert_true(view(R1)->in_rotation);
	assert_false(node_lives_wanted(&cluster, R1));
	/* Nor does a status of the primary that was late say otherwise. */
	replica_at(R1, 6000, 1);
	answer(P, (struct node_status){ .lsn = 5500, .timeline = 1, .started_us = 2 });
	assert_true(view(R1)->in_rotation);
}

/* R1 was copied from the restored primary, and is met before it. */
static void a_copy_that_is_met_before_its_primary_answers_with_it(void **state)
{
	const struct lives now = list(2, a, (struct life){ C, 1, 2, 600 }, none);

	all_well_in_a();
	silence(P);
	silence(P);
	silence(R1);
	silence(R1);
	answer(R1, (struct node_status){
			   .in_recovery = true, .lsn = 1500, .timeline = 1, .started_us = 9 });
	tell(R1, now);
	answer(P, (struct node_status){ .lsn = 4000, .timeline = 1, .started_us = 2 });
	tell(P, now);
	assert_int_equal(cluster.topology.primary, P);
	assert_int_equal(cluster.topology.branches.era, 1);
	for (int looks = 0; looks < 4; looks++) {
		answer(P, (struct node_status){ .lsn = 5000, .timeline = 1, .started_us = 2 });
		answer(R1,
		       (struct node_status){
			       .in_recovery = true, .lsn = 5000, .timeline = 1, .started_us = 9 });
		if (node_lives_wanted(&cluster, R1))
			tell(R1, now);
	}
	assert_int_equal(cluster.memory[R1].extent, WAL_IN_LINE);
	assert_true(view(R1)->in_rotation);
}

static void one_that_may_not_tell_is_believed(void **state)
{
	p_leads_in_c();
	topology_build_tells_lives(&cluster, R1, false);
	for (int looks = 0; looks < 4; looks++) {
		answer(P, (struct node_status){ .lsn = 5000, .timeline = 1, .started_us = 2 });
		replica_at(R1, 5000, 1);
	}
	assert_true(view(R1)->in_rotation);
}

/* A primary that was cloned again as a standby says nothing of its timeline before it streams. */
static void a_primary_that_became_a_standby_is_not_believed_on_its_old_timeline(void **state)
{
	all_well_in_a();
	silence(P);
	silence(P);
	primary_at(R1, 1500, 2);
	tell(R1, list(2, a, (struct life){ B, 2, 1, 1200 }, none));
	answer(P, (struct node_status){ .in_recovery = true, .lsn = 1300, .started_us = 2 });
	assert_int_equal(cluster.memory[P].timeline, 0);
	assert_int_equal(view(P)->position.timeline, 0);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static void a_token_carries_the_life_of_its_place(void **state)
{
	const struct topology *topology = &cluster.topology;

	p_leads_in_c();
	assert_int_equal(topology_token(topology, (struct position){ 1, 500 }).mark, A);
	assert_int_equal(topology_token(topology, (struct position){ 1, 601 }).mark, C);
	assert_int_equal(topology_token(topology, (struct position){ 1, 5001 }).mark, C);
	/* Of another timeline its history says all. */
	assert_int_equal(topology_token(topology, (struct position){ 2, 601 }).mark, 0);
}

#define story(name) cmocka_unit_test_setup_teardown(name, topology_build_begin, topology_build_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(before_its_lives_are_told_a_node_is_not_the_primary),
		story(a_life_that_is_missing_is_added_first),
		story(where_it_cannot_be_added_the_node_is_followed_without),
		story(where_they_may_not_be_asked_for_the_node_is_followed_without),
		story(a_node_that_would_not_lead_does_not_get_its_life),
		story(a_restart_that_kept_all_loses_nothing),
		story(an_older_copy_that_has_written_on_is_known_by_where_its_life_began),
		story(what_was_flushed_amid_a_record_is_no_loss),
		story(a_copy_without_a_life_that_was_followed_loses_that),
		story(a_promoted_standby_of_an_older_copy_shows_what_that_lost),
		story(a_standby_that_still_has_the_lost_log_does_not_answer),
		story(without_a_primary_it_does_not_answer_either),
		story(before_any_primary_a_standby_tells_its_log),
		story(a_copy_of_a_log_that_lost_something_does_not_answer),
		story(one_of_a_log_that_only_went_on_answers),
		story(one_that_has_replayed_the_beginning_of_the_life_answers),
		story(what_was_acknowledged_since_the_last_status_is_lost_too),
		story(what_is_acknowledged_makes_no_status_a_loss),
		story(one_that_has_the_primarys_life_is_ahead_of_nothing),
		story(a_copy_that_is_met_before_its_primary_answers_with_it),
		story(one_that_may_not_tell_is_believed),
		story(a_primary_that_became_a_standby_is_not_believed_on_its_old_timeline),
		story(a_token_carries_the_life_of_its_place),
	};

	log_setup(LOG_ERROR, LOG_HUMAN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
