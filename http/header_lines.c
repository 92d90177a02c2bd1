/* SPDX-License-Identifier: Apache-2.0 */
/* What relies on the inside of the library is in one place: header_lines_part. */
#include "http/header_lines.h"

#include "base/log.h"

#include <assert.h>
#include <string.h>

#define LINE_END "\r\n"
#define LINE_END_BYTES (sizeof(LINE_END) - 1)

static_assert(sizeof(LINE_END) == sizeof(HEADER_LINES_BLANKS), "they take the place of each other");

static bool header_lines_library_allows(void) must_check;

void header_lines_init(struct header_lines *lines)
{
	buf_init(&lines->text);
	lines->count = 0;
	lines->as_one = header_lines_library_allows();
	if (!lines->as_one)
		log_warn("http", "libmicrohttpd %s keeps headers in another way: replies cost more",
			 MHD_get_version());
}

void header_lines_fini(struct header_lines *lines)
{
	assert(lines->count == 0);
	buf_fini(&lines->text);
}

/*
 * Adds a header, and makes ends of lines of the blanks at these places of its value.
 *
 * The library refuses CR and LF in a value, as it should: so lines are parted by blanks when it
 * checks and copies them, and the blanks become CR LF in its copy. Relied on is, as read in and run
 * with 0.9.75 and 1.0.1 (add_response_entry and MHD_get_response_header in its response.c,
 * add_user_headers in its connection.c):
 *   1. MHD_add_response_header copies the value as it is into memory of its own from malloc;
 *   2. MHD_get_response_header returns where that copy begins; it is const by its type only;
 *   3. the copy is read again when the response is sent, and then as so many bytes as it had when
 *      it was added, whatever they are. Their number stays what it was.
 * 1 and 2 are tried when the lines are initialised, 3 by tests: they look at what a client gets.
 *
 * False: there is no copy, or not of so many bytes as the value has; nothing is written.
 */
static bool header_lines_part(struct MHD_Response *response, const char *name,
			      const struct text *value, const size_t *ends, unsigned count)
{
	enum MHD_Result added = MHD_add_response_header(response, name, value->ptr);
	char *copy = (char *)(uintptr_t)MHD_get_response_header(response, name);

	/* Else a value is empty or has control characters. */
	assert(added == MHD_YES);
	if (!copy || copy == value->ptr || strlen(copy) != value->len)
		return false;
	for (unsigned i = 0; i < count; i++)
		memcpy(copy + ends[i], LINE_END, LINE_END_BYTES);
	return true;
}

/* Its own small response, which is never sent. */
static bool header_lines_library_allows(void)
{
	static const char parted[] = "1" LINE_END "B: 2";
	static const size_t ends[] = { 1 };
	const struct text value = TEXT("1" HEADER_LINES_BLANKS "B: 2");
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, (char[]){ "" }, MHD_RESPMEM_PERSISTENT);
	const char *seen;
	bool allows;

	if (!response)
		log_fatal("http", "out of memory");
	allows = header_lines_part(response, "A", &value, ends, 1);
	seen = allows ? MHD_get_response_header(response, "A") : NULL;
	allows = seen && strcmp(seen, parted) == 0 &&
		 MHD_get_response_headers(response, NULL, NULL) == 1;
	MHD_destroy_response(response);
	return allows;
}

/* The value of the line, which is cut from its name and from the next line. */
static char *header_lines_cut(char *line, char *end)
{
	char *colon;

	*end = '\0';
	colon = strchr(line, ':');
	*colon = '\0';
	return colon + sizeof(": ") - 1;
}

static void header_lines_as_one(struct header_lines *lines, struct MHD_Response *response)
{
	char *name = lines->text.ptr, *end = name + lines->ends[lines->count - 1];
	char *value = header_lines_cut(name, end);
	size_t before = (size_t)(value - name);
	bool parted;

	for (unsigned i = 0; i < lines->count; i++)
		lines->ends[i] -= before;
	parted = header_lines_part(response, name, &(struct text){ value, (size_t)(end - value) },
				   lines->ends, lines->count - 1);
	assert(parted);
}

static void header_lines_one_by_one(struct header_lines *lines, struct MHD_Response *response)
{
	char *name = lines->text.ptr;

	for (unsigned i = 0; i < lines->count; i++) {
		char *end = lines->text.ptr + lines->ends[i];
		enum MHD_Result added =
			MHD_add_response_header(response, name, header_lines_cut(name, end));

		assert(added == MHD_YES);
		name = end + LINE_END_BYTES;
	}
}

void header_lines_hand_over(struct header_lines *lines, struct MHD_Response *response)
{
	assert(lines->count > 0);
	if (lines->as_one)
		header_lines_as_one(lines, response);
	else
		header_lines_one_by_one(lines, response);
	buf_clear(&lines->text);
	lines->count = 0;
}
