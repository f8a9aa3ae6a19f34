package report

import (
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// faults say why something cannot be, and what helps, as sentences do of warnings. Of
// a flag they begin with its name.
var faults = map[string]string{
	"answer_too_late":         "not within {=limit_ns}",
	"control_does_not_answer": "the control endpoint {url} does not answer ({why})",
	"control_not_reachable":   "server not reachable: --control: {why}",
	"control_of_no_server":    "the control endpoint {url} answers, but not as a server of c10m does ({why})",
	"control_refuses":         "the control endpoint {url} answers {status}[: {said}]",
	"event_negative":          "event: {=number} is negative",
	"fds_do_not_hold": "--conns {=conns}: file descriptors: {per_table} × {=tables} hold {held}; raise the hard limit " +
		"(ulimit -Hn {=need}), or allow private fd tables (--private-fds on)",
	"lines_unfit":          "--lines: {why}",
	"metric_not_measured":  "--metric {metric}: the run did not measure it",
	"no_answer_at_address": "{address}: no answer to the handshake: {why}",
	"no_connection_fits":   "--conns auto: no connection fits: {limit} ({why}); {cure}",
	"no_control":           "there is no control endpoint",
	"no_free_port":         "find free port: {why}",
	"no_threads_to_run":    "threads: {bound}: the client takes {=runtime} and two for each of its threads; {cure}",
	"no_threads_to_start":  "threads: {bound}: the client alone takes up to {=need}; {cure}",
	"not_at_address":       "{address}: {why}",
	"not_by_name":          "{name}, {why}",
	"own_binary_unknown":   "find own binary: {why}",
	"packets_from_own_address": "--sources {sources}: {address} of it is an address of this machine, which the " +
		"kernel answers itself: give addresses that no interface has",
	"packets_not_forwarded": "--engine packets to another host: {setting} is 0, so the kernel passes nothing on to " +
		"our device: sysctl -w {setting}=1, or bin/tuning apply --role packets",
	"packets_of_two_families": "--engine packets: the sources {sources} and {host} are of different address " +
		"families: give targets of one (--resolve ipv4, or ipv6) and --sources of the same",
	"packets_to_ipv6_loopback": "{host}: IPv6 lets nothing but lo reach its loopback address; give this machine " +
		"another one (ip addr add fd00::1/128 dev lo), start the server with --bind on it, and use it here",
	"packets_to_own_sources": "the server's address {host} lies within --sources {sources}",
	"packets_unanswered": "{why}: the way back is missing: the server's side must route {sources} to this machine " +
		"({gateway}, on {device}): ip route add {sources} via {gateway} there, or in a cloud addresses of this " +
		"machine's interface with its source check off; a packet filter may drop it too, here in the hook forward " +
		"(nft list ruleset; Docker sets the policy DROP) or on the way",
	"packets_unanswered_here": "{why}: a packet filter may drop it (nft list ruleset), or rp_filter (sysctl " +
		"net.ipv4.conf.all.rp_filter)",
	"packets_without_sources": "--engine packets to another host ({host}) needs --sources CIDR: addresses that the " +
		"network routes to this machine and no interface has",
	"pid_unknown":     "--pid {pid}: {why}",
	"plan_impossible": "{why}",
	"private_fds_forbidden": "--private-fds on: {why}: a seccomp filter forbids it (in a container: allow unshare, " +
		"or raise its fd limit)",
	"report_impossible":      "{=open} connections of {=most} cannot be",
	"report_of_other_schema": "schema {schema}, want {want}",
	"server_answers_nobody":  "not one user had an answer: the server is stopped, or its machine is gone",
	"server_binary_missing": "a server is to be started and {file} is not there: make build, or make install, or " +
		"name one with --server CMD",
	"server_ended_at_once": "it ended at once[: {said}]",
	"server_gone":          "the server ended[: {said}]",
	"server_not_reachable": "server not reachable: {why}: start one there (bin/server --ports {=ports}), or name " +
		"another with --host, --first-port and --ports",
	"server_not_reachable_in_time": "server not reachable within --wait {wait}: {why}",
	"server_not_ready":             "it did not say that it is ready",
	"server_not_started":           "start server[ {command}]: {why}",
	"server_pid_listens_nowhere": "--server-pid {pids}: {process} listens on no TCP port, so that what it holds " +
		"cannot be counted: name the process that serves, or one that it descends from",
	"server_pid_unfit":  "--server-pid {pids}: {why}",
	"server_port_taken": "start server {command}: another server is on {address} already[: {holder}]",
	"server_too_slow":   "{why} within {=limit_ns}",
	"target_not_reachable": "server not reachable: {why}: start it, or wait for it with --wait 30s, or name another " +
		"target",
	"threads_below_tables": "--threads {=threads}: {conns} connections need {=tables} fd tables of {per_table}",
	"threads_beyond_conns": "--threads {=threads}: the legal range is 1..{=most}, and no more than connections",
	"threads_illegal":      "--threads {=threads}: the legal range is 1..{=most}",
	"too_few_threads": "threads: {bound}: {conns} connections need {need} here, and there is room for {room} beside " +
		"the runtime's; {cure}",
	"until_unfit": "{text}: want errors>SHARE, p50|p90|p99|p999|max>TIME or rate<N, like errors>0.1%, " +
		"p99>500ms[: {why}]",
	"variant_failed": "{variant}: {why}",
}

// Error is an error in a sentence: each fault in it in place of its code, and what
// others have said around it as it is.
func Error(err error) string {
	said := err.Error()
	for _, f := range outermost(err) {
		said = strings.Replace(said, f.Error(), Warning(f.What), 1)
	}
	return said
}

// outermost are the faults in an error that are in no other fault.
func outermost(err error) (all []*result.Fault) {
	switch e := err.(type) {
	case *result.Fault:
		return []*result.Fault{e}
	case interface{ Unwrap() error }:
		return outermost(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = append(all, outermost(one)...)
		}
	}
	return all
}
