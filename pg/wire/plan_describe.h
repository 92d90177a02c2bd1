/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement is prepared and described, and what it may leave in its session is looked for
 * (pg/wire/session_state.h). Nothing of it runs.
 *
 *   [prepare] [describe] [settings] [leaves] Sync
 */
#pragma once

#include "pg/wire/plan.h"

extern const struct plan plan_describe;
