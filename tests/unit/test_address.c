/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an address is free is asked without anybody noticing. */
#include "http/address.h"
#include "http/http.h"

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char error[256];
static bool asking; /* a client comes at the last moment of each socket */
static unsigned came, let_in;

/* Connected: the kernel has let it in, and resets it when the socket is closed. */
static void client_comes(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	came++;
	let_in += connect(fd, address, len) == 0;
	syscall(SYS_close, fd);
}

/* Takes the place of the C library's: whatever the code has opened, closes here. */
int close(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int kept = errno;

	if (asking && getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		client_comes((const struct sockaddr *)&address, len);
	errno = kept;
	return (int)syscall(SYS_close, fd);
}

static bool is_free(const char *address)
{
	bool answer;

	came = let_in = 0;
	asking = true;
	answer = listener_address_is_free(address, error, sizeof(error));
	asking = false;
	return answer;
}

static void who_connects_while_it_is_asked_is_never_let_in(void **state)
{
	assert_true(is_free("127.0.0.1:0"));
	assert_int_equal(came, 1);
	assert_int_equal(let_in, 0);
}

/* What the story above would see. */
static void who_connects_to_what_listens_is_let_in(void **state)
{
	int fd = address_listen("127.0.0.1:0", false, error, sizeof(error));

	came = let_in = 0;
	asking = true;
	close(fd);
	asking = false;
	assert_int_equal(let_in, 1);
}

static void an_address_where_others_listen_is_not_free(void **state)
{
	for (int shared = 0; shared < 2; shared++) {
		int fd = address_listen("127.0.0.1:0", shared, error, sizeof(error));
		char address[32];

		assert_true(fd >= 0);
		snprintf(address, sizeof(address), "127.0.0.1:%u", address_port(fd));
		assert_false(is_free(address));
		assert_non_null(strstr(error, address));
		assert_non_null(strstr(error, strerror(EADDRINUSE)));
		close(fd);
		assert_true(is_free(address));
		assert_int_equal(let_in, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_connects_while_it_is_asked_is_never_let_in),
		cmocka_unit_test(who_connects_to_what_listens_is_let_in),
		cmocka_unit_test(an_address_where_others_listen_is_not_free),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
