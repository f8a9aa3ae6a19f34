package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// window is ten quiet seconds of a server with two workers.
func window() Window {
	at := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	moment := func(s float64) Moment {
		worker := func(pid int) Process {
			return Process{PID: pid, Name: "server", FDs: proc.FDs{Open: 100, Limit: 20_000}, Calls: int64(1000 * s),
				Threads: []proc.Thread{{PID: pid, TID: pid, Name: "server", State: 'S', Run: 0.1 * s, Wait: 0.01 * s}}}
		}
		return Moment{At: at.Add(time.Duration(s * float64(time.Second))),
			Cores: proc.Cores{Each: []proc.Core{{ID: 0, Busy: 0.2 * s, Softirq: 0.05 * s},
				{ID: 1, Busy: 0.3 * s, Softirq: 0.05 * s}}},
			Server:    []Process{worker(11), worker(12)},
			Client:    []Process{{PID: 20, Name: "client", Threads: []proc.Thread{{PID: 20, TID: 20, Run: 0.3 * s}}}},
			Conntrack: &proc.Conntrack{Count: 10, Max: 262_144},
			Mem:       proc.Mem{Total: 100 << 30, Free: 50 << 30},
			Files:     1000, FileMax: 1 << 40,
			Report: &result.ServerReport{Open: 100, MaxConns: 1000, Messages: int64(1000 * s)}}
	}
	w := Window{Before: moment(5), After: moment(15),
		Settings: Settings{TCPMem: [3]int64{1000, 2000, 3000}, MaxOrphans: 1000, MaxTimeWait: 1000, LocalPorts: 28_232,
			Somaxconn: 4096}}
	w.Seen = Seen{Looks: 100, ThreadLooks: 200, Locks: map[string]int{}}
	for range 8 {
		w.Latency = append(w.Latency, Stretch{Seconds: 1, Messages: 1000, P99: time.Millisecond})
	}
	return w
}

// single makes the server one process with four threads, whose event loops, if
// it tells of them, did so much.
func single(w *Window, loops ...int64) {
	for _, m := range []*Moment{&w.Before, &w.After} {
		m.Server = m.Server[:1]
		first := m.Server[0].Threads[0]
		for i := range 3 {
			m.Server[0].Threads = append(m.Server[0].Threads,
				proc.Thread{PID: first.PID, TID: 100 + i, Name: first.Name, State: 'S'})
		}
		m.Report.Shards = []result.Shard{{PID: first.PID}}
	}
	for range loops {
		w.Before.Report.Shards[0].Loops = append(w.Before.Report.Shards[0].Loops, 1000)
	}
	for _, n := range loops {
		w.After.Report.Shards[0].Loops = append(w.After.Report.Shards[0].Loops, 1000+n)
	}
}

func grow(w *Window) {
	for i := range w.Latency {
		w.Latency[i].P99 = time.Duration(1+20*i) * time.Millisecond
	}
}

