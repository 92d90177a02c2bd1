/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints name the option. */
#include "cmd/endpoints.h"

#include "base/log.h"
#include "cmd/keys_known.h"
#include "http/http.h"

#include <stdio.h>
#include <string.h>

/* --- what the options say --------------------------------------------------------------------- */

/* otherwise: what would have to be given for an address that others can reach; NULL: it is. */
static bool endpoints_check_one(const char *option, const char *address, const char *otherwise)
{
	char error[256];
	bool beyond;

	if (!endpoint_check(address, &beyond, error, sizeof(error))) {
		fprintf(stderr, "cqrsd serve: %s: %s\n", option, error);
		return false;
	}
	if (beyond && otherwise) {
		fprintf(stderr, "cqrsd serve: %s %s is beyond loopback, and %s\n", option, address,
			otherwise);
		return false;
	}
	return true;
}

static bool endpoints_check_admin(const struct options *options)
{
	bool fenced = options->admin_token_file || options->admin_open || options->insecure;

	if (options->admin_token_file && options->admin_open) {
		fprintf(stderr, "cqrsd serve: --admin-open: there is an --admin-token-file, too; "
				"choose one of them\n");
		return false;
	}
	return endpoints_check_one("--admin-listen", options->admin_listen,
				   fenced ? NULL
					  : "every client could see all of it; "
					    "--admin-token-file fences it, --admin-open lets them");
}

static bool endpoints_are_different(const struct option_list *listens)
{
	for (size_t i = 0; i < listens->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(listens->items[i], listens->items[j]) == 0) {
				fprintf(stderr, "cqrsd serve: --listen: %s is given twice\n",
					listens->items[i]);
				return false;
			}
	return true;
}

bool endpoints_reach_beyond(const struct options *options)
{
	for (size_t i = 0; i < options->listens.count; i++) {
		char error[256];
		bool beyond;

		if (endpoint_check(options->listens.items[i], &beyond, error, sizeof(error)) &&
		    beyond)
			return true;
	}
	return false;
}

/* Where no node can say so, callers are refused until one does. */
static bool endpoints_have_callers(const struct options *options)
{
	if (options->auth || options->insecure || options->keys_file || options->jwt_keys ||
	    options->jwt_secret_file || !endpoints_reach_beyond(options))
		return true;
	return keys_known_ask(options) != KEYS_KNOWN_NEVER;
}

/* What could never be equal to what a browser sends is a mistake. */
bool endpoints_check_browsers(const struct options *options)
{
	for (size_t i = 0; i < options->hosts.count; i++) {
		const char *wrong = origin_wrong_host(options->hosts.items[i]);

		if (wrong) {
			fprintf(stderr, "cqrsd serve: --host %s: %s\n", options->hosts.items[i],
				wrong);
			return false;
		}
	}
	for (size_t i = 0; i < options->cors_origins.count; i++) {
		const char *wrong = origin_wrong_origin(options->cors_origins.items[i]);

		if (wrong) {
			fprintf(stderr, "cqrsd serve: --cors-origin %s: %s\n",
				options->cors_origins.items[i], wrong);
			return false;
		}
	}
	return true;
}

bool endpoints_check(const struct options *options)
{
	const struct option_list *listens = &options->listens;
	const char *otherwise =
		endpoints_have_callers(options)
			? NULL
			: "there are no callers: cqrsd keys create makes one, --auth required "
			  "refuses those without a credential, --auth none (or --insecure) "
			  "serves all";

	for (size_t i = 0; i < listens->count; i++)
		if (!endpoints_check_one("--listen", listens->items[i], otherwise))
			return false;
	return endpoints_are_different(listens) && endpoints_check_admin(options);
}

bool endpoints_read_peers(struct endpoints *endpoints, const struct options *options)
{
	bool has_unix = false;
	char error[512];

	for (size_t i = 0; i < options->listens.count; i++)
		has_unix |= endpoint_is_unix(options->listens.items[i]);
	if (options->peers.count && !has_unix) {
		fprintf(stderr, "cqrsd serve: --peer: there is no --listen unix:PATH over which it "
				"could come\n");
		return false;
	}
	if (peers_read(&endpoints->peers, &options->peers, error, sizeof(error)))
		return true;
	fprintf(stderr, "cqrsd serve: --peer: %s\n", error);
	return false;
}

/* --- life ------------------------------------------------------------------------------------- */

static bool endpoints_open_one(struct endpoint *endpoint, const char *option, const char *address)
{
	char error[256];

	if (endpoint_open(endpoint, address, error, sizeof(error)))
		return true;
	fprintf(stderr, "cqrsd serve: %s: %s\n", option, error);
	return false;
}

bool endpoints_open(struct endpoints *endpoints, const struct options *options)
{
	endpoints->admin.fd = -1;
	endpoints->api_count = 0;
	for (size_t i = 0; i < options->listens.count; i++)
		if (!endpoints_open_one(&endpoints->api[endpoints->api_count++], "--listen",
					options->listens.items[i]))
			return false;
	return endpoints_open_one(&endpoints->admin, "--admin-listen", options->admin_listen);
}

void endpoints_announce(const struct endpoints *endpoints)
{
	char address[ENDPOINT_TEXT_BYTES];

	for (unsigned i = 0; i < endpoints->api_count; i++) {
		endpoint_text(&endpoints->api[i], address);
		log_info("serve", "listening on %s", address);
	}
	endpoint_text(&endpoints->admin, address);
	log_info("serve", "admin on %s", address);
}

void endpoints_leave_api(struct endpoints *endpoints)
{
	for (unsigned i = 0; i < endpoints->api_count; i++)
		endpoint_close(&endpoints->api[i]);
}

void endpoints_close(struct endpoints *endpoints)
{
	endpoints_leave_api(endpoints);
	endpoint_close(&endpoints->admin);
}
