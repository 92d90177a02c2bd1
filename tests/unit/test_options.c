/* SPDX-License-Identifier: Apache-2.0 */
/* Options: where they come from, and what is wrong with them. */
#include "base/options_read.h"

#include "base/clock.h"
#include "base/options_help.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct options options;
static char error[512], path[] = "/tmp/cqrsd-options-XXXXXX";
static char *nothing[] = { NULL };

static int setup(void **state)
{
	int fd;

	memcpy(path, "/tmp/cqrsd-options-XXXXXX", sizeof(path));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	arena_fini(&arena);
	return 0;
}

static void file_holds(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static bool read_options(enum verb verb, char **argv, char **environment)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	error[0] = '\0';
	return options_read(&options, verb, argc, argv, environment, &arena, error, sizeof(error));
}

#define WORDS(...) ((char *[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* serve with these flags, a primary among them. */
#define FLAGS(...) WORDS("--primary", "host=p" __VA_OPT__(, ) __VA_ARGS__)

static void is_read(enum verb verb, char **argv, char **environment)
{
	if (!read_options(verb, argv, environment))
		fail_msg("%s", error);
}

static void is_refused(enum verb verb, char **argv, char **environment, const char *want)
{
	assert_false(read_options(verb, argv, environment));
	assert_string_equal(error, want);
}

static void what_is_not_given_has_its_default(void **state)
{
	is_read(VERB_SERVE, FLAGS(), nothing);
	assert_string_equal(options.primary, "host=p");
	assert_int_equal(options.replicas.count, 0);
	assert_string_equal(options.catalog, "./sql");
	assert_string_equal(options.listens.items[0], "127.0.0.1:8080");
	assert_true(options.lag_us_max == 1000 * US_PER_MS);
	assert_true(options.lag_bytes_max == 16777216);
	assert_true(options.wait_us_max == 30000);
	assert_true(options.session_slots == 65536);
	assert_string_equal(options.user_header, "X-User-Id");
	assert_false(options.insecure);
	assert_int_equal(options.log_level, 1);
	assert_int_equal(options.log_format, 0);
	assert_null(options.config);
	assert_false(options.help);
}

static void loops_and_connections_follow_the_cores(void **state)
{
	cpu_set_t allowed;
	int64_t cores;

	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	cores = CPU_COUNT(&allowed);
	is_read(VERB_SERVE, FLAGS(), nothing);
	assert_true(options.loops == cores || cores > LOOPS_MAX);
	assert_true(options.pool_conns == 2 * cores + 1);
	is_read(VERB_SERVE, FLAGS("--loops", "64"), nothing);
	assert_true(options.loops == 64);
	assert_true(options.pool_conns >= 128);
}

static void every_loop_has_two_connections_to_a_node(void **state)
{
	is_read(VERB_SERVE, FLAGS("--loops=4", "--pool-conns=8"), nothing);
	is_refused(VERB_SERVE, FLAGS("--loops=4", "--pool-conns=7"), nothing,
		   "--pool-conns: 7 is too few for 4 loops (at least 2 for each)");
}

static void a_value_stands_after_its_flag_or_after_an_equals_sign(void **state)
{
	is_read(VERB_SERVE,
		FLAGS("--max-lag-ms", "5", "--wait-ms=7", "--listen=h:1", "--insecure",
		      "--log-format", "json", "--replica", "host=a port=1", "--replica=host=b"),
		nothing);
	assert_true(options.lag_us_max == 5000);
	assert_true(options.wait_us_max == 7000);
	assert_string_equal(options.listens.items[0], "h:1");
	assert_true(options.insecure);
	assert_int_equal(options.log_format, 1);
	assert_int_equal(options.replicas.count, 2);
	assert_string_equal(options.replicas.items[0], "host=a port=1");
	assert_string_equal(options.replicas.items[1], "host=b");
	is_read(VERB_SERVE, FLAGS("--insecure=false"), nothing);
	assert_false(options.insecure);
}

