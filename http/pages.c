/* SPDX-License-Identifier: Apache-2.0 */
/* A Unix socket is fenced by the rights of its file; over TCP it is the owner who decides. */
#include "http/pages.h"

#include "http/connection.h"
#include "http/head/head.h"

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

void pages_take(struct connection *connection, const struct head *head)
{
	struct exchange *exchange = &connection->exchange;
	const struct admin_page *page = connection->shared->settings.pages;

	if (!text_is(head->method, "GET") && !text_is(head->method, "HEAD")) {
		(void)request_fail(exchange->request, OUTCOME_METHOD_NOT_ALLOWED,
				   "Allowed here: GET, HEAD");
		return;
	}
	while (page->path && !text_is(exchange->asked->route.path, page->path))
		page++;
	exchange->asked->page = page;
	exchange->asked->page_trusts = pages_trusts(connection, head);
	if (!page->path)
		(void)request_fail(exchange->request, OUTCOME_NOT_FOUND,
				   "There is nothing at this path");
	else if (!page->is_open && !exchange->asked->page_trusts)
		(void)request_fail(exchange->request, OUTCOME_UNAUTHENTICATED,
				   "This page wants a token of --admin-token-file");
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