// TestFind: what is done to the quiet window, and what must come first.
func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*Window)
		want string   // the first finding
		said []string // in its texts
	}{
		{"quiet", func(*Window) {}, "", nil},
		{"stopped, and its queue overflows", func(w *Window) {
			w.Seen.Stopped, w.Seen.StoppedPID, w.Seen.Unread = 80, 11, 4096
			w.After.Drops.ListenOverflows = 50
		}, Stopped, []string{"process 11", "80 of 100", "4,096 B", "kill -CONT 11"}},
		{"stopped at one look of a hundred", func(w *Window) { w.Seen.Stopped = 1 }, "", nil},
		{"conntrack drops", func(w *Window) { w.After.Conntrack = &proc.Conntrack{Count: 64, Max: 64, Dropped: 12} },
			ConntrackFull, []string{"64 of 64", "12 packets"}},
		{"conntrack dropped before", func(w *Window) {
			w.Before.Conntrack = &proc.Conntrack{Max: 1000, Dropped: 12}
			w.After.Conntrack = &proc.Conntrack{Max: 1000, Dropped: 12}
		}, "", nil},
		{"conntrack nearly full", func(w *Window) { w.After.Conntrack = &proc.Conntrack{Count: 99, Max: 100} },
			ConntrackFull, nil},
		{"no local port", func(w *Window) {
			w.Errors = result.ErrorCounts{"connect_no_address": 7}
			w.Seen.Ports = PortUse{From: "127.0.0.1", To: "127.0.0.1:10000", Used: 28_232, TimeWait: 28_000}
		}, PortsUsedUp, []string{"7 connects", "28,232 of 28,232", "28,000 of them in TIME_WAIT", "tcp_tw_reuse"}},
		{"few local ports left", func(w *Window) {
			w.Seen.Ports = PortUse{From: "127.0.0.1", To: "127.0.0.1:10000", Used: 27_000}
		}, PortsUsedUp, nil},
		{"small backlog", func(w *Window) {
			w.Settings.Somaxconn = 4
			w.Seen.Queue = Queue{Port: 10_000, Waiting: 5, Room: 4, Full: 3}
			w.After.Drops.ListenOverflows, w.After.Drops.ListenDrops = 30, 31
		}, AcceptQueue, []string{"30 connections", "port 10000", "somaxconn=65535 (now 4)"}},
		{"slow accept", func(w *Window) { w.Settings.Somaxconn, w.After.Drops.ListenOverflows = 65_535, 3 },
			AcceptQueue, []string{"more --workers"}},
		{"another program's queue", func(w *Window) { w.Seen.Others = Queue{Port: 22, Waiting: 2, Room: 1, Full: 100} },
			OthersQueue, []string{"port 22", "not the server's"}},
		{"two full queues", func(w *Window) {
			w.Seen.Queue = Queue{Port: 10_000, Waiting: 5, Room: 4, Full: 3}
			w.Seen.Others = Queue{Port: 22, Waiting: 2, Room: 1, Full: 100}
		}, AcceptQueue, []string{"port 10000"}},
		{"SYN cookies", func(w *Window) { w.After.Drops.Cookies, w.After.Drops.SynRetrans = 12, 30 }, SynCookies,
			[]string{"12 SYN cookies", "30 SYNs and SYN-ACKs", "tcp_max_syn_backlog"}},
		{"SYN queue, now and then with cookies",
			func(w *Window) { w.After.Drops.RequestQueue, w.After.Drops.Cookies = 3, 12 }, SynQueue,
			[]string{"3 SYNs were dropped", "12 SYN cookies"}},
		{"SYN queue", func(w *Window) { w.After.Drops.RequestQueue = 3 }, SynQueue, []string{"tcp_max_syn_backlog"}},
		{"EMFILE", func(w *Window) { w.Errors = result.ErrorCounts{"socket_fd_limit": 3} }, FDsUsedUp,
			[]string{"3 times"}},
		{"a worker's fds", func(w *Window) { w.After.Server[1].FDs.Open = 19_990 }, FDsUsedUp,
			[]string{"process 12", "19,990 of 20,000"}},
		{"all files", func(w *Window) { w.After.FileMax = 1010 }, FilesUsedUp, nil},
		{"server full", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"over_limit": 5} }, ServerFull,
			[]string{"--max-conns"}},
		{"slow readers", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"slow_reader": 1500} },
			PeersDropped + "slow_reader", []string{"1,500", "--stall"}},
		{"over the budget", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"over_budget": 2} },
			PeersDropped + "over_budget", []string{"--buffer-budget"}},
		{"no watches", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"watch_limit": 2} },
			PeersDropped + "watch_limit", []string{"max_user_watches"}},
		{"urgent data", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"urgent_data": 1} },
			PeersDropped + "urgent_data", []string{"--engine epoll"}},
		{"TLS", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"tls_hello": 3} },
			PeersDropped + "tls_hello", []string{"wss://"}},
		{"no TLS", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"tls_plain_text": 3} },
			PeersDropped + "tls_plain_text", []string{"wss://", "--tls"}},
		{"an unknown certificate", func(w *Window) { w.After.Report.Refused = result.ErrorCounts{"tls_untrusted": 3} },
			PeersDropped + "tls_untrusted", []string{"--cert"}},
		{"pressure", func(w *Window) { w.After.Sockets.MemPages = 2500 }, TCPMemory, []string{"2,500 pages"}},
		{"aborts", func(w *Window) { w.After.Drops.MemoryAborts = 2 }, TCPMemory, []string{"2 connections were cut"}},
		{"TIME_WAIT", func(w *Window) { w.After.Drops.TimeWaitFull = 9 }, TimeWaitFull, nil},
		{"many in TIME_WAIT", func(w *Window) { w.After.Sockets.TimeWait, w.Seen.Accepting = 8300, 8300 }, InTimeWait,
			[]string{"8,300 sockets", "8,300 on the side that had accepted", "keep-alive"}},
		{"many in TIME_WAIT, as many as went", func(w *Window) {
			w.After.Sockets.TimeWait, w.Before.Sockets.TimeWait = 8300, 8400
			w.After.Drops.TimeWaited, w.After.Drops.TimeWaitReused = 1000, 500
		}, InTimeWait, []string{"8,300 sockets; 1,400 came in 10.0 s"}},
		{"many in TIME_WAIT, from before",
			func(w *Window) { w.After.Sockets.TimeWait, w.Before.Sockets.TimeWait = 8300, 9800 }, "", nil},
		{"orphans", func(w *Window) { w.After.Sockets.Orphan = 950 }, Orphans, nil},
		{"memory", func(w *Window) { w.After.Mem.Free = 1 << 30 }, MemoryLow, []string{"1.0 GiB of 100.0 GiB"}},
		{"memory that is not known", func(w *Window) { w.After.Mem = proc.Mem{} }, "", nil},
		{"CPU quota of the server", func(w *Window) {
			grow(w)
			w.Before.ServerQuota = &result.Cgroup{Name: "/a", CPUs: 0.5, Periods: 10, Throttled: 1, ThrottledSeconds: 1}
			w.After.ServerQuota = &result.Cgroup{Name: "/a", CPUs: 0.5, Periods: 95, Throttled: 82,
				ThrottledSeconds: 3.5}
			w.After.Server[0].Threads[0].Wait += 9.5
		}, CPUQuota, []string{"the server may use 0.50 processors (control group /a): held up in 81 of 85 periods, " +
			"its threads for 2.50 s together", "blocked on its quota"}},
		{"CPU quota of the client, now and then", func(w *Window) {
			w.After.ClientQuota = &result.Cgroup{Name: "/b", CPUs: 2, Periods: 100, Throttled: 15,
				ThrottledSeconds: 0.5}
		}, CPUQuota, []string{"the client may use 2 processors", "15 of 100"}},
		{"CPU quota of both in one group", func(w *Window) {
			w.After.ClientQuota = &result.Cgroup{Name: "/", CPUs: 1, Periods: 100, Throttled: 95, ThrottledSeconds: 5}
			w.After.ServerQuota = &result.Cgroup{Name: "/", CPUs: 1, Periods: 101, Throttled: 96, ThrottledSeconds: 5}
		}, CPUQuota, []string{"client and server may use 1 processors"}},
		{"CPU quotas of two groups that are called the same", func(w *Window) {
			w.After.ClientQuota = &result.Cgroup{Name: "/", CPUs: 1, Periods: 100, Throttled: 20}
			w.After.ServerQuota = &result.Cgroup{Name: "/", CPUs: 1, Periods: 100, Throttled: 95}
		}, CPUQuota, []string{"the server may use 1 processors"}},
		{"a quota that is not used up", func(w *Window) {
			w.Before.ServerQuota = &result.Cgroup{Name: "/a", CPUs: 0.5, Periods: 10, Throttled: 9}
			w.After.ServerQuota = &result.Cgroup{Name: "/a", CPUs: 0.5, Periods: 95, Throttled: 9}
		}, "", nil},
		{"threads", func(w *Window) {
			w.After.Tasks = []proc.TaskBound{{Name: "pids.max of control group /a", Used: 97, Limit: 100,
				Cure: "raise it"}}
		}, TasksUsedUp, []string{"pids.max of control group /a 100, 97 in use", "raise it, or fewer"}},
		{"threads enough", func(w *Window) {
			w.After.Tasks = []proc.TaskBound{{Name: "x", Used: 80, Limit: 100, Cure: "raise it"}}
		}, "", nil},
		{"hot shard", func(w *Window) { w.After.Server[0].Threads[0].Run += 8 }, HotShard,
			[]string{"process 11", "90 % of the work (processor time)", "91 %"}},
		{"a worker and its master", func(w *Window) {
			w.After.Server[0].Threads[0].Run += 8
			w.Parents = map[int]bool{12: true}
		}, "", nil},
		{"hot shard that waits for a processor, by its messages", func(w *Window) {
			w.After.Server[0].Threads[0].Wait += 8
			w.After.Server[1].Threads[0].Wait += 4
			w.Before.Report.Shards = []result.Shard{{PID: 11, Messages: 10}, {PID: 12, Messages: 10}}
			w.After.Report.Shards = []result.Shard{{PID: 11, Messages: 990}, {PID: 12, Messages: 30}}
		}, HotShard, []string{"98 % of the work (messages)"}},
		{"hot shard on a machine that others have", func(w *Window) {
			for i := range w.After.Cores.Each {
				w.After.Cores.Each[i].Busy += 7.5
			}
			w.Before.Report.Shards = []result.Shard{{PID: 11, Messages: 10}, {PID: 12, Messages: 10}}
			w.After.Report.Shards = []result.Shard{{PID: 11, Messages: 990}, {PID: 12, Messages: 10}}
		}, HotShard, []string{"100 % of the work (messages)"}},
		{"one process: a hot event loop, on thread after thread", func(w *Window) {
			single(w, 9700, 100, 200)
			for i := range 3 {
				w.After.Server[0].Threads[i].Run += 3
			}
		}, HotShard, []string{"event loop 0 of process 11 did 97 % of the work (messages) and wanted 98 %",
			"the other 2 did 3 %"}},
		{"one process: its event loops share the work", func(w *Window) {
			single(w, 5000, 4000, 2000)
			w.After.Server[0].Threads[0].Run += 8
		}, "", nil},
		{"one process that does not tell of loops",
			func(w *Window) { single(w); w.After.Server[0].Threads[1].Run += 9 }, "", nil},
		{"shards that share their work", func(w *Window) {
			w.After.Server[0].Threads[0].Run += 8
			w.Before.Report.Shards = []result.Shard{{PID: 11}, {PID: 12}}
			w.After.Report.Shards = []result.Shard{{PID: 11, Messages: 990}, {PID: 12, Messages: 800}}
		}, "", nil},
		{"both shards busy", func(w *Window) {
			for i := range w.After.Server {
				w.After.Server[i].Threads[0].Run += 9
			}
		}, ServerThread, []string{"process 11"}},
		{"lock", func(w *Window) { w.Seen.Locks["__fdget_pos"] = 60 }, LockWait,
			[]string{"__fdget_pos", "0.60 threads"}},
		{"softirq", func(w *Window) {
			w.After.Cores.Each[1].Softirq += 7
			w.After.Cores.Each[1].Busy += 7
		}, SoftirqBound, []string{"core 1"}},
		{"all busy with ours", func(w *Window) {
			for i := range w.After.Cores.Each {
				w.After.Cores.Each[i].Busy += 7.5
			}
			for i := range w.After.Server {
				w.After.Server[i].Threads = append(w.After.Server[i].Threads, proc.Thread{TID: 99, Run: 7})
			}
		}, ProcessorsBusy, []string{"server 80 %"}},
		{"all busy with others", func(w *Window) {
			for i := range w.After.Cores.Each {
				w.After.Cores.Each[i].Busy += 7.5
			}
		}, OthersBusy, nil},
		{"stolen", func(w *Window) { w.After.Cores.Each[0].Stolen += 5 }, Stolen, nil},
		{"client", func(w *Window) { w.After.Client[0].Threads[0].Run += 7 }, ClientThread, nil},
		{"calls", func(w *Window) { w.After.Server[0].Calls += 60_000 }, CallsPerMessage, []string{"8.00 calls"}},
		{"idle, yet slow", grow, IdleYetSlow, []string{"21.0 ms to 141 ms"}},
		{"idle, yet so slow that nothing comes back at last", func(w *Window) {
			grow(w)
			w.Latency = append(w.Latency, Stretch{Seconds: 1}, Stretch{Seconds: 1}, Stretch{Seconds: 1},
				Stretch{Seconds: 1})
		}, IdleYetSlow, []string{"21.0 ms to 141 ms"}},
		{"idle, yet slow: one thread, from core to core", func(w *Window) {
			grow(w)
			single(w)
			w.After.Server[0].Threads[0].Run += 9.4
			for i := range w.After.Cores.Each {
				w.After.Cores.Each[i].Busy += 4.7
			}
		}, ServerThread, []string{"below 100 %", "blocked on one thread"}},
		{"idle, yet slow: an event loop",
			func(w *Window) { grow(w); single(w, 100, 1); w.After.Server[0].Threads[0].Run += 9.5 }, HotShard,
			[]string{"blocked on one shard"}},
		{"idle, yet slow: a shard", func(w *Window) { grow(w); w.After.Server[0].Threads[0].Run += 6 }, HotShard,
			[]string{"below 100 %", "blocked on one shard"}},
		{"idle, yet slow: a lock", func(w *Window) { grow(w); w.Seen.Locks["fdget_pos"] = 60 }, LockWait,
			[]string{"blocked on a lock"}},
		{"idle, yet slow: backlog", func(w *Window) { grow(w); w.After.Drops.ListenOverflows = 5 }, AcceptQueue,
			[]string{"blocked on the backlog"}},
		{"slow for a moment", func(w *Window) { w.Latency[7].P99 = time.Second; w.Latency[0].P99 = 2 * time.Second },
			"", nil},
		{"slow because busy", func(w *Window) {
			grow(w)
			for i := range w.After.Cores.Each {
				w.After.Cores.Each[i].Busy += 7.5
			}
		}, OthersBusy, nil},
		{"another namespace's counters began anew", func(w *Window) { w.Before.Drops.ListenOverflows = 5 }, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := window()
			tt.do(&w)
			found := Find(w)
			name, text := "", ""
			if len(found) > 0 {
				f, told := found[0], report.Finding(found[0])
				name, text = f.Code, told.Evidence+" "+told.Meaning+" "+told.Cure
				if f.Severity < 1 || f.Severity > 100 || told.Evidence == "" || told.Meaning == "" || told.Cure == "" {
					t.Errorf("finding %+v: %+v", f, told)
				}
			}
			if name != tt.want {
				t.Errorf("first finding %q, want %q; all: %+v", name, tt.want, found)
			}
			for _, said := range tt.said {
				if !strings.Contains(text, said) {
					t.Errorf("%q lacks %q", text, said)
				}
			}
			for i := 1; i < len(found); i++ {
				if found[i].Severity > found[i-1].Severity {
					t.Errorf("%s (%d) after %s (%d)", found[i].Code, found[i].Severity, found[i-1].Code,
						found[i-1].Severity)
				}
			}
		})
	}
}

