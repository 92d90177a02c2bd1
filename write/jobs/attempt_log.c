/* SPDX-License-Identifier: Apache-2.0 */
/* JSON objects, written member by member; those without a value are left out. */
#include "write/jobs/attempt_log.h"

#include "base/clock.h"
#include "pg/sqlstate.h"

#include <string.h>
#include <time.h>

static bool attempt_log_may_tell(const struct pg_error *error)
{
	return error->message &&
	       (sqlstate_is_of_application(error->sqlstate) ||
		strncmp(error->sqlstate, "23", 2) == 0 || strcmp(error->sqlstate, "P0001") == 0 ||
		strncmp(error->sqlstate, "PT", 2) == 0);
}

static void attempt_log_member(struct buf *out, const char *key, const char *string)
{
	if (!string || !*string)
		return;
	buf_printf(out, ",\"%s\":", key);
	buf_json_string(out, string, strlen(string));
}

static void attempt_log_moment(struct buf *out, int64_t wall_us)
{
	time_t s = (time_t)(wall_us / US_PER_S);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "\"%s.%06dZ\"", text, (int)(wall_us % US_PER_S));
}

static struct text attempt_log_keep(struct arena *arena, const struct buf *scratch)
{
	return arena_text(arena, (struct text){ scratch->ptr, scratch->len });
}

struct text attempt_log_entry(struct arena *arena, struct buf *scratch,
			      const struct attempt *attempt)
{
	const struct pg_error *error = attempt->error;
	const char *message = attempt->message;

	if (!message && error && attempt_log_may_tell(error))
		message = error->message;
	buf_clear(scratch);
	buf_printf(scratch, "{\"n\":%u,\"started_at\":", attempt->n);
	attempt_log_moment(scratch, attempt->wall_us);
	if (attempt->took_ms >= 0)
		buf_printf(scratch, ",\"ms\":%lld", (long long)attempt->took_ms);
	attempt_log_member(scratch, "instance", attempt->instance);
	attempt_log_member(scratch, "sqlstate", error ? error->sqlstate : NULL);
	attempt_log_member(scratch, "constraint", error ? error->constraint : NULL);
	attempt_log_member(scratch, "message", message);
	buf_byte(scratch, '}');
	return attempt_log_keep(arena, scratch);
}
