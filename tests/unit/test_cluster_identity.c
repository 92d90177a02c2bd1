/* SPDX-License-Identifier: Apache-2.0 */
/* Which cluster is served: what --primary and the other nodes tell, and what is made of it. */
#include "router/cluster/cluster_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { A = 7, B = 8 };

#define SILENT                                                                                     \
	{                                                                                          \
		false, 0, false                                                                    \
	}
#define OF(id)                                                                                     \
	{                                                                                          \
		true, id, false                                                                    \
	}
#define HEADS(id)                                                                                  \
	{                                                                                          \
		true, id, true                                                                     \
	}

static const struct {
	const char *story;
	struct cluster_claim claims[3];
	unsigned count;
	uint64_t given;
	bool waited;
	enum cluster_state state;
	uint64_t ours;
} rows[] = {
	{ "the primary decides", { OF(A), OF(B), OF(B) }, 3, 0, true, CLUSTER_KNOWN, A },
	{ "whatever leads elsewhere", { OF(A), HEADS(B) }, 2, 0, true, CLUSTER_KNOWN, A },
	{ "a primary that will not say", { OF(0), OF(B) }, 2, 0, false, CLUSTER_KNOWN, 0 },
	{ "nobody told", { SILENT, SILENT }, 2, 0, true, CLUSTER_UNKNOWN, 0 },
	{ "one of two is no proof", { SILENT, OF(B) }, 2, 0, true, CLUSTER_PRESUMED, B },
	{ "of a pair, a promoted one", { SILENT, HEADS(B) }, 2, 0, true, CLUSTER_KNOWN, B },
	{ "but only in time", { SILENT, HEADS(B) }, 2, 0, false, CLUSTER_PRESUMED, B },
	{ "two of three agree", { SILENT, OF(A), OF(A) }, 3, 0, false, CLUSTER_KNOWN, A },
	{ "two of three do not", { SILENT, OF(A), HEADS(B) }, 3, 0, true, CLUSTER_UNKNOWN, 0 },
	{ "one of three", { SILENT, OF(A), SILENT }, 3, 0, true, CLUSTER_PRESUMED, A },
	{ "the operator said so", { SILENT, OF(B) }, 2, A, false, CLUSTER_KNOWN, A },
	{ "even of the primary", { OF(B), OF(A) }, 2, A, false, CLUSTER_KNOWN, A },
};

static void which_cluster_is_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ours = 99;
		enum cluster_state found = cluster_identity_decide(
			rows[i].claims, rows[i].count, rows[i].given, rows[i].waited, &ours);

		if (found != rows[i].state || ours != rows[i].ours)
			fail_msg("%s: state %d, cluster %u", rows[i].story, found, (unsigned)ours);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(which_cluster_is_served) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
