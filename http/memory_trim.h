/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator keeps what a crowd has used, for ever, where a few of them stay. Giving it back is
 * work on the memory of all loops: a crowd leaves them all at once, but they do it one by one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * There are count connections by now. peak: of the caller's, the most there were since memory was
 * given back last; brought up to date. Any thread.
 */
void memory_trim(size_t *peak, size_t count, int64_t now_us);
