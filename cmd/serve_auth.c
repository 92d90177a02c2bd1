/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints name the option. */
#include "cmd/serve_auth.h"

#include "base/rate_policy.h"
#include "cmd/endpoints.h"

#include <stdio.h>
#include <string.h>

enum { AUTH_OPTION_AUTO, AUTH_OPTION_REQUIRED, AUTH_OPTION_NONE }; /* of base/options.def */

bool serve_auth_is_off(const struct options *options)
{
	return options->insecure || options->auth == AUTH_OPTION_NONE;
}

static bool serve_auth_complain(const char *option, const char *value, const char *wrong)
{
	fprintf(stderr, "cqrsd serve: --%s: %s%s%s\n", option, value, *value ? ": " : "", wrong);
	return false;
}

static bool serve_auth_check_roles(const char *roles)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	for (const char *at = roles; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		size_t blanks = strspn(at, " \t"), len = strspn(at + blanks, letters);
		const char *end = at + blanks + len;

		end += strspn(end, " \t");
		if (len == 0 || (*end && *end != ','))
			return serve_auth_complain("strong-roles", roles,
						   "wants names of roles, separated by commas");
	}
	return true;
}

bool serve_auth_check(const struct options *options)
{
	struct gcra_rate rate;

	if (options->insecure && options->auth == AUTH_OPTION_REQUIRED)
		return serve_auth_complain("insecure", "",
					   "there is --auth required, too; choose one of them");
	if (!rate_parse(options->auth_failures, &rate))
		return serve_auth_complain("auth-failures", options->auth_failures,
					   "wants N/s, N/m, N/h or N/d");
	if (options->keys_file && serve_auth_is_off(options))
		return serve_auth_complain("keys-file", options->keys_file,
					   "with --auth none (or --insecure) its keys would not be "
					   "looked at; leave one of them out");
	if (serve_jwt_is_on(options) && serve_auth_is_off(options))
		return serve_auth_complain(options->insecure ? "insecure" : "auth none", "",
					   "no JWT would be verified; leave one of them out");
	return serve_jwt_check(options) && serve_auth_check_roles(options->strong_roles);
}

bool serve_auth_check_peers(const struct options *options, const struct peers *peers)
{
	for (size_t i = 0; serve_auth_is_off(options) && i < peers->count; i++)
		if (!peers->items[i].is_proxy)
			return serve_auth_complain(
				"peer", options->peers.items[i],
				"with --auth none (or --insecure) it would have no effect, as no "
				"client is a caller; leave one of them out. A :proxy may stay: its "
				"X-Forwarded-For counts all the same");
	return true;
}

/* Callers of a --keys-file are known without a database. Beyond loopback it is never open. */
static enum auth_mode serve_auth_mode(const struct options *options)
{
	bool known =
		options->keys_file || serve_jwt_is_on(options) || endpoints_reach_beyond(options);

	return options->auth == AUTH_OPTION_REQUIRED || known ? AUTH_REQUIRED : AUTH_BY_KEYS;
}

bool serve_auth_callers_known(void *arg)
{
	const struct serve_auth *auth = arg;
	struct key_store_view view;

	if (auth->off)
		return true;
	key_store_view(auth->keys, &view);
	return view.state != KEYRING_UNKNOWN;
}

void serve_auth_init(struct serve_auth *auth, const struct options *options, struct key_store *keys)
{
	struct gcra_rate rate = { 0 };

	if (rate_parse(options->auth_failures, &rate))
		auth->failures = auth_failures_new(rate);
	auth->settings = (struct auth_settings){
		.mode = serve_auth_mode(options),
		.keyring = key_store_snapshot(keys),
		.failures = auth->failures,
		.jwt = auth->jwt.jwks ? &auth->jwt.settings : NULL,
	};
	auth->keys = keys;
	auth->off = serve_auth_is_off(options);
}

void serve_auth_fini(struct serve_auth *auth)
{
	serve_jwt_stop(&auth->jwt);
	auth_failures_free(auth->failures);
}
