/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints name the option. */
#include "cmd/serve_jwt.h"

#include <stdio.h>

bool serve_jwt_is_on(const struct options *options)
{
	return options->jwt_keys || options->jwt_secret_file;
}

static bool serve_jwt_complain(const char *option, const char *wrong)
{
	fprintf(stderr, "cqrsd serve: --%s: %s\n", option, wrong);
	return false;
}

static bool serve_jwt_is_empty(const char *text)
{
	return !text || !*text;
}

/* Without keys the others have no meaning. */
static bool serve_jwt_check_off(const struct options *options)
{
	static const char wrong[] = "there is neither --jwt-keys nor --jwt-secret-file";

	if (options->jwt_issuer)
		return serve_jwt_complain("jwt-issuer", wrong);
	if (options->jwt_audience)
		return serve_jwt_complain("jwt-audience", wrong);
	return true;
}

bool serve_jwt_check(const struct options *options)
{
	if (!serve_jwt_is_on(options))
		return serve_jwt_check_off(options);
	if (options->jwt_keys && options->jwt_secret_file)
		return serve_jwt_complain("jwt-secret-file",
					  "there is --jwt-keys, too; choose one of them");
	if (serve_jwt_is_empty(options->jwt_issuer))
		return serve_jwt_complain("jwt-issuer",
					  "is wanted: who issues the tokens, as their iss has it");
	if (serve_jwt_is_empty(options->jwt_audience))
		return serve_jwt_complain(
			"jwt-audience", "is wanted: for whom the tokens are, as their aud has it");
	return true;
}

static void serve_jwt_on_unknown_key(void *arg)
{
	struct serve_jwt *jwt = arg;

	jwks_want(jwt->jwks);
}

bool serve_jwt_start(struct serve_jwt *jwt, const struct options *options)
{
	static const enum acts_for acts_for[] = { ACTS_FOR_SELF, ACTS_FOR_ANY, ACTS_FOR_NONE };
	const struct jwks_settings where = { .keys = options->jwt_keys,
					     .secret_file = options->jwt_secret_file };
	char error[512];

	if (!serve_jwt_is_on(options))
		return true;
	jwt->jwks = jwks_start(&where, error, sizeof(error));
	if (!jwt->jwks)
		return serve_jwt_complain(options->jwt_keys ? "jwt-keys" : "jwt-secret-file",
					  error);
	jwt->settings = (struct jwt_verifier_settings){
		.policy = { .issuer = text_of(options->jwt_issuer),
			    .audience = text_of(options->jwt_audience),
			    .roles_claim = text_of(options->jwt_roles_claim),
			    .user_claim = text_of(options->jwt_user_claim),
			    .leeway_us = options->jwt_leeway_us,
			    .acts_for = acts_for[options->jwt_acts_for] },
		.keys = jwks_snapshot(jwt->jwks),
		.on_unknown_key = serve_jwt_on_unknown_key,
		.arg = jwt,
	};
	return true;
}

bool serve_jwt_prepare(struct serve_jwt *jwt, char *error, size_t error_room)
{
	return !jwt->jwks || jwks_prepare(jwt->jwks, error, error_room);
}

void serve_jwt_take(struct serve_jwt *jwt)
{
	if (jwt->jwks)
		jwks_take(jwt->jwks);
}

void serve_jwt_stop(struct serve_jwt *jwt)
{
	if (jwt->jwks)
		jwks_stop(jwt->jwks);
}
