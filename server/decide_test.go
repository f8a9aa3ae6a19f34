package main

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/unit"
)

// threads is a limit of n threads, none of them in use.
func threads(n int64) *proc.TaskBound {
	return &proc.TaskBound{Name: "RLIMIT_NPROC", Limit: n, Cure: "raise it (ulimit -u)"}
}

// limited is a small machine with a limit of n threads.
func limited(n int64) machine {
	return machine{memory: 24 << 30, watches: 5_491_511, cores: 2, tasks: threads(n)}
}

func TestDecide(t *testing.T) {
	auto := unit.Count{Auto: true}
	small := machine{memory: 24 << 30, watches: 5_491_511, cores: 2}
	big := machine{memory: 256 << 30, watches: 60_000_000, cores: 64}
	with := func(m machine, change func(*machine)) machine { change(&m); return m }
	tests := []struct {
		name           string
		m              machine
		conns, workers unit.Count
		nofile         uint64
		want           int64 // connections; 0: an error
		max            int   // workers at most
		said           []string
	}{
		{"memory binds, one process", small, auto, auto, 4_000_000, 2_819_778, 1,
			[]string{"this machine's memory", "24.0 GiB"}},
		{"memory binds, many processes", small, auto, auto, 20_000, 2_819_778, 151, []string{"memory"}},
		{"a hard limit of 1,024", small, auto, auto, 1024, 274 * 327, 274,
			[]string{"274 workers of 1,024 file descriptors", "ulimit -Hn"}},
		{"256 GiB and tables of 20,000", big, auto, auto, 20_000, 512 * 18_710, shard.AutoWorkers,
			[]string{"512 workers"}},
		{"a cgroup of 1 GiB", with(big, func(m *machine) { m.memory, m.group = 1<<30, true }), auto, auto, 20_000,
			117_490, 8, []string{"the cgroup's memory", "1.0 GiB"}},
		{"few watches", with(small, func(m *machine) { m.watches = 100_000 }), auto, auto, 20_000, 100_000 - 6*410, 6,
			[]string{"fs.epoll.max_user_watches 100,000", "2,460"}},
		{"fewer watches than were asked for", with(small, func(m *machine) { m.watches = 10_000 }),
			unit.Count{N: 12_000}, auto, 20_000, 10_000 - 2*402 - 8, 1,
			[]string{"--max-conns 12000", "9,188", "watches"}},
		{"watches not known", with(small, func(m *machine) { m.watches = 0 }), unit.Count{N: 12_000}, auto, 20_000,
			12_000, 1, nil},
		{"watches for listeners alone", with(small, func(m *machine) { m.watches = 500 }), auto, auto, 20_000, 0, 0,
			[]string{"max_user_watches 500", "listeners"}},
		{"as many as asked for", small, unit.Count{N: 1000}, auto, 20_000, 1000, 1, nil},
		{"with as many workers", small, auto, unit.Count{N: 3}, 20_000, 3 * 19_394, 3,
			[]string{"--workers 3 of 20,000"}},
		{"more than these hold", small, unit.Count{N: 100_000}, unit.Count{N: 3}, 20_000, 3 * 19_394, 3,
			[]string{"58,182 connections", "--workers 3"}},
		{"asked for, and does not fit", small, unit.Count{N: 2_800_000}, auto, 1024, 0, 0,
			[]string{"--max-conns 2800000", "274 workers"}},
		{"few threads", with(small, func(m *machine) { m.tasks = threads(600) }), auto, auto, 20_000, 52 * 18_710, 52,
			[]string{"52 workers", "RLIMIT_NPROC 600", "ulimit -u"}},
		{"threads for one worker", with(small, func(m *machine) { m.cores, m.tasks = 1, threads(20) }), auto, auto,
			20_000, 19_394, 1, []string{"1 worker of", "RLIMIT_NPROC 20"}},
		{"threads for the smallest", with(small, func(m *machine) { m.cores, m.tasks = 1, threads(8) }),
			unit.Count{N: 1000}, auto, 20_000, 1000, 1, nil},
		{"no threads", with(small, func(m *machine) { m.cores, m.tasks = 1, threads(7) }), unit.Count{N: 1000}, auto,
			20_000, 0, 0, []string{"1 worker of 1 event loop: 8 threads more", "RLIMIT_NPROC 7", "ulimit -u"}},
		{"threads enough", with(small, func(m *machine) { m.tasks = threads(60_000) }), auto, auto, 20_000, 2_819_778,
			151, []string{"memory"}},
		{"asked for, and too few threads", limited(600), unit.Count{N: 2_000_000}, auto, 20_000, 0, 0,
			[]string{"threads", "RLIMIT_NPROC 600"}},
		{"workers asked for, and too few threads", limited(600), auto, unit.Count{N: 60}, 20_000, 0, 0,
			[]string{"60 workers", "684 threads"}},
		{"tables, and few threads", with(small, func(m *machine) { m.tables, m.tasks = true, threads(124) }), auto, auto,
			20_000, 50 * 19_584, 1, []string{"threads with fd tables of 20,000", "RLIMIT_NPROC 124"}},
		{"tables asked for, and too few threads", with(limited(124), func(m *machine) { m.tables = true }),
			unit.Count{N: 1_000_000}, auto, 20_000, 0, 0, []string{"hold 979,200", "RLIMIT_NPROC 124"}},
		{"tables, and threads enough", with(limited(124), func(m *machine) { m.tables = true }), unit.Count{N: 900_000},
			auto, 20_000, 900_000, 1, nil},
		{"more ports than fds", small, auto, auto, 500, 0, 0, []string{"400 ports", "500"}},
		{"more workers than there may be", small, auto, unit.Count{N: 5000}, 20_000, 0, 0,
			[]string{"--workers 5000", "1..4096"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := tt.m.decide(tt.conns, tt.workers, 400, tt.nofile)
			said := d.note
			if err != nil {
				said, d.conns, d.size.Workers = err.Error(), 0, 0
			}
			if d.conns != tt.want || d.size.Workers > tt.max {
				t.Errorf("%d connections, %+v (%s); want %d, at most %d workers", d.conns, d.size, said, tt.want,
					tt.max)
			}
			if (said == "") != (tt.said == nil) || strings.Contains(said, "\n") {
				t.Errorf("said %q", said)
			}
			for _, w := range tt.said {
				if !strings.Contains(said, w) {
					t.Errorf("%q lacks %q", said, w)
				}
			}
		})
	}
}

// A machine whose memory is not known bounds nothing by it, and starts.
func TestDecideWithoutMemory(t *testing.T) {
	auto := unit.Count{Auto: true}
	for conns, least := range map[unit.Count]int64{{N: 1000}: 1000, auto: 10_000} {
		d, err := machine{cores: 2}.decide(conns, auto, 10, 20_000)
		if err != nil || d.conns < least || strings.Contains(d.note, "memory") {
			t.Errorf("--max-conns %s: %d connections, note %q, %v, want at least %d", conns.String(), d.conns, d.note,
				err, least)
		}
	}
}

// TLS takes memory of both ends: fewer connections fit.
func TestTLSTakesRoom(t *testing.T) {
	plain, secured := machine{memory: 8 << 30}, machine{memory: 8 << 30, tls: true}
	if p, s := plain.holds(), secured.holds(); s >= p || s < p/4 {
		t.Errorf("%d connections fit, of TLS %d", p, s)
	}
}
