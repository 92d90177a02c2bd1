/* SPDX-License-Identifier: Apache-2.0 */
/* The files of catalog/openapi/parts/: what all documents have in common, as JSON. */
#pragma once

#include "base/embedded.h"

extern const struct embedded parts_files[];
