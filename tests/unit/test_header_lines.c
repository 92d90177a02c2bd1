/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/*
 * All headers of a reply as one header of libmicrohttpd's, or each as itself where the library does
 * not allow that: the same lines. The library is the real one, but that it can be made to keep
 * values in another way.
 */
#include "aborts.h"
#include "http_fixture.h"

#include "http/header_lines.h"
#include "http/listener.h"

#include <dlfcn.h>
#include <string.h>

static enum {
	LIBRARY_AS_IT_IS,
	LIBRARY_KEEPS_OURS, /* it makes no copy */
	LIBRARY_TELLS_NOTHING,
	LIBRARY_TELLS_A_PART,
	LIBRARY_TELLS_ANOTHER_COPY, /* each time */
} library;
static const char *given; /* to the library, last */
static struct header_lines lines;
static struct MHD_Response *response;
static struct buf seen;

/* --- the library ------------------------------------------------------------------------------ */

enum MHD_Result MHD_add_response_header(struct MHD_Response *to, const char *name,
					const char *value)
{
	static enum MHD_Result (*real)(struct MHD_Response *, const char *, const char *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, __func__);
	given = value;
	return real(to, name, value);
}

const char *MHD_get_response_header(struct MHD_Response *of, const char *name)
{
	static const char *(*real)(struct MHD_Response *, const char *);
	static char copy[64];

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, __func__);
	switch (library) {
	case LIBRARY_AS_IT_IS:
		return real(of, name);
	case LIBRARY_KEEPS_OURS:
		return given;
	case LIBRARY_TELLS_NOTHING:
		return NULL;
	case LIBRARY_TELLS_A_PART:
	case LIBRARY_TELLS_ANOTHER_COPY:
		break;
	}
	memset(copy, 0, sizeof(copy));
	strncpy(copy, real(of, name), library == LIBRARY_TELLS_A_PART ? 2 : sizeof(copy) - 1);
	return copy;
}

/* --- what the stories share ------------------------------------------------------------------- */

static int start(void **state)
{
	header_lines_init(&lines);
	assert_true(lines.as_one);
	response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	buf_init(&seen);
	return 0;
}

static int start_one_by_one(void **state)
{
	start(state);
	lines.as_one = false;
	return 0;
}

static int stop(void **state)
{
	library = LIBRARY_AS_IT_IS;
	MHD_destroy_response(response);
	lines.count = 0;
	header_lines_fini(&lines);
	buf_fini(&seen);
	return 0;
}

static enum MHD_Result see(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	buf_printf(&seen, "%s: %s\r\n", name, value);
	return MHD_YES;
}

/* The lines that the response has now, and how many headers the library knows of. */
static const char *handed_over(int headers)
{
	header_lines_hand_over(&lines, response);
	buf_clear(&seen);
	assert_int_equal(MHD_get_response_headers(response, see, NULL), headers);
	buf_byte(&seen, '\0');
	return seen.ptr;
}

/* --- lines ------------------------------------------------------------------------------------ */

static void lines_leave_in_their_order(void **state)
{
	struct buf *value;

	header_lines_add(&lines, "Content-Type", "application/json");
	value = header_lines_begin(&lines, "Retry-After");
	buf_int(value, 12);
	header_lines_end(&lines);
	header_lines_add(&lines, "Vary", "Origin");

	assert_string_equal(
		handed_over(lines.as_one ? 1 : 3),
		"Content-Type: application/json\r\nRetry-After: 12\r\nVary: Origin\r\n");
}

static void a_line_that_is_alone_is_a_header_like_any(void **state)
{
	header_lines_add(&lines, "Vary", "Origin");

	assert_string_equal(handed_over(1), "Vary: Origin\r\n");
}

static void blanks_and_colons_of_a_value_stay(void **state)
{
	header_lines_add(&lines, "A", "1  2: 3  ");
	header_lines_add(&lines, "B", "  4");

	assert_string_equal(handed_over(lines.as_one ? 1 : 2), "A: 1  2: 3  \r\nB:   4\r\n");
}

static void a_line_that_is_dropped_leaves_nothing(void **state)
{
	header_lines_add(&lines, "A", "1");
	buf_literal(header_lines_begin(&lines, "B"), "half");
	header_lines_drop(&lines);
	header_lines_add(&lines, "C", "3");

	assert_string_equal(handed_over(lines.as_one ? 1 : 2), "A: 1\r\nC: 3\r\n");
}

