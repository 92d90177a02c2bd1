/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes say of synchronous replication, and what is not to be believed. */
#include "router/cluster/standbys.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add_hex(struct buf *buf, const char *text)
{
	buf_string(buf, " x");
	for (; *text; text++)
		buf_printf(buf, "%02x", (unsigned char)*text);
}

static void read_of(struct standbys *standbys, const char *setting, const char *conninfo,
		    const char *senders)
{
	struct buf buf;

	buf_init(&buf);
	add_hex(&buf, setting);
	buf_string(&buf, " 1");
	add_hex(&buf, "main");
	add_hex(&buf, conninfo);
	add_hex(&buf, *conninfo ? "10.0.0.1 5432" : "");
	buf_string(&buf, senders);
	buf_string(&buf, "\"}");
	memmove(buf.ptr, buf.ptr + 1, --buf.len);
	{
		struct buf whole;

		buf_init(&whole);
		buf_string(&whole, "{\"standbys\":\"");
		buf_add(&whole, buf.ptr, buf.len);
		standbys_read(standbys, (struct text){ whole.ptr, whole.len });
		buf_fini(&whole);
	}
	buf_fini(&buf);
}

static void a_primary_says_who_streams(void **state)
{
	struct standbys standbys;

	read_of(&standbys, "ANY 1 (a, \"b c\")", "", " x61 x622063");
	assert_int_equal(standbys.state, STANDBYS_READ);
	assert_int_equal(standbys.setting.method, SYNC_ANY);
	assert_true(standbys.waits);
	assert_string_equal(standbys.cluster_name, "main");
	assert_int_equal(standbys.senders_count, 2);
	assert_string_equal(standbys.senders[0], "a");
	assert_string_equal(standbys.senders[1], "b c");
	assert_string_equal(standbys.name, "");
}

/* A d before its word. */
static void one_who_decodes_counts_by_a_name_of_the_setting(void **state)
{
	struct standbys standbys;

	read_of(&standbys, "ANY 1 (a, b)", "", " x61 dx63");
	assert_int_equal(standbys.state, STANDBYS_READ);
	assert_int_equal(standbys.senders_count, 1);
	assert_false(standbys.decoder_named);
	read_of(&standbys, "ANY 1 (a, b)", "", " dx42 x61 dx63");
	assert_int_equal(standbys.state, STANDBYS_READ);
	assert_int_equal(standbys.senders_count, 1);
	assert_true(standbys.decoder_named);
	read_of(&standbys, "ANY 1 (a, b)", "", " d");
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
}

static void a_standby_says_by_which_name_and_from_where(void **state)
{
	struct standbys standbys;

	read_of(&standbys, "ANY 1 (a)",
		"user=x dbname=replication host=p application_name=a "
		"fallback_application_name=main sslmode=prefer",
		"");
	assert_int_equal(standbys.state, STANDBYS_READ);
	assert_string_equal(standbys.name, "a");
	assert_string_equal(standbys.sender, "10.0.0.1 5432");
	assert_int_equal(standbys.senders_count, 0);
}

static void what_cannot_be_read_is_not_believed(void **state)
{
	struct standbys standbys;

	read_of(&standbys, "ANY 1 (a, ", "", "");
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
	read_of(&standbys, "ANY 1 (a)", "host=p application_name=a", "");
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
	read_of(&standbys, "ANY 1 (a)", "", " ?"); /* hidden from the role */
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
	read_of(&standbys, "ANY 1 (a)", "", " x6");
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
	read_of(&standbys, "ANY 1 (a)", "", " xc3a9");
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
	standbys_read(&standbys, TEXT("{\"standbys\":\"x 1\"}"));
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
	standbys_read(&standbys, TEXT(""));
	assert_int_equal(standbys.state, STANDBYS_UNREADABLE);
}

static void the_name_of_a_connection(void **state)
{
	static const struct {
		const char *conninfo, *name; /* NULL: not known */
	} cases[] = {
		{ "host=p application_name=a fallback_application_name=w x=y", "a" },
		{ "host=p application_name=a b fallback_application_name=w", "a b" },
		{ "host=p fallback_application_name=walreceiver sslmode=off", "walreceiver" },
		{ "host=p fallback_application_name=main", "main" },
		{ "host=p application_name= fallback_application_name=w", NULL },
		{ "host=p application_name=a", NULL },
		{ "host=p", NULL },
		{ "options=-c\\ application_name=z fallback_application_name=w", NULL },
		{ "host=p options=-c x application_name=a fallback_application_name=w", NULL },
		{ "host=p fallback_application_name=w application_name=z", "w" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[SYNC_NAME_BYTES];
		bool known = standbys_read_name(name, text_of(cases[i].conninfo));

		if (known != (cases[i].name != NULL))
			fail_msg("%s", cases[i].conninfo);
		if (known)
			assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_says_who_streams),
		cmocka_unit_test(one_who_decodes_counts_by_a_name_of_the_setting),
		cmocka_unit_test(a_standby_says_by_which_name_and_from_where),
		cmocka_unit_test(what_cannot_be_read_is_not_believed),
		cmocka_unit_test(the_name_of_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
