package dash

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// metrics answers /metrics: a sample, taken when it is scraped, so that nothing is
// counted twice; and the numbers of the Go runtime and of the process.
func metrics(h *hub) http.Handler {
	return whole(promhttp.HandlerFor(registry(h), promhttp.HandlerOpts{}))
}

// Gather returns a function that reads the same metrics, for package push.
func Gather(end End) func() ([]*dto.MetricFamily, error) { return registry(newHub(end)).Gather }

func registry(h *hub) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), &collector{h: h})
	// The process collector counts fds. Since Linux 6.2 that is one stat(2);
	// before, it is a walk over /proc/self/fd, which takes a second of CPU and
	// a gigabyte of kernel memory for each million of connections.
	if fd, err := os.Stat("/proc/self/fd"); err == nil && fd.Size() > 0 {
		r.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return r
}

// family is one metric: its name, its labels, and whether it only grows.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) family {
	return family{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) family {
	return family{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

// What both ends export.
var (
	buildInfo   = gauge("c10m_build_info", "Always 1; the labels say what runs.", "role", "commit", "go")
	memorySize  = gauge("c10m_memory_size_bytes", "MemTotal of the machine.")
	memoryUsed  = gauge("c10m_memory_used_bytes", "MemTotal - MemFree - page cache.")
	memoryCache = gauge("c10m_memory_kernel_bytes",
		"Kernel memory of the whole machine in pages actually taken, by slab cache that connections live in; "+
			"whatever else lives there is in it too.", "cache")
	memoryEnd = gauge("c10m_memory_process_bytes", "Private memory of the processes of an end.", "end")
	sockets   = gauge("c10m_tcp_sockets", "TCP sockets in use in this network namespace, those that listen among "+
		"them, TIME_WAIT not counted.")
	timeWait    = gauge("c10m_tcp_time_wait", "TCP sockets in TIME_WAIT in this network namespace.")
	orphans     = gauge("c10m_tcp_orphans", "TCP sockets that no process holds any more.")
	buffers     = gauge("c10m_tcp_buffer_bytes", "Memory in TCP buffers, whole machine (what tcp_mem bounds).")
	overflows   = counter("c10m_listen_overflows_total", "Connections dropped because an accept queue was full.")
	listenDrops = counter("c10m_listen_drops_total", "SYNs and last ACKs that a listener dropped, for any reason.")
	synFull     = counter("c10m_syn_queue_full_total", "SYNs dropped because a SYN queue was full.")
	synCookies  = counter("c10m_syn_cookies_total", "SYN cookies sent because a SYN queue was full.")
	backlog     = counter("c10m_backlog_drops_total", "Segments dropped because a socket's own backlog was full.")
	pressures   = counter("c10m_tcp_memory_pressures_total", "Times that tcp_mem's middle mark was passed.")
)

// What the server exports.
var (
	ready         = gauge("c10m_ready", "1 while every port accepts.")
	connections   = gauge("c10m_connections", "Connections open now, by protocol of their port.", "proto")
	connectionMax = gauge("c10m_connections_max", "Connections that the server will hold (--max-conns).")
	accepts       = counter("c10m_accepts_total", "Connections accepted, refused ones included.")
	upgrades      = counter("c10m_handshakes_total", "WebSocket handshakes completed.")
	refused       = counter("c10m_refused_total", "Connections that the server closed of its own accord, by cause.",
		"cause")
	handshakes = counter("c10m_handshake_failures_total",
		"Connections closed for a failed WebSocket handshake, by cause.", "cause")
	breaches = counter("c10m_protocol_errors_total",
		"WebSocket connections closed for what came after the handshake, by cause.", "cause")
	tlsDone = counter("c10m_tls_handshakes_total",
		"TLS handshakes agreed on, by kind: full, or resumed by a ticket.", "kind")
	tlsUnderWay = gauge("c10m_tls_handshakes_under_way", "TLS handshakes under way, queued ones among them.")
	tlsFailures = counter("c10m_tls_failures_total", "Connections closed for what failed of TLS, by cause.", "cause")
	messages    = counter("c10m_messages_total",
		"Messages echoed: data messages of WebSockets; of TCP, which has none, reads that were echoed.")
	payload = counter("c10m_bytes_total",
		"Payload bytes echoed; frame headers, pings and close frames are not in it.")
	engineInfo = gauge("c10m_engine_info", "Always 1; the label says which event engine serves.", "engine")
	buffered   = gauge("c10m_buffered_bytes",
		"Memory kept for peers: echoes that they do not take, parts of messages, handshakes.")
	bufferBudget = gauge("c10m_buffer_budget_bytes",
		"What may be kept for them, --buffer-budget and less where memory is short.")
	portConns = gauge("c10m_port_connections", "Connections open now, by listening port.", "port", "proto")
	workers   = gauge("c10m_workers", "Worker processes that exist; 1 for a server that is one process.")
	passedOn  = counter("c10m_passed_on_total", "Connections that a full worker gave to one with room.")
	recycled  = counter("c10m_workers_recycled_total",
		"Worker processes replaced after their number of messages (--recycle-after).")
	shardConns   = gauge("c10m_shard_connections", "Connections open now, by worker process.", "shard")
	shardAccepts = counter("c10m_shard_accepts_total", "Connections accepted, by worker process.", "shard")
	shardCPU     = counter("c10m_shard_cpu_seconds_total", "Processor time of a worker process since it started.",
		"shard")
	shardHeap = gauge("c10m_shard_heap_bytes",
		"Live Go heap of a worker process that has been quiet for two seconds; 0 while it is busy.", "shard")
	shardRestarts = counter("c10m_shard_restarts_total", "Times that a worker process was restarted.", "shard")
)

// What the client exports.
var (
	clientConns       = gauge("c10m_client_connections", "Connections open now.", "proto")
	clientTarget      = gauge("c10m_client_connections_target", "Connections that the run is to open.")
	clientPhase       = gauge("c10m_client_phase", "Always 1; the label says where the run stands.", "phase")
	clientAttempts    = counter("c10m_client_attempts_total", "Connections begun.", "proto")
	clientEstablished = counter("c10m_client_established_total", "Connections established.", "proto")
	clientFailed      = counter("c10m_client_failed_total", "Connections that could not be established.", "proto")
	clientLost        = counter("c10m_client_lost_total",
		"Connections that ended without having been closed by the client.", "proto")
	clientRestored = counter("c10m_client_restored_total",
		"Lost connections that were established again (--reconnect).", "proto")
	clientErrors = counter("c10m_client_errors_total",
		"Errors by phase (socket, bind, connect, read, ...) and cause.", "phase", "cause")
	clientSent     = counter("c10m_client_messages_sent_total", "Messages sent.", "proto")
	clientReceived = counter("c10m_client_messages_received_total",
		"Messages that came back as they were sent, or were answered.", "proto")
	clientPushed = counter("c10m_client_pushes_total", "Messages that came unasked, of a server that is no echo.",
		"proto")
	clientMismatched = counter("c10m_client_messages_mismatched_total", "Messages that came back otherwise.", "proto")
	clientMissing    = counter("c10m_client_messages_missing_total", "Messages that were never answered.", "proto")
	clientBytes      = counter("c10m_client_received_bytes_total", "Payload bytes that came back.", "proto")
	clientConnect    = prometheus.NewDesc("c10m_client_connect_seconds",
		"Time from connect(2) until the connection stood. The sum is of bucket middles, within 1 %.", []string{"proto"},
		nil)
	clientUpgrade = prometheus.NewDesc("c10m_client_handshake_seconds",
		"Time from connect(2) until the WebSocket handshake was done. The sum is of bucket middles, within 1 %.",
		[]string{"proto"}, nil)
	clientEcho = prometheus.NewDesc("c10m_client_echo_seconds",
		"Time from when a message should have been sent until it was back. The sum is of bucket middles, within 1 %.",
		[]string{"proto"}, nil)
	threadConns      = gauge("c10m_client_thread_connections", "Connections open now, by thread.", "thread")
	threadCPU        = counter("c10m_client_thread_cpu_seconds_total", "Processor time, by thread.", "thread")
	agentConns       = gauge("c10m_client_agent_connections", "Connections open now, by agent of the fleet.", "agent")
	agentEstablished = counter("c10m_client_agent_established_total", "Connections established, by agent of the fleet.",
		"agent")
	agentCPU = counter("c10m_client_agent_cpu_seconds_total", "Processor time of the run, by agent of the fleet.",
		"agent")
	agentState = gauge("c10m_client_agent_state", "Always 1; the label says where an agent of the fleet stands.",
		"agent", "state")
)

// collector takes a sample for each scrape.
type collector struct{ h *hub }

// Describe names nothing: which metrics there are depends on the end.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.h.look.Lock()
	s, err := c.h.end.Look(true)
	c.h.look.Unlock()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(buildInfo.desc, fmt.Errorf("read this end's numbers: %w", err))
		return
	}
	out := sink(ch)
	meta := c.h.end.Meta
	out.put(buildInfo, 1, meta.Role, meta.Commit, runtime.Version())
	out.machine(s)
	if meta.Role == Server {
		out.server(c.h.end, s)
	} else {
		out.client(c.h.end, s, c.h.began)
	}
}

