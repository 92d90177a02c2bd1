/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions as it is, with a window in which something may happen before an entry
 * leaves. */
static void sessions_moment(void);

#define SESSIONS_LEAVE(raise_floor, drop_entry)                                                    \
	do {                                                                                       \
		sessions_moment();                                                                 \
		raise_floor;                                                                       \
		drop_entry;                                                                        \
	} while (0)
#define WRONG(name) sessions_racing_##name
#define WRONG_BUILD sessions_racing
#include "sessions_wrong.h"

void (*sessions_racing_on_moment)(struct sessions *sessions);
struct sessions *sessions_racing_sessions;

static void sessions_moment(void)
{
	if (sessions_racing_on_moment)
		sessions_racing_on_moment(sessions_racing_sessions);
}
