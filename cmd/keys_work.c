/* SPDX-License-Identifier: Apache-2.0 */
/* What both places ask and say. */
#include "cmd/keys_work.h"

#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

bool keys_is_good(const struct keys_work *work, const struct api_key *key)
{
	return !key->revoked_s && !(key->expires_s && key->expires_s <= work->now_s);
}

static void keys_refuse_unknown(const struct keys_work *work, const char *action,
				const struct api_keys *known)
{
	struct nearest nearest;

	nearest_init(&nearest, text_of(work->id));
	for (size_t i = 0; i < known->count; i++) {
		nearest_offer(&nearest, known->keys[i].id);
		if (!text_is(known->keys[i].name, work->id))
			continue;
		fprintf(stderr,
			"cqrsd keys %s: \"%s\" is a name; the id of a key of that name is "
			"%.*s\n",
			action, work->id, (int)known->keys[i].id.len, known->keys[i].id.ptr);
		return;
	}
	if (nearest.best.ptr)
		fprintf(stderr, "cqrsd keys %s: there is no key %s; did you mean %.*s?\n", action,
			work->id, (int)nearest.best.len, nearest.best.ptr);
	else
		fprintf(stderr, "cqrsd keys %s: there is no key %s; cqrsd keys list shows them\n",
			action, work->id);
}

void keys_refuse(const struct keys_work *work, const char *action, const struct api_key *key,
		 const struct api_keys *known)
{
	char time[UTC_TEXT_BYTES];

	if (!key) {
		keys_refuse_unknown(work, action, known);
	} else if (key->revoked_s) {
		utc_write(key->revoked_s, time);
		fprintf(stderr, "cqrsd keys %s: key %s was revoked at %s\n", action, work->id,
			time);
	} else if (key->replaced_by.ptr) {
		fprintf(stderr, "cqrsd keys %s: key %s was replaced by key %.*s already\n", action,
			work->id, (int)key->replaced_by.len, key->replaced_by.ptr);
	} else {
		utc_write(key->expires_s, time);
		fprintf(stderr, "cqrsd keys %s: key %s has expired at %s\n", action, work->id,
			time);
	}
}
