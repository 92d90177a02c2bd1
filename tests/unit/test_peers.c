/* SPDX-License-Identifier: Apache-2.0 */
/* Which peers --peer names, and which of its values are refused. */
#include "http/auth/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct peers peers;
static char error[512];

static bool reads(const char *first, const char *second)
{
	struct option_list options = { .items = { first, second }, .count = second ? 2 : 1 };

	return peers_read(&peers, &options, error, sizeof(error));
}

static void a_peer_is_a_caller_of_its_name(void **state)
{
	const struct peer *peer;

	assert_true(reads("uid=root:roles=app,support:acts-for=any", "uid=4242"));
	peer = peers_find(&peers, 0);
	assert_non_null(peer);
	assert_false(peer->is_proxy);
	assert_int_equal(peer->principal.kind, PRINCIPAL_PEER);
	assert_int_equal(peer->principal.acts_for, ACTS_FOR_ANY);
	assert_true(text_is(peer->principal.id, "peer:root"));
	assert_true(text_is(peer->principal.subject, "root"));
	assert_true(text_is(peer->principal.scope, ""));
	assert_int_equal(peer->principal.roles_count, 2);
	assert_true(text_is(peer->principal.roles[1], "support"));
	assert_true(text_is(peer->principal.claims,
			    "{\"sub\":\"root\",\"roles\":[\"app\",\"support\"]}"));
	peer = peers_find(&peers, 4242);
	assert_true(text_is(peer->principal.id, "peer:4242"));
	assert_int_equal(peer->principal.acts_for, ACTS_FOR_NONE);
	assert_int_equal(peer->principal.roles_count, 0);
	assert_true(text_is(peer->principal.claims, "{\"sub\":\"4242\",\"roles\":[]}"));
	peers_fini(&peers);
}

static void who_is_not_named_is_no_caller(void **state)
{
	assert_true(reads("uid=4242", NULL));
	assert_null(peers_find(&peers, 4243));
	assert_null(peers_find(&peers, 0));
	assert_null(peers_find(&peers, -1));
	peers_fini(&peers);
}

static void a_proxy_is_no_caller(void **state)
{
	assert_true(reads("uid=4242:proxy", NULL));
	assert_true(peers_find(&peers, 4242)->is_proxy);
	peers_fini(&peers);
}

static void what_cannot_be_meant_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "", "uid=NAME first" },
		{ "root", "uid=NAME first" },
		{ "uid=", "no such user" },
		{ "uid=no-such-user-here", "no such user" },
		{ "uid=4294967295", "no such user" },
		{ "uid=12x", "no such user" },
		{ "uid=-1", "no such user" },
		{ "uid=1:", "want proxy" },
		{ "uid=1:root", "want proxy" },
		{ "uid=1:Proxy", "want proxy" },
		{ "uid=1:roles=", "want proxy" },
		{ "uid=1:acts-for=all", "want proxy" },
		{ "uid=1:roles=a,,b", "role" },
		{ "uid=1:roles=a b", "role" },
		{ "uid=1:proxy:roles=a", "a proxy has no roles" },
		{ "uid=1:acts-for=any:proxy", "a proxy has no roles" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(reads(rows[i].text, NULL));
		if (!strstr(error, rows[i].reason))
			fail_msg("%s: %s", rows[i].text, error);
		assert_memory_equal(error, rows[i].text, strlen(rows[i].text));
		peers_fini(&peers);
	}
	assert_false(reads("uid=0", "uid=root:proxy"));
	assert_non_null(strstr(error, "named twice"));
	peers_fini(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_a_caller_of_its_name),
		cmocka_unit_test(who_is_not_named_is_no_caller),
		cmocka_unit_test(a_proxy_is_no_caller),
		cmocka_unit_test(what_cannot_be_meant_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
