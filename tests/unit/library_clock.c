/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the place of clock_gettime, and looks at who asks. */
#include "library_clock.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

static int64_t passed_ns;

static const void *library_clock_base(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) ? info.dli_fbase : NULL;
}

static bool library_clock_asks(const void *address)
{
	static const void *base;
	union {
		const char *(*function)(void);
		const void *address;
	} library = { MHD_get_version };

	if (!base)
		base = library_clock_base(library.address);
	return library_clock_base(address) == base;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	if (!library_clock_asks(__builtin_return_address(0)))
		return (int)syscall(SYS_clock_gettime, id, now);
	now->tv_sec = 1000 + passed_ns / NS_PER_S;
	now->tv_nsec = passed_ns % NS_PER_S;
	return 0;
}

void library_clock_pass(int64_t us)
{
	passed_ns += us * 1000;
}
