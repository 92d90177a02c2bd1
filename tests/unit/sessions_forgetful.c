/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions, forgetting to raise its floor. */
#define SESSIONS_LEAVE(raise_floor, drop_entry)                                                    \
	do {                                                                                       \
		if (0)                                                                             \
			raise_floor;                                                               \
		drop_entry;                                                                        \
	} while (0)
#define WRONG(name) sessions_forgetful_##name
#define WRONG_BUILD sessions_forgetful
#include "sessions_wrong.h"