func TestUsage(t *testing.T) {
	w := window()
	w.Seen.Runnable = 350
	w.After.Server[1].Threads[0].Run += 4
	w.Before.Report.Shards = []result.Shard{{PID: 11}, {PID: 12, Messages: 1000}}
	w.After.Report.Shards = []result.Shard{{PID: 11}, {PID: 12, Messages: 6000}}
	u := Usage(w, 4)
	if len(u.Cores) != 2 || len(u.Processes) != 2 || len(u.Threads) != 3 {
		t.Fatalf("%+v", u)
	}
	if u.Runnable == nil || *u.Runnable != 3.5 {
		t.Errorf("runnable %v, want 3.5 threads", u.Runnable)
	}
	first := u.Processes[0]
	if first.PID != 12 || first.Command != "server" || first.Ran < 0.49 || first.Ran > 0.51 ||
		first.CallsPerMessage == nil || *first.CallsPerMessage != 2 {
		t.Errorf("first %+v, want process 12 with half a core and 2 calls a message", first)
	}
	if idle := u.Processes[1]; idle.CallsPerMessage != nil {
		t.Errorf("%+v: calls a message of a process without messages", idle)
	}
	if u.Threads[0].TID != 12 || u.Threads[0].Command != "server" || u.Threads[1].Process != "client" {
		t.Errorf("threads %+v, want the server's, then the client's", u.Threads)
	}
	few := Usage(w, 1)
	if len(few.Cores) != 1 || few.CoreCount != 2 || len(few.Processes) != 1 || few.ProcessCount != 2 ||
		len(few.Threads) != 1 || few.ThreadCount != 3 {
		t.Errorf("%+v, want one of each, and how many there are", few)
	}
	if u := Usage(Window{}, 4); u != nil {
		t.Errorf("usage of nothing: %+v", u)
	}
}

// A server that is not ours tells of no messages: the client has counted them.
func TestUsageOfAnotherServer(t *testing.T) {
	w := window()
	w.Before.Report, w.After.Report, w.Messages = nil, nil, 5000
	w.Before.Server, w.After.Server = w.Before.Server[:1], w.After.Server[:1]
	if p := Usage(w, 4).Processes[0]; p.CallsPerMessage == nil || *p.CallsPerMessage != 2 {
		t.Errorf("%+v, want 2 calls a message", p)
	}
}

// Each code is found by one rule, and is a name that --fail-if takes.
func TestCodes(t *testing.T) {
	all := Codes()
	for i, code := range all {
		if slices.Contains(all[:i], code) || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("%q twice, or no name", code)
		}
	}
}
