/* SPDX-License-Identifier: Apache-2.0 */
/* By the lines of the keys, which both places give. */
#include "cmd/keys_print.h"

#include "base/principal.h"

#include <stdio.h>

/* The lines are ours or the database's: one that cannot be read is reported and left out. */
static bool keys_print_read(const struct keys_work *work, struct api_keys *keys)
{
	struct buf complaints;
	bool good;

	buf_init(&complaints);
	good = keys_lines_read((struct text){ work->lines.ptr, work->lines.len }, "keys",
			       (struct arena *)&work->arena, keys, &complaints);
	fprintf(stderr, "%.*s", (int)complaints.len, complaints.ptr ? complaints.ptr : "");
	buf_fini(&complaints);
	return good;
}

static const char *keys_state(const struct keys_work *work, const struct api_key *key)
{
	if (key->revoked_s)
		return "revoked";
	if (key->expires_s && key->expires_s <= work->now_s)
		return "expired";
	return key->replaced_by.ptr ? "replaced" : "active";
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_member(struct buf *out, const char *name, struct text text)
{
	buf_printf(out, "%s\"%s\":", out->ptr[out->len - 1] == '{' ? "" : ",", name);
	if (text.ptr)
		buf_json_string(out, text.ptr, text.len);
	else
		buf_literal(out, "null");
}

static void json_time(struct buf *out, const char *name, int64_t time_s)
{
	char time[UTC_TEXT_BYTES];

	if (time_s)
		utc_write(time_s, time);
	json_member(out, name, text_of(time_s ? time : NULL));
}

static void json_roles(struct buf *out, const struct api_key *key)
{
	buf_literal(out, ",\"roles\":");
	roles_put(key->roles, key->roles_count, out);
}

/* text: the key itself; NULL: it is not shown. */
static void keys_print_json(const struct keys_work *work, const struct api_key *key,
			    const char *text)
{
	char day[UTC_TEXT_BYTES];
	struct buf out;

	buf_init(&out);
	buf_byte(&out, '{');
	json_member(&out, "id", key->id);
	if (text)
		json_member(&out, "key", text_of(text));
	json_member(&out, "name", key->name);
	json_roles(&out, key);
	json_member(&out, "acts_for", text_of(acts_for_name(key->acts_for)));
	json_member(&out, "state", text_of(keys_state(work, key)));
	json_time(&out, "created_at", key->created_s);
	json_time(&out, "expires_at", key->expires_s);
	json_time(&out, "revoked_at", key->revoked_s);
	json_member(&out, "replaced_by", key->replaced_by);
	if (key->last_used_day)
		utc_write(key->last_used_day * 86400, day);
	json_member(&out, "last_used",
		    key->last_used_day ? (struct text){ day, 10 } : (struct text){ NULL, 0 });
	printf("%.*s}\n", (int)out.len, out.ptr);
	buf_fini(&out);
}

/* --- text ------------------------------------------------------------------------------------ */

static void keys_say_until(const char *before, int64_t time_s)
{
	char time[UTC_TEXT_BYTES];

	if (!time_s)
		return;
	utc_write(time_s, time);
	fprintf(stderr, "%s %s", before, time);
}

static void keys_say_made(const struct keys_work *work, const struct api_keys *keys)
{
	const struct api_key *made = &keys->keys[keys->count - 1], *old = &keys->keys[0];

	fprintf(stderr, "key %.*s of %.*s acts for %s", (int)made->id.len, made->id.ptr,
		(int)made->name.len, made->name.ptr, acts_for_name(made->acts_for));
	for (size_t i = 0; i < made->roles_count; i++)
		fprintf(stderr, "%s%.*s", i ? ", " : ", with the roles ", (int)made->roles[i].len,
			made->roles[i].ptr);
	keys_say_until(", until", made->expires_s);
	if (old != made) {
		fprintf(stderr, "; it replaces key %.*s", (int)old->id.len, old->id.ptr);
		keys_say_until(", which is good until", old->expires_s);
	}
	fprintf(stderr, "\nIt is shown this once; only its hash is kept.\n");
	if (work->options->key_file && strcmp(work->options->key_file, "-") != 0)
		fprintf(stderr, "Services with this --keys-file read it again at SIGHUP.\n");
}

bool keys_print_made(const struct keys_work *work)
{
	struct api_keys keys;
	const char *file = work->options->key_file;

	if (!keys_print_read(work, &keys) || !keys.count)
		return false;
	if (work->options->json) {
		keys_print_json(work, &keys.keys[keys.count - 1], work->text);
		return fflush(stdout) == 0;
	}
	printf("%s\n", work->text);
	if (file && strcmp(file, "-") == 0)
		printf("%.*s\n", (int)work->lines.len, work->lines.ptr);
	if (fflush(stdout) != 0) {
		perror("cqrsd keys: the key could not be printed");
		return false;
	}
	keys_say_made(work, &keys);
	return true;
}

bool keys_print_revoked(const struct keys_work *work)
{
	struct api_keys keys;

	if (!keys_print_read(work, &keys) || !keys.count)
		return false;
	if (work->options->json)
		keys_print_json(work, &keys.keys[0], NULL);
	else
		printf("key %s is revoked\n", work->id);
	return true;
}

static void keys_print_row(const struct keys_work *work, const struct api_key *key)
{
	char created[UTC_TEXT_BYTES] = "-", expires[UTC_TEXT_BYTES] = "never",
	     used[UTC_TEXT_BYTES] = "-";

	if (key->created_s)
		utc_write(key->created_s, created);
	if (key->expires_s)
		utc_write(key->expires_s, expires);
	if (key->last_used_day)
		utc_write(key->last_used_day * 86400, used);
	printf("%-10.*s  %-16.*s  %-8s  %-8s  %-10.10s  %-20s  %-10.10s  ", (int)key->id.len,
	       key->id.ptr, (int)key->name.len, key->name.ptr, keys_state(work, key),
	       acts_for_name(key->acts_for), created, expires, used);
	for (size_t i = 0; i < key->roles_count; i++)
		printf("%s%.*s", i ? "," : "", (int)key->roles[i].len, key->roles[i].ptr);
	printf("\n");
}

bool keys_print_list(const struct keys_work *work)
{
	struct api_keys keys;
	bool good = keys_print_read(work, &keys);

	if (!work->options->json && !keys.count)
		fprintf(stderr, "there are no keys\n");
	else if (!work->options->json)
		printf("%-10s  %-16s  %-8s  %-8s  %-10s  %-20s  %-10s  %s\n", "ID", "NAME", "STATE",
		       "ACTS-FOR", "CREATED", "EXPIRES", "LAST-USED", "ROLES");
	for (size_t i = 0; i < keys.count; i++) {
		if (work->options->json)
			keys_print_json(work, &keys.keys[i], NULL);
		else
			keys_print_row(work, &keys.keys[i]);
	}
	return good;
}
