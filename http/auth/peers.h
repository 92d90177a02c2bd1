/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of Unix sockets that --peer names by their uid:
 *
 *   uid=web                               a caller, "peer:web", without roles, for no user
 *   uid=web:roles=app,support:acts-for=any   the same, with roles, for any user (self: for "web")
 *   uid=www-data:proxy                    transport: what it forwards decides (docs/callers.md)
 *
 * Made once from the options; any thread reads it.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/options.h"
#include "base/principal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
	int64_t uid;
	bool is_proxy;
	struct principal principal; /* not of a proxy */
};

struct peers {
	struct peer items[NODES_MAX];
	size_t count;
	struct arena arena; /* their texts */
};

/* Looks up the names of users. False: error says which is wrong, and why. */
bool peers_read(struct peers *peers, const struct option_list *options, char *error,
		size_t error_room) must_check;
void peers_fini(struct peers *peers);
/* NULL: none is named so. uid: -1: of no peer. */
const struct peer *peers_find(const struct peers *peers, int64_t uid) must_check;
