/* SPDX-License-Identifier: Apache-2.0 */
/* What --auth and its neighbours say, as the loops need it. Main thread. */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "cmd/serve_jwt.h"
#include "http/auth/auth.h"
#include "http/auth/key_store.h"
#include "http/auth/peers.h"

#include <stdbool.h>

struct serve_auth {
	struct auth_settings settings; /* for every loop */
	struct auth_failures *failures;
	struct key_store *keys;
	struct serve_jwt jwt; /* started before serve_auth_init */
	bool off;             /* no loop asks who calls */
};

/* Are callers told apart by these options? Not by --auth none, which --insecure is. */
bool serve_auth_is_off(const struct options *options) must_check;
/* Can the options be meant? False: stderr says what not. */
bool serve_auth_check(const struct options *options) must_check;
/* Does each peer have an effect? False: stderr says which has none. */
bool serve_auth_check_peers(const struct options *options, const struct peers *peers) must_check;
/* The options were checked. Borrows the keys. */
void serve_auth_init(struct serve_auth *auth, const struct options *options,
		     struct key_store *keys);
/* For struct router_shared: arg is the struct serve_auth. Any thread. */
bool serve_auth_callers_known(void *arg) must_check;
/* No loop has it any more. */
void serve_auth_fini(struct serve_auth *auth);
