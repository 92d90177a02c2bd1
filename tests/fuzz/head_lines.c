/* SPDX-License-Identifier: Apache-2.0 */
/* Lines end with LF; a line without a colon is no header. */
#include "tests/fuzz/head_lines.h"

#include <string.h>

/* The next line, NUL-terminated in place; false: none is left. */
static bool take_line(char **at, char *end, struct text *line)
{
	char *stop;

	if (*at >= end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	if (!stop)
		stop = end;
	*stop = '\0';
	*line = (struct text){ *at, (size_t)(stop - *at) };
	*at = stop + 1;
	return true;
}

/* What stands before the first blank, NUL-terminated in place. */
static struct text take_word(struct text *line)
{
	char *blank = memchr(line->ptr, ' ', line->len);
	struct text word = { line->ptr, blank ? (size_t)(blank - line->ptr) : line->len };

	if (blank)
		*blank = '\0';
	*line = blank ? (struct text){ blank + 1, line->len - word.len - 1 }
		      : (struct text){ "", 0 };
	return word;
}

void head_lines_read(struct head *head, char *at, char *end)
{
	struct text line = { "", 0 };

	*head = (struct head){ .count = 0 };
	if (take_line(&at, end, &line)) {
		head->method = take_word(&line);
		head->target = take_word(&line);
	}
	head->version = line;
	while (take_line(&at, end, &line)) {
		char *colon = memchr(line.ptr, ':', line.len);
		if (head->count == HEADERS_MAX) {
			head->too_many = true;
			return;
		}
		if (!colon)
			continue;
		*colon = '\0';
		head_add(head, (struct text){ line.ptr, (size_t)(colon - line.ptr) },
			 text_trim((struct text){ colon + 1,
						  line.len - (size_t)(colon - line.ptr) - 1 }));
	}
}
