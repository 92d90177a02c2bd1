/* SPDX-License-Identifier: Apache-2.0 */
/* A file is found by its name; by none, the page itself. */
#include "http/docs_page.h"

#include "base/siphash.h"
#include "http/docs_files.h"
#include "http/exchange.h"
#include "http/header_lines.h"

#include <string.h>

#define DOCS_PAGE "docs.html"

/* Of what stands in the program there is no secret. */
static const uint8_t docs_page_key[SIPHASH_KEY_BYTES] = "docs";

static const struct embedded *docs_page_find(struct text name)
{
	for (const struct embedded *file = docs_files; file->name; file++)
		if (text_is(name, file->name))
			return file;
	return NULL;
}

static const char *docs_page_type(const char *name)
{
	static const struct {
		const char *end, *type;
	} rows[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".LICENSE", "text/plain; charset=utf-8" },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(dot, rows[i].end) == 0)
			return rows[i].type;
	return "application/octet-stream";
}

void docs_page_answer(struct exchange *exchange)
{
	struct request *request = exchange->request;
	struct text name = exchange->asked->route.name;
	const struct embedded *file = docs_page_find(name.len ? name : TEXT(DOCS_PAGE));

	if (!file) {
		(void)request_fail(request, OUTCOME_NOT_FOUND, "There is nothing at this path");
		return;
	}
	buf_clear(&request->out);
	buf_text(&request->out, file->bytes);
	request->cache_marks |= CACHE_MARK_OWN;
	request->tag_key = docs_page_key;
	exchange->content_type = docs_page_type(file->name);
}

void docs_page_headers(struct header_lines *lines)
{
	header_lines_add(lines, "Content-Security-Policy",
			 "default-src 'none'; script-src 'self'; style-src 'self'; "
			 "img-src data:; connect-src 'self'; base-uri 'none'; "
			 "form-action 'none'; frame-ancestors 'none'; "
			 "require-trusted-types-for 'script'; trusted-types 'none'");
	header_lines_add(lines, "X-Content-Type-Options", "nosniff");
	header_lines_add(lines, "Referrer-Policy", "no-referrer");
}
