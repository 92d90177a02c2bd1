/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes answer to the monitor, and what is no answer. */
#include "router/cluster/node_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct node_status status;

static void a_primary_tells_its_flush_position_and_timeline(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"primary 16/B374D848 0/0 1700000000123456 0 0/0 x0000001F\"}"),
		&status));
	assert_false(status.in_recovery);
	assert_true(status.lsn == UINT64_C(0x16B374D848));
	assert_true(status.started_us == INT64_C(1700000000123456));
	assert_int_equal(status.timeline, 0x1f);
	assert_false(status.timeline_hidden);
	assert_false(status.paused);
}

static void a_primary_tells_that_it_has_flushed_half_a_record(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"primary 0/3002000 0/0 1700000000123456 1 0/0 x00000001\"}"),
		&status));
	assert_true(status.amid);
	assert_false(status.paused);
	assert_true(node_status_read(
		TEXT("{\"look\":\"standby 0/3002000 0/0 1700000000123456 1 0/0 1\"}"), &status));
	assert_false(status.amid);
}

static void a_primary_tells_that_it_acknowledges_commits_early(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"primary 0/3002000 0/0 1700000000123456 3 0/0 x00000001\"}"),
		&status));
	assert_true(status.amid);
	assert_int_equal(status.commits, COMMITS_EARLY);
	assert_true(node_status_read(
		TEXT("{\"look\":\"primary 0/3002000 0/0 1700000000123456 1 0/0 x00000001\"}"),
		&status));
	assert_int_equal(status.commits, COMMITS_FLUSHED);
}

static void a_node_tells_whether_commits_wait_for_standbys(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"primary 0/3002000 0/0 1700000000123456 7 0/0 x00000001\"}"),
		&status));
	assert_int_equal(status.awaits, AWAITS_STANDBYS);
	assert_int_equal(status.commits, COMMITS_EARLY);
	assert_true(node_status_read(
		TEXT("{\"look\":\"standby 0/3002000 0/0 1700000000123456 4 0/0 1\"}"), &status));
	assert_int_equal(status.awaits, AWAITS_STANDBYS);
	assert_false(status.paused);
	assert_true(node_status_read(
		TEXT("{\"look\":\"standby 0/3002000 0/0 1700000000123456 1 0/0 1\"}"), &status));
	assert_int_equal(status.awaits, AWAITS_NONE);
}

static void a_primary_that_began_without_recovery_tells_its_checkpoint(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"primary 0/3002000 0/0 1700000000123456 0 0/3001000 x00000001\"}"),
		&status));
	assert_true(status.checkpoint == 0x3001000);
	assert_int_equal(status.switched, 0);
}

static void a_standby_tells_what_it_replayed_and_received(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"standby 0/3000148 0/3000150 1700000000123456 1 0/0 31\"}"),
		&status));
	assert_true(status.in_recovery);
	assert_true(status.lsn == 0x3000148);
	assert_true(status.received == 0x3000150);
	assert_true(status.paused);
	assert_int_equal(status.timeline, 31);
}

static void a_standby_without_a_walreceiver_tells_no_timeline(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"standby 0/3000148 0/0 1700000000123456 0 0/0 0\"}"), &status));
	assert_int_equal(status.timeline, 0);
	assert_false(status.timeline_hidden);
}

static void a_standby_may_not_be_allowed_to_tell_its_timeline(void **state)
{
	assert_true(node_status_read(
		TEXT("{\"look\":\"standby 0/3000148 0/0 1700000000123456 0 0/0 -12\"}"), &status));
	assert_int_equal(status.timeline, 0);
	assert_true(status.timeline_hidden);
	assert_int_equal(status.checkpointed, 12);
}

