/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline of a primary is the first eight digits of its WAL file's name: pg_control_checkpoint
 * lags behind a promotion. The one of a standby is what its walreceiver gets; it has none while it
 * is disconnected. What a primary replayed last, in the life in which it was promoted, is where it
 * left its ancestor. Where it began without recovery its last checkpoint stands for that: at the
 * begin of a life no WAL of the lives before lies behind it. A primary's flush position may stand
 * amid a record only at the end of a page, and then more has been inserted behind the header of the
 * next one, which is 24 bytes, or 40 where a segment begins. Only functions that every role may
 * call, but for that one column.
 */
#include "router/cluster/node_status.h"

#include "router/cluster/commit_settings.h"

#include <stdlib.h>
#include <string.h>

#define NODE_STATUS_AWAITS "(current_setting('synchronous_standby_names') <> '')::int"
#define NODE_STATUS_EARLY                                                                          \
	"(current_setting('" COMMIT_SETTING                                                        \
	"') = 'off' OR coalesce(" COMMIT_SETTING_IS_NEXT(COMMIT_OFF) ", false))::int"

const char node_status_query[] =
	"SELECT CASE WHEN pg_is_in_recovery() THEN concat_ws(' ', 'standby',"
	" coalesce(pg_last_wal_replay_lsn(), '0/0'),"
	" coalesce(pg_last_wal_receive_lsn(), '0/0'),"
	" (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
	" pg_is_wal_replay_paused()::int + 4 * " NODE_STATUS_AWAITS ", '0/0',"
	" coalesce((SELECT coalesce(received_tli,"
	" -(SELECT timeline_id FROM pg_control_checkpoint())) FROM pg_stat_wal_receiver), 0))"
	" ELSE concat_ws(' ', 'primary',"
	" pg_current_wal_flush_lsn(), coalesce(pg_last_wal_replay_lsn(), '0/0'),"
	" (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
	" (SELECT flushed % current_setting('wal_block_size')::int = 0 AND inserted - flushed >"
	" CASE flushed % pg_size_bytes(current_setting('wal_segment_size')) WHEN 0"
	" THEN 40 ELSE 24 END"
	" FROM (SELECT pg_current_wal_flush_lsn() - '0/0' AS flushed,"
	" pg_current_wal_insert_lsn() - '0/0' AS inserted) AS wal)::int"
	" + 2 * " NODE_STATUS_EARLY " + 4 * " NODE_STATUS_AWAITS ","
	" CASE WHEN pg_last_wal_replay_lsn() IS NULL"
	" THEN (SELECT checkpoint_lsn FROM pg_control_checkpoint()) ELSE '0/0' END,"
	" 'x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8)) END AS look";

const char node_status_wal_flush_query[] =
	"SELECT set_config('synchronous_commit', 'local', true)"
	" || pg_logical_emit_message(true, 'cqrsd', '')::text AS wal_flush";

const char node_status_identity_query[] =
	"SELECT concat_ws(' ', to_hex(system_identifier),"
	" (to_regclass('cqrsd.token_key') IS NOT NULL)::int"
	" + 2 * coalesce(has_table_privilege(to_regclass('cqrsd.log_life'), 'SELECT'), false)::int,"
	" (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
	" coalesce(host(inet_server_addr()) || ':' || inet_server_port(), '-'),"
	" current_setting('max_connections'), current_setting('max_worker_processes'),"
	" current_setting('max_wal_senders'), current_setting('max_prepared_transactions'),"
	" current_setting('max_locks_per_transaction')) AS identity FROM pg_control_system()";

const char *const node_status_limit_names[NODE_STATUS_LIMITS] = {
	"max_connections",           "max_worker_processes",      "max_wal_senders",
	"max_prepared_transactions", "max_locks_per_transaction",
};

const char node_status_key_query[] = "SELECT encode(key, 'hex') AS key FROM cqrsd.token_key";

enum { WORDS_MAX = 4 + NODE_STATUS_LIMITS, WORD_BYTES_MAX = NODE_STATUS_SERVER_BYTES };

/* Words of the only cell, copied so that each ends with a NUL. */
struct words {
	char text[WORDS_MAX][WORD_BYTES_MAX];
	unsigned count;
};

bool node_status_cell(struct text row, struct text *cell)
{
	const char *from, *to;

	if (!row.ptr)
		return false;
	from = memmem(row.ptr, row.len, "\":\"", 3);
	to = row.len >= 2 ? row.ptr + row.len - 2 : NULL;
	if (!from || !to || to < from + 3 || memcmp(to, "\"}", 2) != 0)
		return false;
	*cell = (struct text){ from + 3, (size_t)(to - from - 3) };
	return true;
}

