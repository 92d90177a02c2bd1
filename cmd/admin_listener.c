/* SPDX-License-Identifier: Apache-2.0 */
/* Few places, small requests, no router. */
#include "cmd/admin_listener.h"

#include "base/clock.h"
#include "cmd/admin_pages.h"
#include "cmd/admin_token.h"
#include "http/endpoint.h"
#include "http/http.h"

#include <stdio.h>

#define ADMIN_CONNECTIONS_MAX 128
#define ADMIN_BODY_BYTES_MAX 65536 /* some 2,000 ids of jobs */
#define ADMIN_TIMEOUT_US (10 * US_PER_S)

bool admin_read_tokens(struct admin *admin, const struct options *options)
{
	const char *path = options->admin_token_file;
	char error[512];

	if (!path || admin_tokens_read(&admin->tokens, path, error, sizeof(error)))
		return true;
	fprintf(stderr, "cqrsd serve: --admin-token-file: %s\n", error);
	return false;
}

static bool admin_admits(struct text authorization, void *arg)
{
	const struct admin *admin = arg;

	return admin_tokens_admit(&admin->tokens, authorization);
}

struct listener *admin_listen(struct admin *admin, struct loop *loop, const struct options *options,
			      struct endpoint *endpoint, struct audit_queue *audit)
{
	const struct listener_settings settings = {
		.connections_max = ADMIN_CONNECTIONS_MAX,
		.connection_memory = 4096,
		.body_bytes_max = ADMIN_BODY_BYTES_MAX,
		.request_timeout_us = ADMIN_TIMEOUT_US,
		.idle_timeout_us = 6 * ADMIN_TIMEOUT_US,
		.user_header = options->user_header,
		/* No page of another origin reads it: --cors-origin is for the API. */
		.origins = { .checks_host = true,
			     .hosts = options->hosts.items,
			     .hosts_count = options->hosts.count },
		.audit = audit,
		.pages = admin_pages,
		.pages_admit = options->admin_token_file ? admin_admits : NULL,
		.pages_arg = admin,
	};
	char error[256];
	struct listener *listener =
		listener_new(loop, &settings, admin->metrics, error, sizeof(error));
	int fd = listener ? endpoint_listen(endpoint, false, error, sizeof(error)) : -1;

	if (fd >= 0) {
		listener_listen(listener, fd);
		return listener;
	}
	fprintf(stderr, "cqrsd serve: --admin-listen: %s\n", error);
	if (listener)
		listener_free(listener);
	return NULL;
}
