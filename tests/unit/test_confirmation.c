/* SPDX-License-Identifier: Apache-2.0 */
/* How many standbys prove that no other primary goes on, and what keeps all of them from it. */
#include "router/cluster/confirmation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NODES 5 /* the primary p, and replicas a, b, c, d */

struct cluster_said {
	struct standbys nodes[NODES];
	struct confirmation_facts facts;
};

static void set(struct standbys *node, const char *setting)
{
	assert_true(sync_names_read(&node->setting, text_of(setting)));
}

static void named(struct standbys *node, const char *name, const char *setting)
{
	*node = (struct standbys){ .state = STANDBYS_READ, .waits = true };
	memcpy(node->name, name, strlen(name) + 1);
	memcpy(node->sender, "p 5432", sizeof("p 5432"));
	set(node, setting);
}

/* A primary and so many replicas, all with that setting. */
static void said(struct cluster_said *said, unsigned replicas, const char *setting)
{
	static const char *const names[NODES] = { "", "a", "b", "c", "d" };
	struct standbys *primary = &said->nodes[0];

	memset(said, 0, sizeof(*said));
	for (unsigned i = 0; i <= replicas; i++) {
		named(&said->nodes[i], names[i], setting);
		said->facts.said[i] = &said->nodes[i];
		if (i)
			memcpy(primary->senders[primary->senders_count++], names[i], 2);
	}
	memcpy(primary->cluster_name, "p", 2);
	primary->sender[0] = '\0';
	said->facts.count = replicas + 1;
}

static void lacks(const struct cluster_said *said, enum confirmation_lack lack, int node)
{
	struct confirmation confirmation = confirmation_judge(&said->facts);

	assert_int_equal(confirmation.lack, lack);
	assert_int_equal(confirmation.node, node);
	assert_int_equal(confirmation.needed, 0);
}