static void a_flag_beats_the_environment_beats_the_file_beats_the_default(void **state)
{
	file_holds("wait-ms = 1\nmax-lag-ms = 1\nlag-poll-ms = 1\nreplica = host=f1\n"
		   "replica = host=f2\nlog-level = error\n");
	is_read(VERB_SERVE, FLAGS("--config", path, "--wait-ms", "3"),
		WORDS("CQRSD_WAIT_MS=2", "CQRSD_MAX_LAG_MS=2", "PATH=/bin"));
	assert_true(options.wait_us_max == 3000);
	assert_true(options.lag_us_max == 2000);
	assert_true(options.lag_poll_us == 1000);
	assert_true(options.queue_wait_us == 100000);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(options.replicas.count, 2);
	assert_string_equal(options.replicas.items[1], "host=f2");

	is_read(VERB_SERVE, FLAGS("--config", path),
		WORDS("CQRSD_REPLICA=  postgresql://a/db\tpostgres://b/db\n"));
	assert_int_equal(options.replicas.count, 2);
	assert_string_equal(options.replicas.items[0], "postgresql://a/db");
	assert_string_equal(options.replicas.items[1], "postgres://b/db");

	is_read(VERB_SERVE, FLAGS("--config", path, "--replica", "host=c"),
		WORDS("CQRSD_REPLICA=postgresql://a/db postgres://b/db"));
	assert_int_equal(options.replicas.count, 1);
	assert_string_equal(options.replicas.items[0], "host=c");
}

static void the_file_may_be_named_by_the_environment(void **state)
{
	char variable[64];

	file_holds("primary = host=f\n");
	snprintf(variable, sizeof(variable), "CQRSD_CONFIG=%s", path);
	is_read(VERB_MIGRATE, nothing, WORDS(variable));
	assert_string_equal(options.primary, "host=f");
}

static void a_secret_may_come_from_a_file_of_its_own(void **state)
{
	char variable[64];

	file_holds("postgresql://u:secret@h/db\n");
	snprintf(variable, sizeof(variable), "CQRSD_PRIMARY_FILE=%s", path);
	is_read(VERB_SERVE, nothing, WORDS(variable));
	assert_string_equal(options.primary, "postgresql://u:secret@h/db");
	is_refused(VERB_SERVE, nothing, WORDS("CQRSD_PRIMARY=host=x", variable),
		   "CQRSD_PRIMARY_FILE: given twice, once by a file");
	is_refused(VERB_SERVE, nothing, WORDS("CQRSD_PRIMARY_FILE=/nonexistent/x"),
		   "CQRSD_PRIMARY_FILE: /nonexistent/x: No such file or directory");
	snprintf(variable, sizeof(variable), "CQRSD_REPLICA_FILE=%s", path);
	is_read(VERB_SERVE, FLAGS(), WORDS(variable));
	assert_string_equal(options.replicas.items[0], "postgresql://u:secret@h/db");
	/* Only strings come from files. */
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_LOOPS_FILE=/x"),
		   "CQRSD_LOOPS_FILE: no such option");
}

static void an_empty_variable_counts_as_absent(void **state)
{
	is_read(VERB_SERVE, FLAGS(), WORDS("CQRSD_WAIT_MS=", "CQRSD_REPLICA=", "CQRSD_CONFIG="));
	assert_true(options.wait_us_max == 30000);
	assert_int_equal(options.replicas.count, 0);
}

static void an_unknown_flag_is_named_with_the_nearest_known_one(void **state)
{
	is_refused(VERB_SERVE, FLAGS("--max-lag-m", "5"), nothing,
		   "--max-lag-m: no such option; did you mean --max-lag-ms?");
	is_refused(VERB_SERVE, FLAGS("--max_lag_ms=5"), nothing,
		   "--max_lag_ms: no such option; did you mean --max-lag-ms?");
	is_refused(VERB_SERVE, FLAGS("--frobnicate"), nothing,
		   "--frobnicate: no such option of serve; -h lists them");
	is_refused(VERB_MIGRATE, WORDS("--primary=host=p", "--listen=h:1"), nothing,
		   "--listen: not an option of migrate");
	is_refused(VERB_SERVE, FLAGS("--"), nothing, "--: no such option of serve; -h lists them");
	is_refused(VERB_SERVE, FLAGS("sql"), nothing, "\"sql\": wants options only; -h lists them");
}

