/* SPDX-License-Identifier: Apache-2.0 */
/* Glue: neither side knows the other. */
#include "cmd/serve_keys.h"

#include "base/log.h"
#include "http/auth/keys_file.h"

#include <assert.h>
#include <stdio.h>

/* --- what the monitor's thread calls --------------------------------------------------------- */

static enum keyring_state serve_keys_state(enum key_table table)
{
	switch (table) {
	case KEY_TABLE_MISSING:
		return KEYRING_UNMIGRATED;
	case KEY_TABLE_NEVER:
		return KEYRING_NEVER;
	case KEY_TABLE_IN_USE:
		return KEYRING_IN_USE;
	}
	assert(!"a table");
	return KEYRING_UNKNOWN;
}

static void serve_keys_on_keys(void *arg, enum key_table table, int64_t as_of_us,
			       const struct text *lines)
{
	const struct serve_keys *keys = arg;

	key_store_tell(keys->store, serve_keys_state(table), as_of_us, lines);
}

static void serve_keys_on_tick(void *arg, int64_t now_us)
{
	const struct serve_keys *keys = arg;

	key_store_age(keys->store, now_us);
}

static void serve_keys_take_used(void *arg, int64_t day, struct buf *ids)
{
	const struct serve_keys *keys = arg;

	key_store_take_used(keys->store, day, ids);
}

/* --- what the main thread calls -------------------------------------------------------------- */

static void serve_keys_init(struct serve_keys *keys)
{
	keys->store = key_store_new();
	keys->events = (struct key_events){
		.on_keys = serve_keys_on_keys,
		.on_tick = serve_keys_on_tick,
		.take_used = serve_keys_take_used,
		.arg = keys,
	};
}

void serve_keys_fini(struct serve_keys *keys)
{
	key_store_free(keys->store);
}

/* A line at a time: as the log has them, or a person at a terminal. */
static void keys_lines_tell(const struct buf *complaints, bool logged)
{
	const char *at = complaints->ptr, *end = at ? at + complaints->len : NULL;

	while (at && at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		int len = (int)((line ? line : end) - at);

		if (logged)
			log_warn("keys", "--keys-file: %.*s", len, at);
		else
			fprintf(stderr, "cqrsd serve: --keys-file: %.*s\n", len, at);
		at += len + 1;
	}
}

bool keys_lines_init(struct keys_lines *lines, const struct options *options, bool logged)
{
	struct buf complaints;
	struct api_keys keys;
	bool good = true;

	*lines = (struct keys_lines){ .lines = TEXT("") };
	arena_init(&lines->arena);
	if (!options->keys_file)
		return true;
	buf_init(&complaints);
	lines->lines = keys_file_read(options->keys_file, &lines->arena, &keys, &complaints);
	good = lines->lines.ptr != NULL;
	keys_lines_tell(&complaints, logged);
	buf_fini(&complaints);
	return good;
}

void keys_lines_fini(struct keys_lines *lines)
{
	arena_fini(&lines->arena);
}

void serve_keys_take(struct serve_keys *keys, const struct keys_lines *lines)
{
	key_store_set_file(keys->store, lines->lines);
}

bool serve_keys_start(struct serve_keys *keys, const struct options *options)
{
	struct keys_lines lines;
	bool good = keys_lines_init(&lines, options, false);

	if (good) {
		serve_keys_init(keys);
		serve_keys_take(keys, &lines);
	}
	keys_lines_fini(&lines);
	return good;
}

void serve_keys_gauges(const struct serve_keys *keys, struct metrics *metrics)
{
	struct key_store_view view;

	key_store_view(keys->store, &view);
	metric_set(metrics, METRIC_api_keys, METRIC_LABELS("database"), view.counts.of_database);
	metric_set(metrics, METRIC_api_keys, METRIC_LABELS("file"), view.counts.of_file);
	metric_set(metrics, METRIC_api_keys, METRIC_LABELS("revoked"), view.counts.revoked);
	metric_forget(metrics, METRIC_keyring_age_seconds);
	if (view.age_us >= 0)
		metric_set(metrics, METRIC_keyring_age_seconds, NULL, (double)view.age_us / 1e6);
}
