/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a Unix socket: who may connect to it, what it replaces, when it goes. */
#include "http/socket/unix_socket.h"

#include "http/socket/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cqrsd-unix-XXXXXX";
static char path[64], address[128], error[256];
static mode_t mode_when_bound;

/* Takes the place of the C library's: what could a stranger do in the moment after it? */
int bind(int fd, const struct sockaddr *name, socklen_t len)
{
	int done = (int)syscall(SYS_bind, fd, name, len);
	struct stat made;

	if (done == 0 && name->sa_family == AF_UNIX &&
	    stat(((const struct sockaddr_un *)name)->sun_path, &made) == 0)
		mode_when_bound = made.st_mode & 0777;
	return done;
}

static int start(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/cqrsd-unix-XXXXXX", sizeof(folder));
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/api.sock", folder);
	snprintf(address, sizeof(address), "unix:%s", path);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	(void)!unlink(path);
	return rmdir(folder);
}

static int listen_at(struct unix_socket *unix_socket, const char *settings)
{
	char text[192];

	snprintf(text, sizeof(text), "%s%s", address, settings);
	assert_true(unix_socket_parse(unix_socket, text, error, sizeof(error)));
	return unix_socket_listen(unix_socket, error, sizeof(error));
}

static int connect_to(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(name.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_there(void)
{
	struct stat found;

	return lstat(path, &found) == 0;
}

/* --- as it is written ------------------------------------------------------------------------- */

static void an_address_says_path_rights_and_owner(void **state)
{
	struct unix_socket parsed;

	assert_true(unix_socket_is_meant("unix:/run/x"));
	assert_false(unix_socket_is_meant("127.0.0.1:80"));
	assert_true(unix_socket_parse(&parsed, "unix:/run/x", error, sizeof(error)));
	assert_string_equal(parsed.path, "/run/x");
	assert_int_equal(parsed.mode, 0660);
	assert_true(parsed.owner == (uid_t)-1 && parsed.group == (gid_t)-1);
	assert_true(unix_socket_parse(&parsed, "unix:/run/x?mode=0600&owner=root&group=0", error,
				      sizeof(error)));
	assert_int_equal(parsed.mode, 0600);
	assert_true(parsed.owner == 0 && parsed.group == 0);
}

static void what_cannot_be_meant_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *address, *reason;
	} rows[] = {
		{ "unix:", "an absolute path" },
		{ "unix:api.sock", "an absolute path" },
		{ "unix:@name", "an absolute path" },
		{ "unix:/run/x?", "mode=0660" },
		{ "unix:/run/x?mode", "mode=0660" },
		{ "unix:/run/x?mode=", "octal" },
		{ "unix:/run/x?mode=0888", "octal" },
		{ "unix:/run/x?mode=1777", "octal" },
		{ "unix:/run/x?mode=-1", "octal" },
		{ "unix:/run/x?mode=0600,group=0", "octal" },
		{ "unix:/run/x?owner=no-such-user", "no such user" },
		{ "unix:/run/x?group=no-such-group", "no such group" },
		{ "unix:/run/x?owner=4294967295", "no such user" },
		{ "unix:/run/x?moed=0600", "mode=0660" },
		{ "unix:/run/x?mode=0600&", "mode=0660" },
	};
	struct unix_socket parsed;
	char text[160] = "unix:/";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(unix_socket_parse(&parsed, rows[i].address, error, sizeof(error)));
		assert_non_null(strstr(error, rows[i].reason));
		assert_memory_equal(error, rows[i].address, strlen(rows[i].address));
	}
	memset(text + strlen(text), 'x', 106);
	assert_true(unix_socket_parse(&parsed, text, error, sizeof(error)));
	text[strlen(text)] = 'x';
	assert_false(unix_socket_parse(&parsed, text, error, sizeof(error)));
	assert_non_null(strstr(error, "107 bytes"));
}

/* --- who may connect -------------------------------------------------------------------------- */