static void what_is_no_look_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"{}",
		"{\"look\":null}",
		"{\"look\":\"\"}",
		"{\"look\":\"primary\"}",
		"{\"look\":\"primary 0/1 0/0 17 0 0/0 x00000001",
		"{\"look\":\"primary 0/1 0/0 17 0 0/0 x00000001 more\"}",
		"{\"look\":\"primary  0/1 0/0 17 0 0/0 x00000001\"}",
		"{\"look\":\"witness 0/1 0/0 17 0 0/0 x00000001\"}",
		"{\"look\":\"primary 0/0 0/0 17 0 0/0 x00000001\"}",
		"{\"look\":\"primary 0/1 0/0 17 0 0/0 x00000000\"}",
		"{\"look\":\"primary 0/1 0/0 17 0 0/0 x\"}",
		"{\"look\":\"primary 0/1 0/0 17 8 0/0 x00000001\"}",
		"{\"look\":\"primary 0-1 0/0 17 0 0/0 x00000001\"}",
		"{\"look\":\"primary 0/1 0/0 17 0 0-0 x00000001\"}",
		"{\"look\":\"primary 0/1 0/0 -17 0 0/0 x00000001\"}",
		"{\"look\":\"primary 0/1 0/0 99999999999999999999 0 0/0 x00000001\"}",
		"{\"look\":\"standby 0/1 0/0 17 0 0/0 4294967296\"}",
		"{\"look\":\"standby 0/1 0/0 17 0 0/0 --2\"}",
		"{\"look\":\"standby 0/1 0/0 1111111111111111111111111111111111111111 0 0/0 1\"}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (node_status_read(text_of(rows[i]), &status))
			fail_msg("%s", rows[i]);
	assert_false(node_status_read((struct text){ NULL, 0 }, &status));
}

#define REST " 1700000000000000 10.0.0.1:5432 100 8 10 0 64"

static void an_identity_is_a_system_identifier_and_whether_the_schema_is_there(void **state)
{
	struct identity identity;

	assert_true(node_status_read_identity(TEXT("{\"identity\":\"65d3f1c2aa01b2c3 1" REST "\"}"),
					      &identity));
	assert_true(identity.system_identifier == UINT64_C(0x65d3f1c2aa01b2c3));
	assert_true(identity.schema);
	assert_true(identity.started_us == 1700000000000000);
	assert_string_equal(identity.server, "10.0.0.1:5432");
	assert_int_equal(identity.limits[0], 100);
	assert_int_equal(identity.limits[NODE_STATUS_LIMITS - 1], 64);
	assert_true(node_status_read_identity(TEXT("{\"identity\":\"ffffffffffffffff 0" REST "\"}"),
					      &identity));
	assert_true(identity.system_identifier == UINT64_MAX);
	assert_false(identity.schema);
	assert_false(node_status_read_identity(TEXT("{\"identity\":\"0 0" REST "\"}"), &identity));
	assert_false(
		node_status_read_identity(TEXT("{\"identity\":\"65d3 4" REST "\"}"), &identity));
	assert_false(node_status_read_identity(TEXT("{\"identity\":\"65d3\"}"), &identity));
	assert_false(
		node_status_read_identity(TEXT("{\"identity\":\"xyz 1" REST "\"}"), &identity));
}

#define KEY_TEXT "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

static void a_key_is_32_bytes(void **state)
{
	uint8_t key[SIGN_KEY_BYTES];

	assert_true(node_status_read_key(TEXT("{\"key\":\"" KEY_TEXT "\"}"), key));
	assert_int_equal(key[0], 0);
	assert_int_equal(key[10], 10);
	assert_int_equal(key[31], 0xff);
	assert_false(node_status_read_key(TEXT("{\"key\":\"" KEY_TEXT "00\"}"), key));
	assert_false(node_status_read_key(TEXT("{\"key\":\"\"}"), key));
	assert_false(
		node_status_read_key(TEXT("{\"key\":\"0001020304050607x8090a0b0c0d0e0f1011121314"
					  "15161718191a1b1c1d1eff\"}"),
				     key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_tells_its_flush_position_and_timeline),
		cmocka_unit_test(a_primary_tells_that_it_has_flushed_half_a_record),
		cmocka_unit_test(a_primary_tells_that_it_acknowledges_commits_early),
		cmocka_unit_test(a_node_tells_whether_commits_wait_for_standbys),
		cmocka_unit_test(a_primary_that_began_without_recovery_tells_its_checkpoint),
		cmocka_unit_test(a_standby_tells_what_it_replayed_and_received),
		cmocka_unit_test(a_standby_without_a_walreceiver_tells_no_timeline),
		cmocka_unit_test(a_standby_may_not_be_allowed_to_tell_its_timeline),
		cmocka_unit_test(what_is_no_look_is_refused),
		cmocka_unit_test(
			an_identity_is_a_system_identifier_and_whether_the_schema_is_there),
		cmocka_unit_test(a_key_is_32_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