static void the_next_reply_begins_with_no_line(void **state)
{
	header_lines_add(&lines, "A", "1");
	(void)handed_over(1);
	header_lines_add(&lines, "B", "2");

	assert_string_equal(handed_over(2), "A: 1\r\nB: 2\r\n");
}

static void hand_over(void *value)
{
	header_lines_add(&lines, "A", "1");
	header_lines_add(&lines, "B", value);
	header_lines_hand_over(&lines, response);
}

static void no_value_begins_a_line_of_its_own(void **state)
{
	assert_true(aborts(hand_over, "2\r\nSet-Cookie: forged"));
	assert_true(aborts(hand_over, "2\n3"));
	assert_false(aborts(hand_over, "2 3"));
}

/* --- what the library allows ------------------------------------------------------------------ */

static bool allows(void)
{
	struct header_lines tried;
	bool as_one;

	header_lines_init(&tried);
	as_one = tried.as_one;
	header_lines_fini(&tried);
	return as_one;
}

static void a_library_that_keeps_values_in_another_way_gets_one_header_a_line(void **state)
{
	assert_true(allows());
	library = LIBRARY_KEEPS_OURS;
	assert_false(allows());
	library = LIBRARY_TELLS_NOTHING;
	assert_false(allows());
	library = LIBRARY_TELLS_A_PART;
	assert_false(allows());
	library = LIBRARY_TELLS_ANOTHER_COPY;
	assert_false(allows());
}

static void a_library_that_changes_its_way_later_is_not_written_into(void **state)
{
	library = LIBRARY_TELLS_A_PART;
	assert_true(aborts(hand_over, "2"));
	library = LIBRARY_KEEPS_OURS;
	assert_true(aborts(hand_over, "2"));
}

/* --- what a client gets ----------------------------------------------------------------------- */

/* Without its date. */
static void reply_head(struct buf *out)
{
	const char *head, *date;

	http_client_say(&fixture.client,
			"GET /v1/queries/one HTTP/1.1\r\n" HOST
			"X-Request-Id: r1\r\nTraceparent: 00-"
			"0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
	head = http_client_read(&fixture.client)->head;
	date = strstr(head, "Date: ");
	assert_non_null(date);
	buf_add(out, head, (size_t)(date - head));
	buf_string(out, strstr(date, "\r\n"));
	buf_byte(out, '\0');
}

static void a_client_gets_the_same_either_way(void **state)
{
	struct header_lines *of_listener = &fixture.listener->connections.lines;
	struct buf one_by_one;

	buf_init(&one_by_one);
	assert_true(of_listener->as_one);
	reply_head(&seen);
	of_listener->as_one = false;
	reply_head(&one_by_one);
	assert_string_equal(seen.ptr, one_by_one.ptr);
	assert_non_null(strstr(seen.ptr, "\r\nX-Request-Id: r1\r\n"));
	assert_non_null(strstr(seen.ptr, "\r\ntraceparent: 00-"));
	buf_fini(&one_by_one);
}

static int start_listener(void **state)
{
	start(state);
	return fixture_start_api(state);
}

static int stop_listener(void **state)
{
	fixture_stop(state);
	return stop(state);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define BOTH_WAYS(name)                                                                            \
	STORY(name),                                                                               \
	{                                                                                          \
#name "_one_by_one", name, start_one_by_one, stop, NULL                            \
	}
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(lines_leave_in_their_order),
		BOTH_WAYS(a_line_that_is_alone_is_a_header_like_any),
		BOTH_WAYS(blanks_and_colons_of_a_value_stay),
		BOTH_WAYS(a_line_that_is_dropped_leaves_nothing),
		BOTH_WAYS(the_next_reply_begins_with_no_line),
		BOTH_WAYS(no_value_begins_a_line_of_its_own),
		STORY(a_library_that_keeps_values_in_another_way_gets_one_header_a_line),
		STORY(a_library_that_changes_its_way_later_is_not_written_into),
		cmocka_unit_test_setup_teardown(a_client_gets_the_same_either_way, start_listener,
						stop_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
