/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between logins that are refused. A lost race costs one login more, or a little waiting. */
#include "pg/reach.h"

#include <assert.h>
#include <string.h>

#define REACH_SQLSTATE_FULL " 53300: "

static int64_t reach_pause_us(struct random *random, unsigned refused, int64_t max_us)
{
	return random_backoff_us(random, refused ? refused - 1 : 0, REACH_PAUSE_US_MIN, max_us);
}

int64_t reach_login_after_us(const struct reach *reach)
{
	return atomic_load_explicit(&reach->login_after_us, memory_order_relaxed);
}

bool reach_may_login(struct reach *reach, struct random *random, int64_t now_us)
{
	int64_t after_us = reach_login_after_us(reach);
	unsigned refused = atomic_load_explicit(&reach->refused, memory_order_relaxed);

	if (!after_us)
		return true;
	if (now_us < after_us)
		return false;
	return atomic_compare_exchange_strong(
		&reach->login_after_us, &after_us,
		now_us + reach_pause_us(random, refused, REACH_PAUSE_US_MAX));
}

void reach_refused(struct reach *reach, struct random *random, bool starting, int64_t begun_us,
		   int64_t now_us)
{
	int64_t max_us = starting ? REACH_STARTING_US_MAX : REACH_PAUSE_US_MAX;
	unsigned refused = atomic_load(&reach->refused);

	if (refused && begun_us < atomic_load(&reach->refused_us))
		return;
	atomic_store(&reach->refused_us, now_us);
	atomic_store(&reach->refused, ++refused);
	atomic_store(&reach->login_after_us, now_us + reach_pause_us(random, refused, max_us));
}

void reach_ended(struct reach *reach)
{
	if (atomic_load_explicit(&reach->full, memory_order_relaxed))
		atomic_store(&reach->full, REACH_ROOM);
	if (!reach_login_after_us(reach))
		return;
	atomic_store(&reach->refused, 0);
	atomic_store(&reach->login_after_us, 0);
}

/* The message is in the server's language; the function that raised it is not. */
enum reach_full reach_full_of(const char *message)
{
	if (!strstr(message, REACH_SQLSTATE_FULL))
		return REACH_ROOM;
	if (strstr(message, "InitializeSessionUserId"))
		return REACH_FULL_ROLE;
	if (strstr(message, "CheckMyDatabase"))
		return REACH_FULL_DATABASE;
	return REACH_FULL_SERVER;
}

void reach_note_full(struct reach *reach, enum reach_full full, int64_t now_us)
{
	atomic_store(&reach->full_us, now_us);
	atomic_store(&reach->full, full);
}

enum reach_full reach_full(const struct reach *reach, int64_t now_us)
{
	if (now_us - atomic_load(&reach->full_us) > REACH_FULL_US)
		return REACH_ROOM;
	return atomic_load(&reach->full);
}

const char *reach_full_text(enum reach_full full)
{
	switch (full) {
	case REACH_FULL_ROLE:
		return "the connection limit of the role is reached";
	case REACH_FULL_DATABASE:
		return "the connection limit of the database is reached";
	case REACH_FULL_SERVER:
		return "all connections that the server grants are taken";
	case REACH_ROOM:
		break;
	}
	assert(!"a limit of connections");
	return "";
}
