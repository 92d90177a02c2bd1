/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the file of tokens lets see everything, and which files are refused. */
#include "cmd/admin_token.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static char path[] = "/tmp/cqrsd-token-XXXXXX";
static struct admin_tokens tokens;
static char error[256];

static bool file_is_read(const char *content)
{
	int fd;
	bool good;

	memcpy(path, "/tmp/cqrsd-token-XXXXXX", sizeof(path));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	error[0] = '\0';
	good = admin_tokens_read(&tokens, path, error, sizeof(error));
	unlink(path);
	return good;
}

static bool admits(const char *authorization)
{
	return admin_tokens_admit(&tokens, text_of(authorization));
}

static void each_line_is_a_token(void **state)
{
	assert_true(file_is_read(LONG "\n\n \t" OTHER "\r\n"));
	assert_int_equal(tokens.count, 2);
	assert_true(admits("Bearer " LONG));
	assert_true(admits("bEARER " OTHER));
	assert_true(file_is_read(OTHER));
	assert_false(admits("Bearer " LONG));
	assert_true(admits("Bearer " OTHER));
}

static void what_is_not_exactly_a_token_is_not_admitted(void **state)
{
	static const char *const wrong[] = { "",
					     "Bearer",
					     "Bearer ",
					     LONG,
					     "Basic " LONG,
					     "Bearer  " LONG,
					     "Bearer\t" LONG,
					     "Bearer " LONG "x",
					     "Bearer 0123456789abcdef0123456789abcde",
					     "Bearer 0123456789ABCDEF0123456789ABCDEF",
					     "Bearer " LONG " " LONG };

	assert_true(file_is_read(LONG "\n"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(admits(wrong[i]));
	assert_false(admin_tokens_admit(&tokens, (struct text){ NULL, 0 }));
	tokens.count = 0;
	assert_false(admits("Bearer " LONG));
}

static void a_file_that_fences_nothing_is_refused_and_changes_nothing(void **state)
{
	char large[9000];

	assert_true(file_is_read(LONG "\n"));
	assert_false(file_is_read(""));
	assert_non_null(strstr(error, "there is no token in it"));
	assert_false(file_is_read("\n \n"));
	assert_false(file_is_read("short\n"));
	assert_non_null(strstr(error, "16 characters"));
	assert_null(strstr(error, "short"));
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_false(file_is_read(large));
	for (size_t i = 32; i < sizeof(large); i += 33)
		large[i] = '\n';
	large[33 * 9] = '\0';
	assert_false(file_is_read(large));
	assert_non_null(strstr(error, "more than 8"));
	assert_false(admin_tokens_read(&tokens, "/no/such/file", error, sizeof(error)));
	assert_string_equal(error, "/no/such/file: No such file or directory");
	assert_false(admin_tokens_read(&tokens, "/", error, sizeof(error)));
	assert_true(admits("Bearer " LONG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_a_token),
		cmocka_unit_test(what_is_not_exactly_a_token_is_not_admitted),
		cmocka_unit_test(a_file_that_fences_nothing_is_refused_and_changes_nothing),
	};

	log_setup(LOG_ERROR, LOG_HUMAN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