static void an_unknown_variable_is_named_with_the_nearest_known_one(void **state)
{
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_MAX_LAG=5"),
		   "CQRSD_MAX_LAG: no such option; did you mean CQRSD_MAX_LAG_MS?");
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_FROBNICATE=5"),
		   "CQRSD_FROBNICATE: no such option");
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_=5"), "CQRSD_: no such option");
	/* Of other verbs, of nobody, of Kubernetes. */
	is_read(VERB_MIGRATE, WORDS("--primary=host=p"),
		WORDS("CQRSD_LISTEN=h:1", "CQRSD_WAIT_MS=bad", "CQRS=1", "cqrsd_x=1"));
	is_read(VERB_SERVE, FLAGS(),
		WORDS("CQRSD_PORT=tcp://10.0.0.1:80", "CQRSD_PORT_80_TCP=x",
		      "CQRSD_SERVICE_HOST=10.0.0.1"));
}

static void an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(void **state)
{
	char want[256];

	file_holds("# mine\nmax-lag = 5\n");
	snprintf(want, sizeof(want), "%s:2: no option \"max-lag\"; did you mean \"max-lag-ms\"?",
		 path);
	is_refused(VERB_SERVE, FLAGS("--config", path), nothing, want);
	file_holds("wait-ms = 5\nfrobnicate = 1\n");
	snprintf(want, sizeof(want), "%s:2: no option \"frobnicate\"", path);
	is_refused(VERB_SERVE, FLAGS("--config", path), nothing, want);
	file_holds("wait-ms = 5\nwait-ms = 6\n");
	snprintf(want, sizeof(want), "%s:2: \"wait-ms\" is given twice", path);
	is_refused(VERB_SERVE, FLAGS("--config", path), nothing, want);
	file_holds("config = other\n");
	snprintf(want, sizeof(want), "%s:1: a file cannot name another one", path);
	is_refused(VERB_SERVE, FLAGS("--config", path), nothing, want);
	file_holds("wait-ms\n");
	snprintf(want, sizeof(want), "%s:1: wait-ms: wants key = value", path);
	is_refused(VERB_SERVE, FLAGS("--config", path), nothing, want);
	is_refused(VERB_SERVE, FLAGS("--config=/nonexistent/x"), nothing,
		   "--config: /nonexistent/x: No such file or directory");
}

static void one_file_serves_all_verbs(void **state)
{
	file_holds("primary = host=f\nlisten = h:1\nwait-ms = 5\n");
	is_read(VERB_MIGRATE, WORDS("--config", path), nothing);
	is_read(VERB_HEALTH, WORDS("--config", path), nothing);
	is_read(VERB_SERVE, WORDS("--config", path), nothing);
	assert_string_equal(options.listens.items[0], "h:1");
}

static void a_value_out_of_range_or_of_the_wrong_kind_names_its_place(void **state)
{
	char want[256];

	is_refused(VERB_SERVE, FLAGS("--max-lag-ms=3600001"), nothing,
		   "--max-lag-ms: 3600001 is out of range (0 to 3600000)");
	is_refused(VERB_SERVE, FLAGS("--max-lag-ms=-1"), nothing,
		   "--max-lag-ms: -1 is out of range (0 to 3600000)");
	is_refused(VERB_SERVE, FLAGS("--max-lag-bytes=99999999999999999999"), nothing,
		   "--max-lag-bytes: 99999999999999999999 is out of range (0 to "
		   "9223372036854775807)");
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_LOOPS=0"),
		   "CQRSD_LOOPS: 0 is out of range (1 to 64)");
	is_refused(VERB_SERVE, FLAGS("--wait-ms=5s"), nothing,
		   "--wait-ms: wants a whole number, not \"5s\"");
	is_refused(VERB_SERVE, FLAGS("--wait-ms="), nothing,
		   "--wait-ms: wants a whole number, not \"\"");
	is_refused(VERB_SERVE, FLAGS("--wait-ms= 5"), nothing,
		   "--wait-ms: wants a whole number, not \" 5\"");
	is_refused(VERB_SERVE, FLAGS("--wait-ms=+5"), nothing,
		   "--wait-ms: wants a whole number, not \"+5\"");
	is_refused(VERB_SERVE, FLAGS("--log-level=wran"), nothing,
		   "--log-level: wants debug|info|warn|error, not \"wran\"; did you mean "
		   "\"warn\"?");
	is_refused(VERB_SERVE, FLAGS("--log-level=loud"), nothing,
		   "--log-level: wants debug|info|warn|error, not \"loud\"");
	is_refused(VERB_SERVE, FLAGS("--insecure=perhaps"), nothing,
		   "--insecure: wants true or false, not \"perhaps\"");
	file_holds("\nwait-ms = many\n");
	snprintf(want, sizeof(want), "%s:2: wait-ms: wants a whole number, not \"many\"", path);
	is_refused(VERB_SERVE, FLAGS("--config", path), nothing, want);
}

