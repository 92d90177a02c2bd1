/* SPDX-License-Identifier: Apache-2.0 */
/* A Unix socket is fenced by the rights of its file; over TCP it is the owner who decides. */
#include "http/pages.h"

#include "http/connection.h"
#include "http/head/head.h"

#include <string.h>

/* Two of them are none. */
static struct text pages_authorization(const struct head *head)
{
	const struct header *header = head_find(head, "authorization");

	if (!header || head_count(head, "authorization") != 1)
		return (struct text){ NULL, 0 };
	return header->value;
}

static bool pages_trusts(const struct connection *connection, const struct head *head)
{
	const struct listener_settings *settings = &connection->shared->settings;

	return !settings->pages_admit || connection->caller->uid >= 0 ||
	       settings->pages_admit(pages_authorization(head), settings->pages_arg);
}

static bool pages_match(const struct admin_page *page, struct text path)
{
	size_t len = strlen(page->path);

	if (page->path[len - 1] != '/')
		return text_is(path, page->path);
	return path.len > len && memcmp(path.ptr, page->path, len) == 0;
}

const char *pages_allow(const struct admin_page *page)
{
	return page && page->event ? "POST" : "GET, HEAD";
}

static bool pages_allow_method(const struct admin_page *page, struct text method)
{
	if (page->event)
		return text_is(method, "POST");
	return text_is(method, "GET") || text_is(method, "HEAD");
}

/* Parameters are those of a query, or of a command. */
static void pages_take_request(struct connection *connection, const struct head *head)
{
	struct exchange *exchange = &connection->exchange;
	const struct admin_page *page = exchange->asked->page;
	struct request *request = exchange->request;
	struct text path = exchange->asked->route.path;
	size_t len = strlen(page->path);

	request->kind = page->event ? REQUEST_COMMAND : REQUEST_QUERY;
	request->address = arena_text(&request->arena, text_of(connection->caller->name));
	if (page->event)
		request->operation = text_of(page->event);
	else if (path.len > len)
		request->operation = arena_text(&request->arena,
						(struct text){ path.ptr + len, path.len - len });
	exchange_take_query(exchange, head->method);
}

void pages_take(struct connection *connection, const struct head *head)
{
	struct exchange *exchange = &connection->exchange;
	const struct admin_page *page = connection->shared->settings.pages;

	while (page->path && !pages_match(page, exchange->asked->route.path))
		page++;
	exchange->asked->page = page;
	exchange->asked->page_trusts = pages_trusts(connection, head);
	if (!pages_allow_method(page, head->method))
		(void)request_fail(exchange->request, OUTCOME_METHOD_NOT_ALLOWED,
				   "Allowed here: %s", pages_allow(exchange->asked->page));
	else if (!page->path)
		(void)request_fail(exchange->request, OUTCOME_NOT_FOUND,
				   "There is nothing at this path");
	else if (!page->is_open && !exchange->asked->page_trusts)
		(void)request_fail(exchange->request, OUTCOME_UNAUTHENTICATED,
				   "This page wants a token of --admin-token-file");
	else if (page->take)
		pages_take_request(connection, head);
}

void pages_answer(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	struct request *request = exchange->request;
	struct admin_reply reply = { .status = 200,
				     .body = request->out,
				     .trusted = exchange->asked->page_trusts };

	exchange->asked->page->answer(&reply, connection->shared->settings.pages_arg);
	request->out = reply.body;
	request->status = reply.status;
	exchange->content_type = reply.content_type;
}
