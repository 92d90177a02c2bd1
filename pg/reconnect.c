/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between logins that are refused. A lost race costs one login more, or a little waiting. */
#include "pg/reconnect.h"

#include <assert.h>
#include <string.h>

#define RECONNECT_SQLSTATE_FULL " 53300: "

static int64_t reconnect_pause_us(struct random *random, unsigned refused, int64_t max_us)
{
	return random_backoff_us(random, refused ? refused - 1 : 0, RECONNECT_PAUSE_US_MIN, max_us);
}

int64_t reconnect_login_after_us(const struct reconnect *reconnect)
{
	return atomic_load_explicit(&reconnect->login_after_us, memory_order_relaxed);
}

bool reconnect_may_login(struct reconnect *reconnect, struct random *random, int64_t now_us)
{
	int64_t after_us = reconnect_login_after_us(reconnect);
	unsigned refused = atomic_load_explicit(&reconnect->refused, memory_order_relaxed);

	if (!after_us)
		return true;
	if (now_us < after_us)
		return false;
	return atomic_compare_exchange_strong(
		&reconnect->login_after_us, &after_us,
		now_us + reconnect_pause_us(random, refused, RECONNECT_PAUSE_US_MAX));
}

void reconnect_refused(struct reconnect *reconnect, struct random *random, bool starting,
		       int64_t begun_us, int64_t now_us)
{
	int64_t max_us = starting ? RECONNECT_STARTING_US_MAX : RECONNECT_PAUSE_US_MAX;
	unsigned refused = atomic_load(&reconnect->refused);

	if (refused && begun_us < atomic_load(&reconnect->refused_us))
		return;
	atomic_store(&reconnect->refused_us, now_us);
	atomic_store(&reconnect->refused, ++refused);
	atomic_store(&reconnect->login_after_us,
		     now_us + reconnect_pause_us(random, refused, max_us));
}

void reconnect_ended(struct reconnect *reconnect)
{
	if (atomic_load_explicit(&reconnect->full, memory_order_relaxed))
		atomic_store(&reconnect->full, CONN_LIMIT_NONE);
	if (!reconnect_login_after_us(reconnect))
		return;
	atomic_store(&reconnect->refused, 0);
	atomic_store(&reconnect->login_after_us, 0);
}

/* The message is in the server's language; the function that raised it is not. */
enum conn_limit reconnect_limit_of(const char *message)
{
	if (!strstr(message, RECONNECT_SQLSTATE_FULL))
		return CONN_LIMIT_NONE;
	if (strstr(message, "InitializeSessionUserId"))
		return CONN_LIMIT_ROLE;
	if (strstr(message, "CheckMyDatabase"))
		return CONN_LIMIT_DATABASE;
	return CONN_LIMIT_SERVER;
}

void reconnect_note_limit(struct reconnect *reconnect, enum conn_limit full, int64_t now_us)
{
	atomic_store(&reconnect->full_us, now_us);
	atomic_store(&reconnect->full, full);
}

enum conn_limit reconnect_limit(const struct reconnect *reconnect, int64_t now_us)
{
	if (now_us - atomic_load(&reconnect->full_us) > RECONNECT_FULL_US)
		return CONN_LIMIT_NONE;
	return atomic_load(&reconnect->full);
}

const char *conn_limit_text(enum conn_limit full)
{
	switch (full) {
	case CONN_LIMIT_ROLE:
		return "the connection limit of the role is reached";
	case CONN_LIMIT_DATABASE:
		return "the connection limit of the database is reached";
	case CONN_LIMIT_SERVER:
		return "all connections that the server grants are taken";
	case CONN_LIMIT_NONE:
		break;
	}
	assert(!"a limit of connections");
	return "";
}
