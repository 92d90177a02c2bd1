/* SPDX-License-Identifier: Apache-2.0 */
/* Which header may name the end user. */
#include "http/head/user_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_header_of_http_itself_names_no_user(void **state)
{
	static const char *const names[] = { "Host",
					     "hOST",
					     "Content-Length",
					     "Authorization",
					     "Cookie",
					     "Origin",
					     "Transfer-Encoding",
					     "Sec-Fetch-Site",
					     "Accept",
					     "Accept-Encoding",
					     "If-None-Match",
					     "TE",
					     "Connection" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!user_header_wrong(names[i]))
			fail_msg("%s", names[i]);
		assert_non_null(strstr(user_header_wrong(names[i]), "HTTP itself"));
	}
}

static void a_header_that_cqrsd_reads_otherwise_names_no_user(void **state)
{
	static const char *const names[] = { "Consistency", "consistency-token", "Idempotency-Key",
					     "Prefer",      "Priority",          "X-Request-Id",
					     "Traceparent" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(user_header_wrong(names[i]));
}

static void what_no_client_could_send_is_refused(void **state)
{
	assert_non_null(user_header_wrong(""));
	assert_non_null(user_header_wrong("X-User-Id:"));
	assert_non_null(user_header_wrong("X User"));
	assert_non_null(user_header_wrong("X-\xc3\xbcser"));
}

static void a_header_of_its_own_names_the_user(void **state)
{
	static const char *const names[] = { "X-User-Id",
					     "X-Hasura-User-Id",
					     "X-Forwarded-User",
					     "Remote-User",
					     "From",
					     "Hostess",
					     "Tenant" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (user_header_wrong(names[i]))
			fail_msg("%s %s", names[i], user_header_wrong(names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_of_http_itself_names_no_user),
		cmocka_unit_test(a_header_that_cqrsd_reads_otherwise_names_no_user),
		cmocka_unit_test(what_no_client_could_send_is_refused),
		cmocka_unit_test(a_header_of_its_own_names_the_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
