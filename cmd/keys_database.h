/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the table cqrsd.api_key, on the primary. */
#pragma once

#include "cmd/keys_work.h"

extern const struct keys_place keys_database;
