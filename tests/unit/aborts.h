/* SPDX-License-Identifier: Apache-2.0 */
/* Whether something fails an assertion of the program: tried in a process of its own. */
#pragma once

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Does act(arg) end by SIGABRT? False: it returned. The message of the assertion is not shown. */
static inline bool aborts(void (*act)(void *arg), void *arg)
{
	struct rlimit no_core = { 0, 0 };
	int status;
	pid_t child = fork();

	assert(child >= 0);
	if (child == 0) {
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGABRT, SIG_DFL);
		(void)fclose(stderr);
		act(arg);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		assert(!"the child is waited for");
	assert(WIFEXITED(status) || WTERMSIG(status) == SIGABRT);
	return !WIFEXITED(status);
}
