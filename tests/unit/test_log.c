/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for operators. */
#include "base/log.h"

#include "base/json.h"
#include "base/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int kept, caught;
static char said[LOG_LINE_BYTES_MAX * 4];

static int setup(void **state)
{
	kept = dup(STDERR_FILENO);
	caught = memfd_create("stderr", MFD_CLOEXEC);
	dup2(caught, STDERR_FILENO);
	log_setup(LOG_INFO, LOG_HUMAN);
	return 0;
}

static int teardown(void **state)
{
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(caught);
	return 0;
}

/* All that was said so far. */
static const char *heard(void)
{
	ssize_t len = pread(caught, said, sizeof(said) - 1, 0);

	said[len < 0 ? 0 : len] = '\0';
	return said;
}

/* The line is JSON, and its member of that name is value. */
static void json_says(const char *name, const char *value)
{
	struct json_error error;
	struct json *json = json_read(text_of(heard()), &error);
	const struct json *member;

	if (!json)
		fail_msg("%s: %s", error.text, said);
	member = json_get(json, name);
	assert_non_null(member);
	if (!text_is(json_text(member), value))
		fail_msg("%s is %s", name, json_text(member).ptr);
	json_free(json);
}

/* 2026-01-01T00:00:00.000Z */
static void is_a_moment(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'd')
			assert_in_range(text[i], '0', '9');
		else
			assert_int_equal(text[i], form[i]);
	}
}

static void a_human_line_has_time_level_area_message_and_fields(void **state)
{
	log_with(LOG_INFO, "monitor", LOG_FIELDS({ "node", "h:1" }, { "role", NULL }, { "n", "" }),
		 "seen %d", 2);
	is_a_moment(heard());
	assert_string_equal(heard() + 24, " INFO  monitor: seen 2 node=h:1 n=\"\"\n");
}

static void a_human_value_with_spaces_or_quotes_is_quoted(void **state)
{
	log_with(LOG_ERROR, "pg", LOG_FIELDS({ "a", "x y" }, { "b", "\"" }, { "c", "k=v" }), "m");
	assert_string_equal(heard() + 24, " ERROR pg: m a=\"x y\" b=\"\\\"\" c=\"k=v\"\n");
}

static void a_json_line_is_one_object(void **state)
{
	log_setup(LOG_INFO, LOG_JSON);
	log_with(LOG_WARN, "pg", LOG_FIELDS({ "node", "h:1" }, { "gone", NULL }), "a \"b\" %d", 3);
	json_says("level", "warn");
	json_says("area", "pg");
	json_says("msg", "a \"b\" 3");
	json_says("node", "h:1");
	assert_null(strstr(heard(), "gone"));
	is_a_moment(heard() + strlen("{\"ts\":\""));
	assert_string_equal(strchr(heard(), '\n'), "\n");
}

static void nothing_that_is_logged_begins_a_line_of_its_own(void **state)
{
	log_warn("pg", "first\nsecond\r\x1b[31m\x7f");
	assert_string_equal(heard() + 24, " WARN  pg: first\\nsecond\\x0d\\x1b[31m\\x7f\n");
	assert_int_equal(ftruncate(caught, 0), 0);
	lseek(caught, 0, SEEK_SET);
	log_setup(LOG_INFO, LOG_JSON);
	log_warn("pg", "first\nsecond\xff");
	json_says("msg", "first\nsecond\xef\xbf\xbd");
	assert_string_equal(strchr(heard(), '\n'), "\n");
}

/* U+009B is what ESC [ is in one character; some terminals also take its bare byte. */
static void control_characters_beyond_ascii_are_escaped(void **state)
{
	log_with(LOG_WARN, "pg", LOG_FIELDS({ "a", "\xc2\x9b" }, { "b", "x \xc2\x85" }),
		 "\xc2\x9b"
		 "31m\xc2\x80\xc2\x9f \x9b \xe2\x82 \xff");
	assert_string_equal(heard() + 24, " WARN  pg: \\xc2\\x9b31m\\xc2\\x80\\xc2\\x9f \\x9b "
					  "\\xe2\\x82 \\xff a=\\xc2\\x9b b=\"x \\u0085\"\n");
	assert_int_equal(ftruncate(caught, 0), 0);
	lseek(caught, 0, SEEK_SET);
	log_setup(LOG_INFO, LOG_JSON);
	log_warn("pg", "a\xc2\x9b");
	json_says("msg", "a\xc2\x9b");
	assert_non_null(strstr(heard(), "a\\u009b"));
}

static void letters_of_all_languages_are_shown_as_they_are(void **state)
{
	static const char letters[] = "\xc2\xa0\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80";

	log_with(LOG_WARN, "pg", LOG_FIELDS({ "a", letters }), "%s", letters);
	assert_int_equal(strlen(heard() + 24), strlen(" WARN  pg:  a=\n") + 2 * strlen(letters));
	assert_non_null(strstr(heard(), letters));
}

static void lines_below_the_level_are_not_written(void **state)
{
	log_debug("a", "not seen");
	assert_false(log_enabled(LOG_DEBUG));
	assert_true(log_enabled(LOG_INFO));
	assert_string_equal(heard(), "");
	log_set_level(LOG_DEBUG);
	log_debug("a", "seen");
	assert_non_null(strstr(heard(), "DEBUG a: seen"));
	log_set_level(LOG_ERROR);
	log_warn("a", "too little");
	assert_null(strstr(heard(), "too little"));
}

static void a_line_too_long_is_cut_and_still_whole(void **state)
{
	char *text = malloc(100000);

	for (int format = LOG_HUMAN; format <= LOG_JSON; format++) {
		for (const char *fill = "x\n\"\xff"; *fill; fill++) {
			memset(text, *fill, 99999);
			text[99999] = '\0';
			log_setup(LOG_INFO, (enum log_format)format);
			assert_int_equal(ftruncate(caught, 0), 0);
			lseek(caught, 0, SEEK_SET);
			log_with(LOG_INFO, "a", LOG_FIELDS({ "f", text }, { "g", text }), "%s",
				 text);
			assert_in_range(strlen(heard()), LOG_LINE_BYTES_MAX / 2,
					LOG_LINE_BYTES_MAX);
			assert_string_equal(strchr(heard(), '\n'), "\n");
			if (format == LOG_JSON)
				json_says("level", "info");
		}
	}
	free(text);
}

static void a_long_field_is_cut_and_costs_neither_message_nor_form(void **state)
{
	char text[LOG_LINE_BYTES_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_setup(LOG_INFO, LOG_JSON);
	log_with(LOG_INFO, "a", LOG_FIELDS({ "one", text }, { "two", "2" }), "message");
	json_says("msg", "message");
	json_says("level", "info");
}

static void what_cannot_go_on_says_so_and_exits_with_one(void **state)
{
	int status;
	pid_t child;

	log_setup(LOG_ERROR, LOG_HUMAN);
	child = fork();
	if (child == 0)
		log_fatal("arena", "out of memory (%d bytes wanted)", 7);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_string_equal(heard() + 24, " ERROR arena: out of memory (7 bytes wanted)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_human_line_has_time_level_area_message_and_fields,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_human_value_with_spaces_or_quotes_is_quoted,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_json_line_is_one_object, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_that_is_logged_begins_a_line_of_its_own,
						setup, teardown),
		cmocka_unit_test_setup_teardown(control_characters_beyond_ascii_are_escaped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(letters_of_all_languages_are_shown_as_they_are,
						setup, teardown),
		cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_line_too_long_is_cut_and_still_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_long_field_is_cut_and_costs_neither_message_nor_form, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_go_on_says_so_and_exits_with_one, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