static void its_rights_are_those_asked_for_whatever_the_umask_says(void **state)
{
	static const struct {
		const char *settings;
		mode_t umask, mode;
	} rows[] = { { "", 0, 0660 },
		     { "", 0777, 0660 },
		     { "?mode=0666", 0022, 0666 },
		     { "?mode=0600", 0, 0600 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct unix_socket made;
		struct stat found;
		mode_t before = umask(rows[i].umask);
		int fd = listen_at(&made, rows[i].settings);

		umask(before);
		assert_true(fd >= 0);
		assert_int_equal(stat(path, &found), 0);
		assert_int_equal(found.st_mode & 0777, rows[i].mode);
		assert_int_equal(mode_when_bound & 0177, 0);
		unix_socket_remove(&made);
		close(fd);
	}
}

static void who_connects_is_known_by_uid(void **state)
{
	struct unix_socket made;
	struct sockaddr_un name;
	int fd = listen_at(&made, ""), client = connect_to(), server;
	uid_t uid = (uid_t)-1;

	assert_true(client >= 0);
	server = accept(fd, NULL, NULL);
	assert_true(peer_address(server, &name));
	assert_true(peer_uid((struct sockaddr *)&name, &uid));
	assert_int_equal(uid, geteuid());
	unix_socket_remove(&made);
	close(fd);
	close(server);
	close(client);
}

/* A client may bind its own end to any path: it says nothing of who it is. */
static void a_name_that_a_client_gave_itself_is_no_uid(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/tmp/uid:0" };
	struct sockaddr other = { .sa_family = AF_INET };
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	uid_t uid;

	assert_false(peer_uid((struct sockaddr *)&name, &uid));
	assert_false(peer_uid(&other, &uid));
	assert_false(peer_uid(NULL, &uid));
	assert_false(peer_address(tcp, &name));
	close(tcp);
}

/* --- what is there already -------------------------------------------------------------------- */

static void what_a_dead_instance_left_is_replaced(void **state)
{
	struct unix_socket dead, made;
	int fd = listen_at(&dead, "");

	close(fd);
	assert_true(is_there());
	assert_int_equal(connect_to(), -1);
	fd = listen_at(&made, "");
	assert_true(fd >= 0);
	assert_true(connect_to() >= 0);
	unix_socket_remove(&made);
	assert_false(is_there());
	close(fd);
}

static void a_path_at_which_somebody_answers_is_refused(void **state)
{
	struct unix_socket living, made;
	int fd = listen_at(&living, "");

	assert_int_equal(listen_at(&made, ""), -1);
	assert_non_null(strstr(error, "already in use"));
	assert_non_null(strstr(error, path));
	unix_socket_remove(&made);
	assert_true(is_there());
	assert_true(connect_to() >= 0);
	unix_socket_remove(&living);
	close(fd);
}

static void what_is_no_socket_stays(void **state)
{
	struct unix_socket made;
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	assert_int_equal(listen_at(&made, ""), -1);
	assert_non_null(strstr(error, "something else than a socket"));
	assert_true(is_there());
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct unix_socket made;

	assert_true(unix_socket_parse(&made, "unix:/no/such/folder/x", error, sizeof(error)));
	assert_int_equal(unix_socket_listen(&made, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/no/such/folder/x: No such file"));
}

/* Between its look and its bind another one would bind, and lose its file. */
static void of_two_that_start_at_once_one_waits_for_the_other(void **state)
{
	struct unix_socket made;
	int other = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(flock(other, LOCK_EX), 0);
	assert_int_equal(listen_at(&made, ""), -1);
	assert_false(is_there());
	close(other);
}

/* --- when it goes ----------------------------------------------------------------------------- */

static void the_file_of_a_successor_stays(void **state)
{
	struct unix_socket old, next;
	int old_fd = listen_at(&old, ""), next_fd;

	assert_int_equal(rename(path, "/tmp/cqrsd-unix-moved"), 0);
	next_fd = listen_at(&next, "");
	assert_true(next_fd >= 0);
	unix_socket_remove(&old);
	assert_true(is_there());
	unix_socket_remove(&next);
	assert_false(is_there());
	unlink("/tmp/cqrsd-unix-moved");
	close(old_fd);
	close(next_fd);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(an_address_says_path_rights_and_owner),
		STORY(what_cannot_be_meant_is_refused_with_a_reason),
		STORY(its_rights_are_those_asked_for_whatever_the_umask_says),
		STORY(who_connects_is_known_by_uid),
		STORY(a_name_that_a_client_gave_itself_is_no_uid),
		STORY(what_a_dead_instance_left_is_replaced),
		STORY(a_path_at_which_somebody_answers_is_refused),
		STORY(what_is_no_socket_stays),
		STORY(a_folder_that_is_not_there_is_named),
		STORY(of_two_that_start_at_once_one_waits_for_the_other),
		STORY(the_file_of_a_successor_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