static void a_wrong_value_is_refused_even_where_a_stronger_one_wins(void **state)
{
	is_refused(VERB_SERVE, FLAGS("--wait-ms=5"), WORDS("CQRSD_WAIT_MS=x"),
		   "CQRSD_WAIT_MS: wants a whole number, not \"x\"");
}

static void a_forgotten_value_does_not_swallow_the_next_flag(void **state)
{
	is_refused(VERB_SERVE, WORDS("--primary", "--insecure"), nothing,
		   "--primary: wants a value (CONNINFO)");
	is_refused(VERB_SERVE, FLAGS("--listen"), nothing, "--listen: wants a value (HOST:PORT)");
	is_refused(VERB_SERVE, FLAGS("--listen="), nothing, "--listen: is empty");
}

static void an_unquoted_connection_string_does_not_show_its_password(void **state)
{
	is_refused(VERB_SERVE, WORDS("--primary", "host=p", "password=secret"), nothing,
		   "\"password\": wants options only; -h lists them");
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_REPLICA=host=a password=secret"),
		   "CQRSD_REPLICA: white space separates values, and not all of them are URIs "
		   "(postgresql://…)");
}

static void more_replicas_than_there_can_be_are_refused(void **state)
{
	char *argv[2 + NODES_MAX + 2] = { "--primary=host=p" };

	for (int i = 1; i <= NODES_MAX; i++)
		argv[i] = "--replica=host=r";
	is_read(VERB_SERVE, argv, nothing);
	argv[NODES_MAX + 1] = "--replica=host=r";
	is_refused(VERB_SERVE, argv, nothing, "--replica: more than 16 values");
}

static void a_primary_is_required_where_one_is_asked(void **state)
{
	static const char want[] = "--primary: required (or CQRSD_PRIMARY, or a line of --config)";

	is_refused(VERB_SERVE, nothing, nothing, want);
	is_refused(VERB_MIGRATE, nothing, nothing, want);
	is_refused(VERB_CHECK, nothing, nothing, want);
	is_read(VERB_CHECK, WORDS("--offline"), nothing);
	is_read(VERB_VERSION, nothing, nothing);
	is_read(VERB_HEALTH, nothing, nothing);
}

static void whoever_asks_for_help_gets_it(void **state)
{
	struct buf out;

	is_read(VERB_SERVE, WORDS("--frobnicate", "-h"), nothing);
	assert_true(options.help);
	is_read(VERB_SERVE, WORDS("--help"), WORDS("CQRSD_FROBNICATE=1"));
	assert_true(options.help);

	buf_init(&out);
	options_help(VERB_MIGRATE, &out);
	buf_byte(&out, '\0');
	assert_non_null(strstr(out.ptr, "  --primary CONNINFO              The primary: "));
	assert_non_null(
		strstr(out.ptr, "--log-level debug|info|warn|error What is worth a line [info]"));
	assert_null(strstr(out.ptr, "--listen"));
	buf_fini(&out);
}

/* How many lines of warnings these flags earn. */
static int warnings(char **argv)
{
	struct buf out;
	int argc = 0, lines = 0;

	while (argv[argc])
		argc++;
	buf_init(&out);
	options_warnings(&options, VERB_SERVE, argc, argv, &out);
	for (size_t i = 0; i < out.len; i++)
		lines += out.ptr[i] == '\n';
	buf_byte(&out, '\0');
	assert_null(strstr(out.ptr, "secret"));
	buf_fini(&out);
	return lines;
}

