/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd's clock stands still until the test moves it; everybody else sees the real one. */
#pragma once

#include <stdint.h>

void library_clock_pass(int64_t us);
