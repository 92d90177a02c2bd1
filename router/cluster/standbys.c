/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of words, each text in hexadecimal behind an x. A walsender that takes a backup or has
 * not begun cannot acknowledge what is flushed. One that decodes is no standby, but by a name of
 * the setting it acknowledges as if it were: a d before its word. A state that is hidden is a word
 * that cannot be read. pg_stat_wal_receiver joins parameters by blanks and quotes nothing: what a
 * walreceiver always has, fallback_application_name, stands behind the name, and options, which may
 * hold anything, before it.
 */
#include "router/cluster/standbys.h"

#include "router/cluster/commit_settings.h"
#include "router/cluster/node_status.h"

#include <string.h>

#define HEX(text) "'x' || encode(convert_to(" text ", 'UTF8'), 'hex')"
#define SETTING(name) HEX("current_setting('" name "')")
#define RECEIVER(what) HEX("coalesce((SELECT " what " FROM pg_stat_wal_receiver), '')")
#define OWN                                                                                        \
	SETTING("synchronous_standby_names")                                                       \
	", (current_setting('" COMMIT_SETTING                                                      \
	"') NOT IN ('off', 'local') AND NOT EXISTS (SELECT" COMMIT_SETTINGS                        \
	" AND " COMMIT_SETTING_IS("s.setconfig", COMMIT_ALONE) "))::int, " SETTING("cluster_name")
#define SOURCE RECEIVER("conninfo") ", " RECEIVER("sender_host || ' ' || sender_port")
#define SENDER                                                                                     \
	"CASE WHEN state IS NULL THEN '?' ELSE CASE WHEN pid IN (" DECODING                        \
	") THEN 'd' ELSE '' END || " HEX("application_name") " END"
#define DECODING                                                                                   \
	"SELECT active_pid FROM pg_replication_slots"                                              \
	" WHERE slot_type = 'logical' AND active_pid IS NOT NULL"
#define SENDERS                                                                                    \
	"(SELECT string_agg(" SENDER ", ' ') FROM pg_stat_replication"                             \
	" WHERE coalesce(state, '') NOT IN ('startup', 'backup'))"

const char standbys_query[] = "SELECT concat_ws(' ', " OWN ", " SOURCE ", " SENDERS ") AS standbys";

/* The next word of blanks and words; false: there is none. */
static bool standbys_word(struct text *rest, struct text *word)
{
	const char *blank;

	if (!rest->len)
		return false;
	blank = memchr(rest->ptr, ' ', rest->len);
	*word = (struct text){ rest->ptr, blank ? (size_t)(blank - rest->ptr) : rest->len };
	rest->ptr += word->len + (blank != NULL);
	rest->len -= word->len + (blank != NULL);
	return true;
}

/* Its bytes and a NUL, of printable ASCII; false: no such word, or longer than the room. */
static bool standbys_text(struct text word, char *out, size_t room)
{
	size_t len = word.len / 2;

	if (!word.len || *word.ptr != 'x' || len >= room ||
	    !node_status_bytes((struct text){ word.ptr + 1, word.len - 1 }, (uint8_t *)out))
		return false;
	for (size_t i = 0; i < len; i++)
		if (out[i] < ' ' || out[i] > '~')
			return false;
	out[len] = '\0';
	return true;
}

bool standbys_read_name(char name[SYNC_NAME_BYTES], struct text conninfo)
{
	static const char key[] = " application_name=", fallback[] = " fallback_application_name=";
	const size_t key_len = sizeof(key) - 1, fallback_len = sizeof(fallback) - 1;
	const char *end = conninfo.ptr + conninfo.len;
	const char *from = memmem(conninfo.ptr, conninfo.len, fallback, fallback_len);
	const char *to = from, *own = memmem(conninfo.ptr, conninfo.len, key, key_len);

	if (!from || memmem(conninfo.ptr, conninfo.len, "options=", sizeof("options=") - 1))
		return false;
	if (own && own < from) {
		from = own + key_len;
	} else {
		from += fallback_len;
		to = memchr(from, ' ', (size_t)(end - from));
		to = to ? to : end;
	}
	if (to == from || to - from >= SYNC_NAME_BYTES)
		return false;
	memcpy(name, from, (size_t)(to - from));
	name[to - from] = '\0';
	return true;
}

static bool standbys_read_setting(struct standbys *standbys, struct text word)
{
	char setting[NODES_MAX * SYNC_NAME_BYTES];

	return standbys_text(word, setting, sizeof(setting)) &&
	       sync_names_read(&standbys->setting, text_of(setting));
}

static bool standbys_read_own(struct standbys *standbys, struct text *rest)
{
	char conninfo[4096];
	struct text words[5];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!standbys_word(rest, &words[i]))
			return false;
	standbys->waits = text_is(words[1], "1");
	if (!standbys_read_setting(standbys, words[0]) ||
	    !standbys_text(words[2], standbys->cluster_name, sizeof(standbys->cluster_name)) ||
	    !standbys_text(words[3], conninfo, sizeof(conninfo)) ||
	    !standbys_text(words[4], standbys->sender, sizeof(standbys->sender)))
		return false;
	return !*conninfo || standbys_read_name(standbys->name, text_of(conninfo));
}

static bool standbys_read_senders(struct standbys *standbys, struct text rest)
{
	char decoder[SYNC_NAME_BYTES];
	struct text word;

	while (standbys_word(&rest, &word)) {
		unsigned at = standbys->senders_count;

		if (word.len && *word.ptr == 'd') {
			if (!standbys_text((struct text){ word.ptr + 1, word.len - 1 }, decoder,
					   sizeof(decoder)))
				return false;
			standbys->decoder_named |=
				sync_names_find(&standbys->setting, decoder) >= 0;
			continue;
		}
		if (at == STANDBYS_SENDERS_MAX ||
		    !standbys_text(word, standbys->senders[at], SYNC_NAME_BYTES))
			return false;
		standbys->senders_count++;
	}
	return true;
}

void standbys_read(struct standbys *standbys, struct text row)
{
	struct text rest;

	*standbys = (struct standbys){ .state = STANDBYS_UNREADABLE };
	if (node_status_cell(row, &rest) && standbys_read_own(standbys, &rest) &&
	    standbys_read_senders(standbys, rest))
		standbys->state = STANDBYS_READ;
}
