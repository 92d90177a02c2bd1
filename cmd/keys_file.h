/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the file that --file names. */
#pragma once

#include "cmd/keys_work.h"

extern const struct keys_place keys_file;
