package report

import (
	"cmp"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// sentences say what a warning means, and what helps where something does, as
// sentence reads them. {why} is its cause where it has one.
var sentences = map[string]string{
	"address_left_out": "{name} has the address {address}, which is left out, because others of the name answer and " +
		"it does not: {why}",
	"agent_beside_server": "the server runs on the same machine: what the kernel's end of a connection takes " +
		"there is cannot be told from the server's end, and is left out",
	"agents_on_one_machine": "several agents run on one machine: what the kernel's end of a connection takes " +
		"there is that of all of them, and is left out",
	"backlog_of_port": "backlog: the port with the least has room for {room} connections that " +
		"nobody has accepted yet, and {need} may be under way to a port at once" + backlogCure,
	"backlog_of_listener": "backlog: net.core.somaxconn gives a listener room for {room} connections " +
		"that nobody has accepted yet, and {need} may be under way to a port at once" + backlogCure,
	"close_not_measured": "what came back after the close was not measured: {why}",
	"control_of_other": "the control endpoint {url} is of another server, on ports {ports}[ of " +
		"{bind}]: it is left out, and the server's memory and its count are not in this report (--server-control " +
		"URL names the right one)",
	"control_silent": "{when}the server's control endpoint did not answer: whether it still held " +
		"the client's {client} connections is not known",
	"control_silent_at_close": "{when}the server's control endpoint did not answer: whether it has closed " +
		"all connections is not known",
	"control_taken_as_told": "the control endpoint {url} is of a server on ports {ports}[ of {bind}], " +
		"not on those of this run: its figures are taken because --server-control says so, as behind a mapping of " +
		"ports",
	"control_unreachable": "{why}: the server's memory and its count are not in this report (--server-control URL, " +
		"or none to leave it out)",
	"counts_differ": "{when}the server held {server} connections, the client {client}",
	"fleet_clock": "the clock of agent {agent} moved by {drift_seconds} against the coordinator's during the run: " +
		"its curve is off by that much against the others'",
	"fleet_commit": "agent {agent} runs another build than the coordinator: {commit}",
	"fleet_waited": "the fleet waited for agent {agent}: {what}",
	"first_not_answered": "{answered} of {sent} first messages (--first) were answered: the other connections " +
		"may not be logged in; --show-failure, and the server's log, may say why",
	"given_up": "the run was given up: {why}",
	"heat_not_added": "latency over time is not shown, as the parts cannot be added up ({why}): see " +
		"the parts",
	"kernel_counts_fewer_than_both": "[{when}]the kernel counts {sockets} TCP sockets in use, both ends hold {least}",
	"kernel_counts_fewer_than_client": "[{when}]the kernel counts {sockets} TCP sockets in use, the client alone " +
		"holds {least}",
	"kernel_counts_fewer_than_server": "[{when}]the kernel counts {sockets} TCP sockets in use, the server holds " +
		"{least}",
	"kernel_counts_more": "[{when}]the kernel counts {sockets} TCP sockets more than before the run, " +
		"the {conns} connections have at most {most}: others, like a proxy, open some in this network namespace, " +
		"or some are open that nobody counts",
	"limit": "{limit} allows {allowed} of {asked} connections: {why}; {cure}",
	"lines_begin_again": "--lines has {lines} lines for {asked} connections: they begin again, and several " +
		"connections have the same one",
	"memory_not_fitted": "memory was sampled at only {samples} different counts of connections: the figures are the " +
		"plain difference, not a fit; take more connections or a lower --rate",
	"memory_of_foreign_sockets": "{foreign} TCP sockets of this machine were not this run's: the kernel's cost is " +
		"that of all sockets, the server's goes by its own count, and there is no cross-check",
	"memory_of_nothing": "memory per connection is not known: no connection was held",
	"memory_of_readers": "something on this machine reads /proc/PID/fd of these processes (a monitoring agent, " +
		"lsof): that alone took {walked_bytes_per_conn} of kernel memory a connection, not counted as the " +
		"connections' cost",
	"memory_slabs_had_room": "the kernel's slabs grew by only {page_bytes_per_conn} a connection, while its objects " +
		"take {object_bytes_per_conn}, which is what counts: there was room for the others already, in slabs that " +
		"earlier connections had left half empty",
	"memory_slabs_not_full": "the kernel's slabs grew by {page_bytes_per_conn} a connection, while its objects take " +
		"{object_bytes_per_conn}, which is what counts: the slabs are not full, as objects among them were freed " +
		"meanwhile",
	"memory_unexplained": "the machine's memory grew by {machine_bytes_per_conn} a connection, the accounts say " +
		"{explained_bytes_per_conn}: something else took or gave memory, or a cache is not counted",
	"memory_without_server": "the server's user memory is not known: the total is without it",
	"memory_without_slabs":  "{why}" + byMeminfo,
	"memory_without_slabs_there": "the server cannot read /proc/slabinfo on its machine, which is for root (a unit " +
		"with DynamicUser= is not)" + byMeminfo + ", there",
	"noisy_below_nothing": noisy + "a connection comes out at less than nothing[, kernel {kernel_bytes_per_conn}]" +
		"[, client {client_bytes_per_conn}][, server {server_bytes_per_conn}]" + enough,
	"noisy_difference": noisy + "the slope says {slope_bytes_per_conn} a connection, the plain difference " +
		"{plain_bytes_per_conn}" + enough,
	"noisy_few_samples": noisy + "memory was sampled at only {samples} different counts of connections" + enough,
	"noisy_fit":         noisy + "{conns} connections do not stand out over {samples} samples (r² {r2})" + enough,
	"noisy_foreign_sockets": noisy + "{foreign} TCP sockets of this machine were not this run's, and their part " +
		"cannot be told from its own" + enough,
	"noisy_nothing": noisy + "a connection comes out at nothing" + enough,
	"noisy_slope":   noisy + "the slope is known to ± {interval_share} only" + enough,
	"noisy_sockets_unseen": noisy + "the caches do not show the sockets that came: they are too few, or others " +
		"on this machine closed as many" + enough,
	"memory_gaps": "memory could not be read {gaps} times during the run, the last time " +
		"because: {why}",
	"memory_kept": "{kept_share} of the memory had not come back {settle_ns} after the close: " +
		"kernel caches {+kernel_bytes}[, server {+server_bytes}], client {+client_bytes}",
	"memory_not_measured":  "memory is not measured: {why}",
	"local_ports_unknown":  "the range of local ports is taken for {=low}-{=high}: {why}",
	"memory_room_doubtful": "memory: {why}",
	"memory_room_unknown":  "how many connections memory allows is not known: {why}",
	"memory_of_parts": "memory was measured by {parts} parts of the run; a machine's memory " +
		"belongs to all parts on it and is not added up: see the parts",
	"memory_of_ramp": "the settled state was not measured ({why}): memory is that of the ramp's " +
		"last sample, at {conns} of {asked} connections, and had not settled",
	"memory_of_ramp_interrupted": "interrupted before everything was held: memory is that of the ramp's last " +
		"sample, at {conns} of {asked} connections, and had not settled",
	"not_verified": "{verified} of {asked} connections were verified: the others did not " +
		"answer, or still owe the answer to an earlier message",
	"parts_on_hosts": "the parts ran on different machines: the host shown is the first part's",
	"process_in_other_net": "process {pid} lives in another network namespace: queues, drops, ports and " +
		"conntrack shown are this one's (nsenter -t {pid} -n bin/client diagnose ...)",
	"protocols_not_added": "the protocols are not shown apart: what one agent did of each is not known",
	"ramp_stopped":        "the ramp was stopped at {established} of {asked} connections: {why}",
	"ramp_stopped_by_cgroup": "the ramp was stopped at {established} of {asked} connections: memory: " +
		"{used_bytes} of {total_bytes} of this cgroup's limit are in use; {reserve_share} stay free",
	"ramp_stopped_by_memory": "the ramp was stopped at {established} of {asked} connections: memory: " +
		"{used_bytes} of {total_bytes} are in use; {reserve_share} stay free",
	"push_failed": "{failed} of {pushes} pushes of metrics to {url} failed: {why}; cure: see that a collector " +
		"takes OTLP over HTTP there (port 4318, not gRPC's 4317), and what it wants in OTEL_EXPORTER_OTLP_HEADERS",
	"server_cpu_unknown": "the server's processor time is not in this report: processes of it were gone " +
		"at the end of the run, or just being started",
	"server_did_not_close": "{conns} connections were not closed by the server within 5 s, though it " +
		"was to close first: a server of ours must be started with --close-on-eot, and another may never close first",
	"process_serves_other_ports": "the server that --server-pid names, {process}, listens on ports {ports}, not on " +
		"those of this run: its figures are taken all the same, as behind a proxy or a mapping of ports",
	"server_ended":       "the server's processes ended meanwhile",
	"server_holds_fewer": "the server holds {server} connections, the client {client}",
	"server_holds_more": "the server holds {server} connections, the client {client}: another client " +
		"has the others, or the server has not noticed yet that we lost them",
	"server_in_other_net": "the server lives in another network namespace: queues, drops, ports and " +
		"conntrack shown are this one's; run this command there",
	"server_in_other_pid": "the server's processes are in another pid namespace, like a container's, " +
		"and are not seen from here: run this command there, or name one with --pid",
	"server_memory_unknown": "the server's memory is not known: it has no control endpoint that we know " +
		"(--server-control URL), and no process of this machine that we may look at listens on its ports",
	"server_process_ended": "the server's processes did not outlast the run ({why}): its memory and its count are " +
		"those of the time before",
	"server_on_other_machine": "the server runs on another machine: only its own counters are seen from " +
		"here; run this command there for the rest",
	"server_still_holds": "{when}the server holds {conns} connections more than before the run",
	"setting":            "{setting} is {now}, this run needs {need}: {why}; cure: {cure}",
	"tls_mixed": "{secured_share} of the destinations are secured and the others plain: memory per connection is " +
		"the mean of both",
	"tls_not_verified": "the servers' certificates were not verified (--insecure): whoever answered was taken " +
		"for the server; --ca FILE names who has signed its certificate",
	"thread_ended": "a client thread ended early: {why}",
}

// Why a cost is withheld, Memory.Withheld.
const (
	noisy  = "too noisy[ without {without}]: "
	enough = "; it needs {enough} connections[ or {or}]"
)

const byMeminfo = ": kernel memory is MemTotal - MemFree - page cache less the processes'"

const backlogCure = ": the others are tried again after 1 s; cure: sysctl -w net.core.somaxconn=65535 and start " +
	"the server again, or a smaller --window, or more --ports"

// Warnings are the doubts about a run in sentences.
func Warnings(list []result.Warning) []string {
	var all []string
	for _, w := range list {
		all = append(all, Warning(w))
	}
	return all
}

// warningsOf are the doubts about a run, with the agents that have them.
func warningsOf(r *result.Result) []string {
	var all []string
	for _, w := range r.Warnings {
		all = append(all, ofAgents(w.On, w.Differ, r)+Warning(w))
	}
	return all
}

// Warning is one doubt in a sentence. Of a code that is not known, as in a file of
// a later version, it is the code with its facts.
func Warning(w result.Warning) string {
	if stored, is := w.Text(); is {
		return stored
	}
	text := cmp.Or(sentences[w.Code], faults[w.Code])
	if text == "" {
		said := strings.Join(append([]string{w.Code}, unworded(w.Facts)...), ", ")
		if w.Cause != nil {
			said += ": " + Warning(*w.Cause)
		}
		return said
	}
	if w.Cause != nil {
		w = w.Word("why", Warning(*w.Cause))
	}
	said, _ := sentence(text, w.Facts)
	return said
}
