/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of API keys, and files of them. */
#include "http/auth/api_key.h"
#include "http/auth/keys_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define WHOLE                                                                                      \
	"web1 " HASH " name=web roles=app,support acts-for=any created=2026-11-29T12:00:00Z"       \
	" expires=2027-02-28T23:59:59Z revoked=2027-01-01T00:00:00Z replaced-by=web2"              \
	" last-used=2026-12-24"

static struct arena arena;
static struct api_key key;
static char wrong[API_KEY_WRONG_BYTES];

static int begin(void **state)
{
	arena_init(&arena);
	return 0;
}

static int end(void **state)
{
	arena_fini(&arena);
	return 0;
}

static bool reads(const char *line)
{
	wrong[0] = '\0';
	return api_key_read(text_of(line), &arena, &key, wrong);
}

static void a_whole_line_is_read(void **state)
{
	assert_true(reads(WHOLE));
	assert_true(text_is(key.id, "web1"));
	assert_true(text_is(key.name, "web"));
	assert_int_equal(key.hash[31], 31);
	assert_int_equal(key.roles_count, 2);
	assert_true(text_is(key.roles[1], "support"));
	assert_int_equal(key.acts_for, ACTS_FOR_ANY);
	assert_int_equal(key.created_s, 1795953600);
	assert_int_equal(key.expires_s, 1803859199);
	assert_int_equal(key.revoked_s, 1798761600);
	assert_true(text_is(key.replaced_by, "web2"));
	assert_int_equal(key.last_used_day, 20811);
}

static void what_is_read_is_written_again(void **state)
{
	struct buf line;

	buf_init(&line);
	assert_true(reads(WHOLE));
	api_key_write(&key, &line);
	assert_true(text_is((struct text){ line.ptr, line.len }, WHOLE));
	buf_clear(&line);
	assert_true(reads("a " HASH " name=b"));
	api_key_write(&key, &line);
	assert_true(
		text_is((struct text){ line.ptr, line.len }, "a " HASH " name=b acts-for=none"));
	buf_fini(&line);
}

static void who_calls_with_it_is_worked_out_once(void **state)
{
	assert_true(reads(WHOLE));
	assert_int_equal(key.principal->kind, PRINCIPAL_KEY);
	assert_int_equal(key.principal->acts_for, ACTS_FOR_ANY);
	assert_true(text_is(key.principal->id, "key:web1"));
	assert_true(text_is(key.principal->scope, ""));
	assert_true(text_is(key.principal->subject, "web"));
	assert_int_equal(key.principal->roles_count, 2);
	assert_true(text_is(key.principal->claims,
			    "{\"sub\":\"web\",\"roles\":[\"app\",\"support\"]}"));
	assert_int_equal(key.principal->expires_s, key.expires_s);
	assert_true(reads("a " HASH " name=b"));
	assert_true(text_is(key.principal->claims, "{\"sub\":\"b\",\"roles\":[]}"));
}

static void blanks_between_words_do_not_matter(void **state)
{
	assert_true(reads("  web1\t" HASH "   name=web\troles=app  \r"));
	assert_true(text_is(key.roles[0], "app"));
	assert_true(reads("web1 " HASH " roles= name=web"));
	assert_int_equal(key.roles_count, 0);
	assert_true(reads("web1 " HASH " roles=a,b,a name=web"));
	assert_int_equal(key.roles_count, 2);
}

static void a_wrong_line_is_explained(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "cq_a_b_c " HASH " name=web", "no secret any more" },
		{ "we-b " HASH " name=web", "wants the id of a key first" },
		{ "", "wants the id of a key first" },
		{ "web1", "wants sha256: and 64 digits" },
		{ "web1 sha256:00 name=web", "wants sha256: and 64 digits" },
		{ "web1 md5" HASH " name=web", "wants sha256: and 64 digits" },
		{ "web1 " HASH, "wants name=" },
		{ "web1 " HASH " name=web name=web", "name= is given twice" },
		{ "web1 " HASH " nam=web", "did you mean name=?" },
		{ "web1 " HASH " name=web acts_for=any", "did you mean acts-for=?" },
		{ "web1 " HASH " name=web support", "words behind the hash are" },
		{ "web1 " HASH " name=\"web\"", "name wants 1 to 64 letters" },
		{ "web1 " HASH " name=", "name wants 1 to 64 letters" },
		{ "web1 " HASH " name=web acts-for=all", "acts-for wants any, self or none" },
		{ "web1 " HASH " name=web roles=a,,b", "is no name of a role" },
		{ "web1 " HASH " name=web roles=a,", "roles end with a comma" },
		{ "web1 " HASH " name=web roles=é", "is no name of a role" },
		{ "web1 " HASH " name=web expires=2026-02-30T00:00:00Z", "expires is not a time" },
		{ "web1 " HASH " name=web expires=2026-11-29", "expires is not a time" },
		{ "web1 " HASH " name=web expires=2026-11-29T24:00:00Z", "expires is not a time" },
		{ "web1 " HASH " name=web expires=2026-11-29T12:00:00+", "expires is not a time" },
		{ "web1 " HASH " name=web last-used=2026-13-01", "last-used is not a date" },
		{ "web1 " HASH " name=web replaced-by=we-b", "replaced-by is no id" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (reads(cases[i].line) || !strstr(wrong, cases[i].why))
			fail_msg("\"%s\": %s", cases[i].line, wrong);
}