// sink is where a scrape's metrics go.
type sink chan<- prometheus.Metric

func (out sink) put(f family, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(f.desc, f.kind, v, labels...)
}

func (out sink) count(f family, n int64, labels ...string) { out.put(f, float64(n), labels...) }

// machine is memory and what the kernel counts.
func (out sink) machine(s Sample) {
	if m := s.Memory; m != nil {
		out.put(memorySize, float64(m.Total))
		out.put(memoryUsed, float64(m.Used))
		for _, c := range m.Kernel {
			out.put(memoryCache, float64(c.Bytes), c.Name)
		}
		for end, bytes := range map[string]*uint64{Server: m.Server, Client: m.Client} {
			if bytes != nil {
				out.put(memoryEnd, float64(*bytes), end)
			}
		}
	}
	if n := s.Net; n != nil {
		out.count(sockets, n.Sockets)
		out.count(timeWait, n.TimeWait)
		out.count(orphans, n.Orphans)
		out.count(buffers, n.BufferPages*int64(os.Getpagesize()))
		out.count(overflows, n.ListenOverflows)
		out.count(listenDrops, n.ListenDrops)
		out.count(synFull, n.SYNQueueFull)
		out.count(synCookies, n.SYNCookies)
		out.count(backlog, n.BacklogDrops)
		out.count(pressures, n.MemoryPressure)
	}
}

