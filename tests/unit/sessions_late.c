/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions, raising its floor too late. */
static void sessions_window(void);

#define SESSIONS_LEAVE(raise_floor, drop_entry)                                                    \
	do {                                                                                       \
		drop_entry;                                                                        \
		sessions_window();                                                                 \
		raise_floor;                                                                       \
	} while (0)
#define WRONG(name) sessions_late_##name
#define WRONG_BUILD sessions_late
#include "sessions_wrong.h"

void (*sessions_late_on_window)(void);

static void sessions_window(void)
{
	if (sessions_late_on_window)
		sessions_late_on_window();
}