static void more_roles_than_a_key_may_have_are_refused(void **state)
{
	struct buf line;

	buf_init(&line);
	buf_string(&line, "web1 " HASH " name=web roles=");
	for (int i = 0; i < 33; i++)
		buf_printf(&line, "%sr%d", i ? "," : "", i);
	assert_false(api_key_read((struct text){ line.ptr, line.len }, &arena, &key, wrong));
	assert_non_null(strstr(wrong, "more than 32 roles"));
	buf_fini(&line);
}

/* Whatever bytes: an answer, and no byte beyond them is touched. */
static void any_change_of_a_line_is_read_or_refused(void **state)
{
	size_t len = strlen(WHOLE);

	for (size_t at = 0; at < len; at++)
		for (int byte = 0; byte < 256; byte += 3) {
			char *copy = malloc(len);

			assert_non_null(copy);
			memcpy(copy, WHOLE, len);
			copy[at] = (char)byte;
			(void)!api_key_read((struct text){ copy, len }, &arena, &key, wrong);
			(void)!api_key_read((struct text){ copy, at }, &arena, &key, wrong);
			free(copy);
			arena_reset(&arena);
		}
}

/* --- files ----------------------------------------------------------------------------------- */

static char path[] = "/tmp/test_api_key.XXXXXX";
static struct buf complaints;
static struct api_keys keys;

static struct text file_read(const char *text, mode_t mode)
{
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 7);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	buf_clear(&complaints);
	struct text lines = keys_file_read(path, &arena, &keys, &complaints);

	unlink(path);
	buf_byte(&complaints, '\0');
	return lines;
}

static int begin_file(void **state)
{
	buf_init(&complaints);
	return begin(state);
}

static int end_file(void **state)
{
	buf_fini(&complaints);
	return end(state);
}

static void a_file_is_lines_and_comments(void **state)
{
	assert_non_null(file_read("# ours\n\n  # more\nweb1 " HASH " name=web\r\nweb2 " HASH
				  " name=w",
				  0600)
				.ptr);
	assert_int_equal(keys.count, 2);
	assert_int_equal(keys.keys[1].line, 5);
	assert_string_equal(complaints.ptr, "");
	assert_non_null(file_read("", 0600).ptr);
	assert_int_equal(keys.count, 0);
}

static void every_wrong_line_is_named_by_its_place(void **state)
{
	char want[100];

	assert_null(
		file_read("# ours\nweb1 " HASH " nam=web\nweb2 " HASH " name=web\nno\n", 0600).ptr);
	snprintf(want, sizeof(want), "%s:2: error: there is no nam=", path);
	assert_memory_equal(complaints.ptr, want, strlen(want));
	snprintf(want, sizeof(want), "\n%s:4: error: wants sha256:", path);
	assert_non_null(strstr(complaints.ptr, want));
}

static void an_id_is_of_one_key(void **state)
{
	assert_null(file_read("web1 " HASH " name=a\n#\nweb1 " HASH " name=b\n", 0600).ptr);
	assert_non_null(strstr(complaints.ptr, ":3: error: key web1 is in line 1 already"));
}

static void a_file_that_others_may_write_is_warned_about(void **state)
{
	assert_non_null(file_read("web1 " HASH " name=a\n", 0644).ptr);
	assert_string_equal(complaints.ptr, "");
	assert_non_null(file_read("web1 " HASH " name=a\n", 0664).ptr);
	assert_non_null(strstr(complaints.ptr, "warning: its mode is 0664: others of its group"));
	assert_non_null(file_read("web1 " HASH " name=a\n", 0666).ptr);
	assert_non_null(strstr(complaints.ptr, "warning: its mode is 0666: all users"));
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	buf_clear(&complaints);
	assert_null(keys_file_read("/nonexistent/keys", &arena, &keys, &complaints).ptr);
	buf_byte(&complaints, '\0');
	assert_non_null(strstr(complaints.ptr, "/nonexistent/keys"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_line_is_read, begin, end),
		cmocka_unit_test_setup_teardown(what_is_read_is_written_again, begin, end),
		cmocka_unit_test_setup_teardown(who_calls_with_it_is_worked_out_once, begin, end),
		cmocka_unit_test_setup_teardown(blanks_between_words_do_not_matter, begin, end),
		cmocka_unit_test_setup_teardown(a_wrong_line_is_explained, begin, end),
		cmocka_unit_test_setup_teardown(more_roles_than_a_key_may_have_are_refused, begin,
						end),
		cmocka_unit_test_setup_teardown(any_change_of_a_line_is_read_or_refused, begin,
						end),
		cmocka_unit_test_setup_teardown(a_file_is_lines_and_comments, begin_file, end_file),
		cmocka_unit_test_setup_teardown(every_wrong_line_is_named_by_its_place, begin_file,
						end_file),
		cmocka_unit_test_setup_teardown(an_id_is_of_one_key, begin_file, end_file),
		cmocka_unit_test_setup_teardown(a_file_that_others_may_write_is_warned_about,
						begin_file, end_file),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_an_error, begin_file,
						end_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