func (out sink) server(end End, s Sample) {
	up := int64(0)
	if s.Phase == "ready" {
		up = 1
	}
	out.count(ready, up)
	out.count(connectionMax, end.Meta.Max)
	byProto := map[string]int64{}
	for i, p := range end.Meta.Ports {
		byProto[p.Proto] += s.PortOpen[i]
		out.count(portConns, s.PortOpen[i], strconv.Itoa(p.Number), p.Proto)
	}
	for proto, n := range byProto {
		out.count(connections, n, proto)
	}
	out.count(accepts, s.Opened)
	out.count(upgrades, s.Upgraded)
	if s.TLS != nil {
		out.count(tlsDone, s.TLS.Handshakes-s.TLS.Resumed, "full")
		out.count(tlsDone, s.TLS.Resumed, "resumed")
		out.count(tlsUnderWay, s.TLS.UnderWay)
	}
	if end.Meta.Engine != "" {
		out.put(engineInfo, 1, end.Meta.Engine)
		out.count(buffered, s.Buffered)
		out.count(bufferBudget, s.Budget)
	}
	out.count(messages, s.Messages)
	out.count(payload, s.Bytes)
	for _, cause := range allCauses(end, s) {
		f := refused
		switch {
		case strings.HasPrefix(cause, "handshake_"):
			f = handshakes
		case strings.HasPrefix(cause, "ws_"):
			f = breaches
		case strings.HasPrefix(cause, "tls_") && cause != "tls_hello":
			if f = tlsFailures; s.TLS == nil {
				continue
			}
		}
		out.count(f, s.Errors[cause], cause)
	}
	out.count(passedOn, s.PassedOn)
	out.count(recycled, s.Recycled)
	out.count(workers, int64(len(s.Shards)))
	for _, sh := range s.Shards {
		shard := strconv.Itoa(sh.Number)
		out.count(shardConns, sh.Open, shard)
		out.count(shardAccepts, sh.Opened, shard)
		out.count(shardRestarts, sh.Restarts, shard)
		out.count(shardHeap, sh.Heap, shard)
		out.put(shardCPU, sh.CPU, shard)
	}
}

func (out sink) client(end End, s Sample, since time.Time) {
	out.count(clientTarget, end.Meta.Max)
	out.count(clientPhase, 1, s.Phase)
	if s.Run != nil {
		for _, p := range s.Run.By {
			out.proto(p, since)
		}
	}
	for _, name := range allCauses(end, s) {
		phase, cause, _ := strings.Cut(name, "_")
		out.count(clientErrors, s.Errors[name], phase, cause)
	}
	if end.Meta.Shard == Agent {
		for _, sh := range s.Shards {
			out.count(agentConns, sh.Open, sh.Name)
			out.count(agentEstablished, sh.Opened, sh.Name)
			out.put(agentCPU, sh.CPU, sh.Name)
			out.count(agentState, 1, sh.Name, sh.State)
		}
		return
	}
	for i, sh := range s.Shards {
		out.count(threadConns, sh.Open, strconv.Itoa(i))
		out.put(threadCPU, sh.CPU, strconv.Itoa(i))
	}
}

// proto is what the client counts of one protocol.
func (out sink) proto(p Proto, since time.Time) {
	out.count(clientConns, p.Open, p.Name)
	out.count(clientAttempts, p.Attempted, p.Name)
	out.count(clientEstablished, p.Established, p.Name)
	out.count(clientFailed, p.Failed, p.Name)
	out.count(clientLost, p.Lost, p.Name)
	out.count(clientRestored, p.Restored, p.Name)
	out.count(clientSent, p.Sent, p.Name)
	out.count(clientReceived, p.Received, p.Name)
	out.count(clientMismatched, p.Mismatched, p.Name)
	out.count(clientMissing, p.Missing, p.Name)
	out.count(clientPushed, p.Pushed, p.Name)
	out.count(clientBytes, p.BytesReceived, p.Name)
	out <- times(clientConnect, p.Connect, since, p.Name)
	out <- times(clientEcho, p.Echo, since, p.Name)
	if p.Upgrade != nil {
		out <- times(clientUpgrade, p.Upgrade, since, p.Name)
	}
}

// allCauses are the known causes, and those that have happened.
func allCauses(end End, s Sample) []string {
	all := slices.Clone(end.Causes)
	for cause := range s.Errors {
		if !slices.Contains(all, cause) {
			all = append(all, cause)
		}
	}
	return all
}
