/* SPDX-License-Identifier: Apache-2.0 */
/* Parts are separated by colons, which no name of a user or a role has here. */
#include "http/auth/peers.h"

#include "base/buf.h"
#include "http/auth/api_key.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define PEERS_USER_BYTES 16384   /* of an entry of the password database */
#define PEERS_OVERFLOW_UID 65534 /* /proc/sys/kernel/overflowuid, which none changes */

static bool peers_uid(const char *name, int64_t *uid)
{
	char room[PEERS_USER_BYTES];
	struct passwd entry, *found = NULL;
	char *end;

	errno = 0;
	if (name[0] >= '0' && name[0] <= '9') {
		*uid = strtoll(name, &end, 10);
		return !*end && errno == 0 && *uid < (int64_t)UINT32_MAX;
	}
	if (getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 || !found)
		return false;
	*uid = entry.pw_uid;
	return true;
}

/*
 * In a user namespace that does not know all users, the kernel gives those that it does not know
 * one uid, the overflow uid: to name it would be to name all of them.
 */
static bool peers_uid_is_of_many(int64_t uid)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long inside = 1, outside = 1, count = 0;
	bool knows_all = map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
			 inside == 0 && count == UINT32_MAX;

	if (map)
		fclose(map);
	return !knows_all && uid == PEERS_OVERFLOW_UID;
}

/* NULL: it was taken; else what is wrong. */
static const char *peers_part(struct peer *peer, struct text part, struct arena *arena)
{
	static const struct text roles = TEXT("roles="), acts_for = TEXT("acts-for=");
	char wrong[API_KEY_WRONG_BYTES];
	struct api_key read;

	if (text_is(part, "proxy")) {
		peer->is_proxy = true;
		return NULL;
	}
	if (part.len > roles.len && memcmp(part.ptr, roles.ptr, roles.len) == 0) {
		part = (struct text){ part.ptr + roles.len, part.len - roles.len };
		if (!api_key_read_roles(part, arena, &read, wrong))
			return arena_printf(arena, "%s", wrong);
		peer->principal.roles = read.roles;
		peer->principal.roles_count = read.roles_count;
		return NULL;
	}
	if (part.len > acts_for.len && memcmp(part.ptr, acts_for.ptr, acts_for.len) == 0 &&
	    acts_for_read((struct text){ part.ptr + acts_for.len, part.len - acts_for.len },
			  &peer->principal.acts_for))
		return NULL;
	return "want proxy, or roles=A,B and acts-for=any|self|none behind uid=NAME";
}

static const char *peers_parts(struct peer *peer, char *text, struct arena *arena)
{
	char *name = strsep(&text, ":"), *part;
	const char *wrong = NULL;

	if (strncmp(name, "uid=", 4) != 0)
		return "want uid=NAME first";
	name += 4;
	if (!peers_uid(name, &peer->uid))
		return "there is no such user";
	if (peers_uid_is_of_many(peer->uid))
		return "in this user namespace all users that it does not know have this uid";
	peer->principal = (struct principal){
		.kind = PRINCIPAL_PEER,
		.id = text_of(arena_printf(arena, "peer:%s", name)),
		.scope = TEXT(""),
		.subject = text_of(arena_printf(arena, "%s", name)),
	};
	if (!api_key_name_is_good(peer->principal.subject))
		return "the name has a character that the name of a caller must not have";
	while (!wrong && (part = strsep(&text, ":")))
		wrong = peers_part(peer, text_of(part), arena);
	if (!wrong && peer->is_proxy && (peer->principal.roles || peer->principal.acts_for))
		return "a proxy has no roles and acts for no user: what it forwards decides";
	peer->principal.claims = principal_claims(&peer->principal, arena);
	return wrong;
}

static const char *peers_take(struct peers *peers, const char *text)
{
	struct peer peer = { .is_proxy = false };
	const char *wrong =
		peers_parts(&peer, arena_printf(&peers->arena, "%s", text), &peers->arena);

	if (wrong)
		return wrong;
	if (peers_find(peers, peer.uid))
		return "this user is named twice";
	peers->items[peers->count++] = peer;
	return NULL;
}

bool peers_read(struct peers *peers, const struct option_list *options, char *error,
		size_t error_room)
{
	const char *wrong = NULL;

	arena_init(&peers->arena);
	peers->count = 0;
	for (size_t i = 0; i < options->count && !wrong; i++) {
		wrong = peers_take(peers, options->items[i]);
		if (wrong)
			snprintf(error, error_room, "%s: %s", options->items[i], wrong);
	}
	return !wrong;
}

void peers_fini(struct peers *peers)
{
	arena_fini(&peers->arena);
}

const struct peer *peers_find(const struct peers *peers, int64_t uid)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].uid == uid)
			return &peers->items[i];
	return NULL;
}
