/* SPDX-License-Identifier: Apache-2.0 */
/* The files of http/docs_page/. */
#pragma once

#include "base/embedded.h"

extern const struct embedded docs_files[];