static bool node_status_words(struct text row, unsigned count, struct words *words)
{
	struct text cell;
	size_t at = 0;

	words->count = 0;
	if (!node_status_cell(row, &cell))
		return false;
	for (size_t i = 0; i <= cell.len; i++) {
		char byte = i < cell.len ? cell.ptr[i] : ' ';

		if (byte != ' ') {
			if (words->count == WORDS_MAX || at == WORD_BYTES_MAX - 1)
				return false;
			words->text[words->count][at++] = byte;
			continue;
		}
		if (at == 0)
			return false;
		words->text[words->count++][at] = 0;
		at = 0;
	}
	return words->count == count;
}

/* Digits of that base and nothing else. */
static bool node_status_number(const char *word, int base, uint64_t max, uint64_t *number)
{
	const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";

	if (!*word || word[strspn(word, digits)] || strlen(word) > 20)
		return false;
	*number = strtoull(word, NULL, base);
	return *number <= max;
}

static bool node_status_timeline(const char *word, struct node_status *status)
{
	uint64_t number;

	status->timeline_hidden = status->in_recovery && *word == '-';
	status->timeline = status->checkpointed = 0;
	if (!node_status_number(word + (status->timeline_hidden || !status->in_recovery),
				status->in_recovery ? 10 : 16, UINT32_MAX, &number))
		return false;
	if (status->timeline_hidden)
		status->checkpointed = (uint32_t)number;
	else
		status->timeline = (uint32_t)number;
	return status->in_recovery || status->timeline;
}

bool node_status_read(struct text row, struct node_status *status)
{
	struct words words;
	uint64_t started_us, state;

	if (!node_status_words(row, 7, &words))
		return false;
	status->in_recovery = strcmp(words.text[0], "standby") == 0;
	if (!status->in_recovery && strcmp(words.text[0], "primary") != 0)
		return false;
	if (!lsn_parse(text_of(words.text[1]), &status->lsn) ||
	    !lsn_parse(text_of(words.text[2]), &status->received) ||
	    !node_status_number(words.text[3], 10, INT64_MAX, &started_us) ||
	    !node_status_number(words.text[4], 10, 7, &state) ||
	    !lsn_parse(text_of(words.text[5]), &status->checkpoint) ||
	    !node_status_timeline(words.text[6], status))
		return false;
	status->switched = status->in_recovery ? 0 : status->received;
	if (!status->in_recovery)
		status->received = 0;
	status->started_us = (int64_t)started_us;
	status->paused = status->in_recovery && state & 1;
	status->amid = !status->in_recovery && state & 1;
	status->commits = !status->in_recovery && state & 2 ? COMMITS_EARLY : COMMITS_FLUSHED;
	status->awaits = state & 4 ? AWAITS_STANDBYS : AWAITS_NONE;
	return status->in_recovery || status->lsn;
}

bool node_status_read_identity(struct text row, struct identity *identity)
{
	struct words words;
	uint64_t schema, started_us, limit;

	if (!node_status_words(row, 4 + NODE_STATUS_LIMITS, &words) ||
	    !node_status_number(words.text[0], 16, UINT64_MAX, &identity->system_identifier) ||
	    !node_status_number(words.text[1], 10, 3, &schema) ||
	    !node_status_number(words.text[2], 10, INT64_MAX, &started_us))
		return false;
	for (unsigned i = 0; i < NODE_STATUS_LIMITS; i++) {
		if (!node_status_number(words.text[4 + i], 10, UINT32_MAX, &limit))
			return false;
		identity->limits[i] = (uint32_t)limit;
	}
	identity->started_us = (int64_t)started_us;
	memcpy(identity->server, words.text[3], sizeof(identity->server));
	identity->schema = schema & 1;
	identity->lives = schema & 2;
	return identity->system_identifier != 0;
}

static int node_status_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool node_status_bytes(struct text digits, uint8_t *bytes)
{
	for (size_t i = 0; i + 1 < digits.len; i += 2) {
		int high = node_status_hex(digits.ptr[i]);
		int low = node_status_hex(digits.ptr[i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return digits.len % 2 == 0;
}

bool node_status_read_key(struct text row, uint8_t key[SIGN_KEY_BYTES])
{
	struct text cell;

	return node_status_cell(row, &cell) && cell.len == 2 * (size_t)SIGN_KEY_BYTES &&
	       node_status_bytes(cell, key);
}