static void how_many_have_to_be_seen(void **state)
{
	static const struct {
		const char *setting;
		unsigned replicas, needed;
		uint32_t standbys;
	} cases[] = {
		{ "ANY 1 (a, b)", 2, 1, 6 },
		{ "ANY 2 (a, b)", 2, 1, 6 },
		{ "ANY 1 (a)", 1, 1, 2 },
		{ "ANY 5 (a, b)", 2, 1, 6 },
		{ "ANY 1 (a, b, c)", 3, 2, 14 },
		{ "ANY 2 (a, b, c)", 3, 1, 14 },
		{ "ANY 1 (a, b, c, d)", 4, 3, 30 },
		{ "ANY 2 (a, b, c, d)", 4, 2, 30 },
		/* One that is not named may be the other primary. */
		{ "ANY 1 (a, b)", 3, 2, 6 },
		{ "ANY 1 (a, b)", 4, 2, 6 },
		{ "ANY 2 (a, b)", 3, 1, 6 },
		{ "ANY 2 (b, c, d)", 4, 2, 28 },
		{ "ANY 1 (A, \"b\")", 2, 1, 6 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cluster_said cluster;
		struct confirmation confirmation;

		said(&cluster, cases[i].replicas, cases[i].setting);
		confirmation = confirmation_judge(&cluster.facts);
		assert_int_equal(confirmation.lack, LACK_NOTHING);
		assert_int_equal(confirmation.needed, cases[i].needed);
		assert_int_equal(confirmation.standbys, cases[i].standbys);
	}
}

static void settings_of_the_primary_that_prove_nothing(void **state)
{
	static const struct {
		const char *setting;
		enum confirmation_lack lack;
	} cases[] = {
		{ "", LACK_NAMES },
		{ "a, b", LACK_ANY },
		{ "FIRST 1 (a, b)", LACK_ANY },
		{ "2 (a, b)", LACK_ANY },
		{ "*", LACK_ANY },
		{ "ANY 1 (*)", LACK_DISTINCT },
		{ "ANY 1 (a, *)", LACK_DISTINCT },
		{ "ANY 1 (a, b, A)", LACK_DISTINCT },
		{ "ANY 1 (a, b, z)", LACK_KNOWN_NAME },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cluster_said cluster;

		said(&cluster, 2, "ANY 1 (a, b)");
		set(&cluster.nodes[0], cases[i].setting);
		lacks(&cluster, cases[i].lack, 0);
	}
}

static void a_primary_that_says_nothing_proves_nothing(void **state)
{
	struct cluster_said cluster;

	said(&cluster, 2, "ANY 1 (a, b)");
	cluster.nodes[0].state = STANDBYS_UNASKED;
	lacks(&cluster, LACK_NAMES, 0);
	cluster.nodes[0].state = STANDBYS_UNREADABLE;
	lacks(&cluster, LACK_READABLE, 0);
	cluster.facts.primary = -1;
	lacks(&cluster, LACK_PRIMARY, -1);
}

static void commits_have_to_wait(void **state)
{
	struct cluster_said cluster;

	said(&cluster, 2, "ANY 1 (a, b)");
	cluster.nodes[0].waits = false;
	lacks(&cluster, LACK_WAIT, 0);
	cluster.nodes[0].waits = true;
	cluster.nodes[2].waits = false;
	lacks(&cluster, LACK_KEPT, 2);
}

static void a_replica_keeps_the_rule_when_it_is_promoted(void **state)
{
	static const struct {
		const char *setting;
		bool keeps;
	} cases[] = {
		{ "ANY 2 (a, b, c)", true },
		{ "ANY 3 (c, b, a)", true },
		{ "ANY 2 (p, a, c)", true },
		{ "ANY 2 (a, c)", true },
		{ "ANY 1 (a, b, c)", false },
		{ "FIRST 2 (a, b, c)", false },
		{ "", false },
		{ "ANY 2 (*)", false },
		{ "ANY 2 (a, b, z)", false },
		{ "ANY 2 (a, a, b)", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cluster_said cluster;

		said(&cluster, 3, "ANY 2 (a, b, c)");
		set(&cluster.nodes[2], cases[i].setting);
		if (cases[i].keeps)
			assert_int_equal(confirmation_judge(&cluster.facts).needed, 1);
		else
			lacks(&cluster, LACK_KEPT, 2);
	}
}

/* What is not named at the primary would acknowledge what the promoted one commits. */
static void the_primarys_name_is_not_another_replicas(void **state)
{
	struct cluster_said cluster;

	said(&cluster, 3, "ANY 1 (a, b)");
	set(&cluster.nodes[2], "ANY 1 (P, a)");
	assert_int_equal(confirmation_judge(&cluster.facts).needed, 2);
	memcpy(cluster.nodes[3].name, "p", 2);
	memcpy(cluster.nodes[0].senders[2], "p", 2);
	lacks(&cluster, LACK_KEPT, 2);
	set(&cluster.nodes[2], "ANY 1 (a, b)");
	assert_int_equal(confirmation_judge(&cluster.facts).needed, 2);

	cluster.nodes[0].cluster_name[0] = '\0';
	set(&cluster.nodes[2], "ANY 1 (\"\", a)");
	lacks(&cluster, LACK_KEPT, 2);
}

static void who_decodes_by_a_name_acknowledges(void **state)
{
	struct cluster_said cluster;

	said(&cluster, 2, "ANY 1 (a, b)");
	cluster.nodes[0].decoder_named = true;
	lacks(&cluster, LACK_DECODER, 0);
	cluster.nodes[0].decoder_named = false;
	cluster.nodes[1].decoder_named = true;
	lacks(&cluster, LACK_DECODER, 1);
}

static void names_have_to_be_one_replicas_each(void **state)
{
	struct cluster_said cluster;

	said(&cluster, 2, "ANY 1 (a, b)");
	memcpy(cluster.nodes[2].name, "a", 2);
	lacks(&cluster, LACK_KNOWN_NAME, 0);
	cluster.nodes[2].name[0] = '\0';
	lacks(&cluster, LACK_REPLICA, 2);
	cluster.nodes[2].state = STANDBYS_UNREADABLE;
	lacks(&cluster, LACK_REPLICA, 2);
	cluster.nodes[2].state = STANDBYS_UNASKED;
	lacks(&cluster, LACK_KEPT, 2);
}

static void who_streams_has_to_be_known(void **state)
{
	struct cluster_said cluster;
	struct standbys *primary = &cluster.nodes[0];

	said(&cluster, 2, "ANY 1 (a, b)");
	memcpy(primary->senders[primary->senders_count++], "z", 2);
	lacks(&cluster, LACK_STRANGER, 0);
	memcpy(primary->senders[2], "B", 2);
	lacks(&cluster, LACK_ONE_SENDER, 0);
	primary->senders_count = 1; /* the other one is away for a while */
	assert_int_equal(confirmation_judge(&cluster.facts).needed, 1);
	memcpy(cluster.nodes[1].senders[cluster.nodes[1].senders_count++], "b", 2);
	lacks(&cluster, LACK_STRANGER, 1);
}

static void replicas_stream_from_one_place(void **state)
{
	struct cluster_said cluster;

	said(&cluster, 2, "ANY 1 (a, b)");
	memcpy(cluster.nodes[2].sender, "q 5432", sizeof("q 5432"));
	lacks(&cluster, LACK_SAME_SOURCE, 2);
}

static void each_lack_has_its_text(void **state)
{
	for (unsigned lack = 0; lack < LACKS; lack++)
		assert_non_null(confirmation_lack_text((enum confirmation_lack)lack));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_many_have_to_be_seen),
		cmocka_unit_test(settings_of_the_primary_that_prove_nothing),
		cmocka_unit_test(a_primary_that_says_nothing_proves_nothing),
		cmocka_unit_test(commits_have_to_wait),
		cmocka_unit_test(a_replica_keeps_the_rule_when_it_is_promoted),
		cmocka_unit_test(the_primarys_name_is_not_another_replicas),
		cmocka_unit_test(who_decodes_by_a_name_acknowledges),
		cmocka_unit_test(names_have_to_be_one_replicas_each),
		cmocka_unit_test(who_streams_has_to_be_known),
		cmocka_unit_test(replicas_stream_from_one_place),
		cmocka_unit_test(each_lack_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
