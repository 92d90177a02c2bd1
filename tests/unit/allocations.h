/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of the program is counted, and one can fail; where a sanitizer counts leaks
 * itself, none is, and none fails. */
#pragma once

/* gcc defines a macro for each sanitizer, clang knows a feature of it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATIONS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOCATIONS_SANITIZED
#endif
#endif

#ifndef ALLOCATIONS_SANITIZED
#define ALLOCATIONS_COUNTED
#endif

extern _Atomic long allocations_in_use;
/* Since it was set to 0; the one that fails, 0: none. */
extern _Atomic unsigned allocations_made, allocation_fails_at;