static void a_password_inside_a_flag_is_warned_about(void **state)
{
	assert_int_equal(warnings(WORDS("--primary", "host=p password=secret")), 1);
	assert_int_equal(warnings(WORDS("--primary=host=p password = 'secret'")), 1);
	assert_int_equal(warnings(WORDS("--replica", "postgresql://u:secret@h:5432/db")), 1);
	assert_int_equal(warnings(WORDS("--primary=postgres://h/db?password=secret", "--replica",
					"postgres://u:secret@[::1]/")),
			 2);
	assert_int_equal(warnings(WORDS("--primary", "host=p passfile=/x user=u", "--replica",
					"postgresql://u@h:5432/db", "--listen", "a:1@b")),
			 0);
	assert_int_equal(warnings(WORDS("--primary")), 0);
}

static void options_can_be_read_again(void **state)
{
	file_holds("log-level = debug\n");
	is_read(VERB_SERVE, FLAGS("--config", path, "--replica=host=r"), nothing);
	assert_int_equal(options.log_level, 0);
	file_holds("log-level = error\n");
	is_read(VERB_SERVE, FLAGS("--config", path, "--replica=host=r"), nothing);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(options.replicas.count, 1);
}

static void rate_limits_are_read_from_each_place(void **state)
{
	file_holds("rate-limit = user 1/s\nrate-limit = caller 2/m # both\n");
	is_read(VERB_SERVE, FLAGS("--config", path), nothing);
	assert_int_equal(options.rate_limits.count, 2);
	assert_string_equal(options.rate_limits.items[1].name, "caller");
	is_read(VERB_SERVE, FLAGS("--config", path),
		WORDS("CQRSD_RATE_LIMIT= user 3/s; operation a.b user 4/h burst 9 ;"));
	assert_int_equal(options.rate_limits.count, 2);
	assert_string_equal(options.rate_limits.items[1].name, "a.b/user");
	is_read(VERB_SERVE, FLAGS("--config", path, "--rate-limit", "user 5/d"),
		WORDS("CQRSD_RATE_LIMIT=user 3/s"));
	assert_int_equal(options.rate_limits.count, 1);
	assert_int_equal(options.rate_limits.items[0].burst, 5);
	assert_int_equal(options.rate_limit_headers, 1);
	is_read(VERB_SERVE, FLAGS("--rate-limit-headers", "off"), nothing);
	assert_int_equal(options.rate_limits.count, 0);
	assert_int_equal(options.rate_limit_headers, 0);
}

static void a_wrong_rate_limit_names_its_place(void **state)
{
	is_refused(VERB_SERVE, FLAGS("--rate-limit", "user 5/w"), nothing,
		   "--rate-limit: \"5/w\": a rate is per s, m, h or d");
	is_refused(VERB_SERVE, FLAGS(), WORDS("CQRSD_RATE_LIMIT=user 1/s;user 2/s"),
		   "CQRSD_RATE_LIMIT: the name \"user\" is taken by \"user 1/s\"");
	file_holds("rate-limit = user 1/s\nrate-limit = user\n");
	assert_false(read_options(VERB_SERVE, FLAGS("--config", path), nothing));
	assert_non_null(strstr(error, ":2: rate-limit: a rate is missing: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_given_has_its_default, setup, teardown),
		cmocka_unit_test_setup_teardown(loops_and_connections_follow_the_cores, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_loop_has_two_connections_to_a_node, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_value_stands_after_its_flag_or_after_an_equals_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_flag_beats_the_environment_beats_the_file_beats_the_default, setup,
			teardown),
		cmocka_unit_test_setup_teardown(the_file_may_be_named_by_the_environment, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_secret_may_come_from_a_file_of_its_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_empty_variable_counts_as_absent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_unknown_flag_is_named_with_the_nearest_known_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unknown_variable_is_named_with_the_nearest_known_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unknown_key_is_named_with_its_line_and_the_nearest_known_one, setup,
			teardown),
		cmocka_unit_test_setup_teardown(one_file_serves_all_verbs, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_value_out_of_range_or_of_the_wrong_kind_names_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_wrong_value_is_refused_even_where_a_stronger_one_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(a_forgotten_value_does_not_swallow_the_next_flag,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unquoted_connection_string_does_not_show_its_password, setup, teardown),
		cmocka_unit_test_setup_teardown(more_replicas_than_there_can_be_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_primary_is_required_where_one_is_asked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(whoever_asks_for_help_gets_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_password_inside_a_flag_is_warned_about, setup,
						teardown),
		cmocka_unit_test_setup_teardown(options_can_be_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(rate_limits_are_read_from_each_place, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_wrong_rate_limit_names_its_place, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
