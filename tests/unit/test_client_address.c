/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: an address, of IPv6 its network. */
#include "http/socket/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static void assert_v6(const char *address, const char *name)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char out[CLIENT_ADDRESS_BYTES_MAX + 1];

	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	client_address_text((const struct sockaddr *)&v6, out);
	assert_string_equal(out, name);
}

static void an_address_of_ipv4_is_a_caller(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	char out[CLIENT_ADDRESS_BYTES_MAX + 1];

	assert_int_equal(inet_pton(AF_INET, "10.0.0.2", &v4.sin_addr), 1);
	client_address_text((const struct sockaddr *)&v4, out);
	assert_string_equal(out, "10.0.0.2");
	assert_v6("::ffff:10.0.0.2", "10.0.0.2");
}

static void of_ipv6_the_network_is_the_caller(void **state)
{
	assert_v6("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64");
	assert_v6("2001:db8:0:1::9", "2001:db8:0:1::/64");
	assert_v6("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "2001:db8:aaaa:bbbb::/64");
	assert_v6("::1", "::/64");
}

static void what_has_no_address_has_no_name(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	char out[CLIENT_ADDRESS_BYTES_MAX + 1];

	client_address_text((const struct sockaddr *)&local, out);
	assert_string_equal(out, "");
	client_address_text(NULL, out);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_of_ipv4_is_a_caller),
		cmocka_unit_test(of_ipv6_the_network_is_the_caller),
		cmocka_unit_test(what_has_no_address_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
