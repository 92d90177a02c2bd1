/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the table cqrsd.api_key, on the primary. Each change is one statement. What is put into
 * a statement's text is of names, ids and numbers that were checked: none holds a quote.
 */
#include "cmd/keys_database.h"

#include "base/json.h"
#include "base/limits.h"
#include "cmd/ask.h"
#include "router/cluster/key_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEYS_SEARCH_PATH "pg_catalog,pg_temp"
#define LINE KEY_ROWS_LINE " AS line"

/* --- asking ---------------------------------------------------------------------------------- */

/* {"line":"…"},{"line":"…"}: a line each. */
static bool keys_take_lines(const struct buf *rows, struct buf *lines)
{
	struct json *json = json_read_rows((struct text){ rows->ptr, rows->len });

	if (!json)
		return false;
	for (const struct json *row = json_first(json); row; row = json_next(row)) {
		if (lines->len)
			buf_byte(lines, '\n');
		buf_text(lines, json_text(json_first(row)));
	}
	json_free(json);
	return true;
}

static bool keys_ask(struct keys_work *work, enum call_kind kind, const char *text)
{
	char error[512];
	struct asker asker;
	struct call call;
	bool done;

	if (!asker_init(&asker, work->options->primary, NODE_PRIMARY, KEYS_SEARCH_PATH, error,
			sizeof(error))) {
		fprintf(stderr, "cqrsd keys: --primary: %s\n", error);
		return false;
	}
	done = asker_ask(&asker, kind, text, &call) == CALL_OK;
	if (!done)
		asker_complain_of_schema(&asker, "keys", &call,
					 "SELECT, INSERT, UPDATE ON cqrsd.api_key");
	else if (!keys_take_lines(&asker.out, &work->lines))
		done = false;
	asker_fini(&asker);
	return done;
}

static bool keys_database_list(struct keys_work *work)
{
	return keys_ask(work, CALL_QUERY,
			"SELECT " LINE " FROM cqrsd.api_key AS k ORDER BY k.created_at, k.id");
}

/* Nothing was changed: by the list of all keys it can be said why. */
static bool keys_explain(struct keys_work *work, const char *action)
{
	struct buf complaints;
	struct api_keys keys;
	const struct api_key *key = NULL;

	if (!keys_database_list(work))
		return false;
	buf_init(&complaints);
	(void)!keys_lines_read((struct text){ work->lines.ptr, work->lines.len }, "keys",
			       &work->arena, &keys, &complaints);
	buf_fini(&complaints);
	for (size_t i = 0; i < keys.count; i++)
		if (text_is(keys.keys[i].id, work->id))
			key = &keys.keys[i];
	keys_refuse(work, action, key, &keys);
	return false;
}

/* --- changes --------------------------------------------------------------------------------- */

static const char *keys_hex(struct keys_work *work)
{
	char hex[2 * SHA256_BYTES + 1];

	for (size_t i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", work->made.hash[i]);
	return arena_copy(&work->arena, hex, sizeof(hex) - 1);
}

/* 'a','b' */
static const char *keys_roles(struct keys_work *work)
{
	const struct api_key *key = &work->made;
	const char *list = "";

	for (size_t i = 0; i < key->roles_count; i++)
		list = arena_printf(&work->arena, "%s%s'%.*s'", list, i ? "," : "",
				    (int)key->roles[i].len, key->roles[i].ptr);
	return list;
}

static bool keys_database_create(struct keys_work *work)
{
	const char *expires = "NULL";

	if (work->expires_s >= 0)
		expires = arena_printf(&work->arena, "now() + %" PRId64 " * interval '1 second'",
				       work->expires_s);
	if (!keys_ask(work, CALL_COMMAND,
		      arena_printf(&work->arena,
				   "INSERT INTO cqrsd.api_key AS k"
				   " (id, hash, name, roles, acts_for, expires_at)"
				   " SELECT '%s', decode('%s', 'hex'), '%.*s', ARRAY[%s]::text[],"
				   " '%s', %s WHERE (SELECT count(*) FROM cqrsd.api_key"
				   " WHERE revoked_at IS NULL) < %d RETURNING " LINE,
				   work->made.id.ptr, keys_hex(work), (int)work->made.name.len,
				   work->made.name.ptr, keys_roles(work),
				   acts_for_name(work->made.acts_for), expires, KEYS_MAX)))
		return false;
	if (work->lines.len)
		return true;
	fprintf(stderr, "cqrsd keys create: there are %d keys already: revoke some\n", KEYS_MAX);
	return false;
}

/* clang-format off */
#define SECONDS "%" PRId64 " * interval '1 second'"
#define ROTATE \
	"WITH old AS (SELECT * FROM cqrsd.api_key WHERE id = '%s' AND revoked_at IS NULL" \
	" AND replaced_by IS NULL AND (expires_at IS NULL OR expires_at > now()) FOR UPDATE)," \
	" ended AS (UPDATE cqrsd.api_key AS k SET replaced_by = '%s'," \
	" expires_at = least(k.expires_at, now() + " SECONDS ") FROM old WHERE k.id = old.id" \
	" RETURNING 1 AS place, " LINE ")," \
	" made AS (INSERT INTO cqrsd.api_key AS k (id, hash, name, roles, acts_for, expires_at)" \
	" SELECT '%s', decode('%s', 'hex'), old.name, old.roles, old.acts_for, %s FROM old" \
	" RETURNING 2 AS place, " LINE ")" \
	" SELECT line FROM (SELECT place, line FROM ended UNION ALL SELECT place, line FROM made)" \
	" AS results ORDER BY place"
/* clang-format on */

/* A key that ends gets a successor that lives as long as it did, unless --expires is given. */
static bool keys_database_rotate(struct keys_work *work)
{
	const char *expires = "now() + (old.expires_at - old.created_at)",
		   *made = work->made.id.ptr;

	if (work->expires_s >= 0)
		expires = arena_printf(&work->arena, "now() + " SECONDS, work->expires_s);
	if (!keys_ask(work, CALL_COMMAND,
		      arena_printf(&work->arena, ROTATE, work->id, made, work->overlap_s, made,
				   keys_hex(work), expires)))
		return false;
	return work->lines.len || keys_explain(work, "rotate");
}

static bool keys_database_revoke(struct keys_work *work)
{
	if (!keys_ask(work, CALL_COMMAND,
		      arena_printf(&work->arena,
				   "UPDATE cqrsd.api_key AS k SET revoked_at = now()"
				   " WHERE k.id = '%s' AND k.revoked_at IS NULL RETURNING " LINE,
				   work->id)))
		return false;
	return work->lines.len || keys_explain(work, "revoke");
}

const struct keys_place keys_database = {
	.create = keys_database_create,
	.list = keys_database_list,
	.rotate = keys_database_rotate,
	.revoke = keys_database_revoke,
};
