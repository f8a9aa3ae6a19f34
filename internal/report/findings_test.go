package report

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/result"
)

// samples are findings with facts as package diagnose sees them; of some codes several,
// where the words depend on what was seen.
func samples() []result.Finding {
	f := result.Found
	queue := f("accept_queue_full", 90).Count("overflows", 30).Count("drops", 31).Count("sent_again", 12).
		Count("port", 10_000).Count("waiting", 5).Count("room", 4)
	busy := f("all_processors_busy", 72).Count("cores", 2).Number("busy_share", 0.98).Number("server_share", 0.47).
		Number("client_share", 0.49).Number("others_share", 0.02).Number("softirq_share", 0.37)
	others := busy
	others.Code = "others_use_the_processors"
	anew := func(f result.Finding) result.Finding {
		return f.Count("new", 500).Number("over_seconds", 10).Number("new_per_second", 50).Count("ended", 499)
	}
	late := func(f result.Finding) result.Finding {
		return f.Number("busiest_share", 0.37).Count("p99_first_ns", 21e6).Count("p99_last_ns", 141e6)
	}
	loop := f("event_loop_blocked_by_a_call", 88).Count("pid", 11).Word("process", "python3").Word("call", "recv").
		Word("upstream", "10.0.0.9:5432").Count("looks", 80).Count("of", 100)
	shard := f("one_hot_shard", 84).Count("pid", 4711).Number("work_share", 0.97).Number("wanted_cores", 0.98).
		Count("others", 2).Number("others_share", 0.03)
	all := []result.Finding{
		queue.Count("somaxconn", 128), late(f("accept_queue_full", 82).Count("sent_again", 3)),
		f("accept_queue_of_another_program_full", 40).Count("other_port", 10_022).Count("other_waiting", 2).
			Count("other_room", 1),
		anew(f("a_new_connection_for_each_task", 78).Count("pid", 12).Word("process", "celery").
			Word("upstream", "10.0.0.9:6379")).Count("taken", 24_000).Count("ports", 28_232),
		busy, others.Number("runnable_mean", 4.4).Number("server_waited_cores", 3.11),
		f("calls_per_message", 30).Number("calls_per_message", 8).Count("messages", 10_000),
		late(f("cgroup_cpu_quota", 87).Word("whose", "both").Word("group", "/a").Number("processors", 0.5).
			Count("throttled", 81).Count("periods", 85).Number("throttled_seconds", 2.5)),
		f("cgroup_cpu_quota", 42).Word("whose", "server").Word("group", "/b").Number("processors", 2).
			Count("throttled", 1).Count("periods", 85).Number("throttled_seconds", 0.01),
		f("conntrack_full", 98).Count("entries", 262_144).Count("max", 262_144).Count("want", 1_048_576).
			Count("dropped", 12),
		f("conntrack_full", 85).Count("entries", 99).Count("max", 100).Count("want", 400),
		late(loop.Number("ran_share", 0.1)), anew(loop), loop.Word("upstream", "not_tcp"),
		f("file_descriptors_used_up", 96).Word("whose", "client").Count("failed", 3),
		f("file_descriptors_used_up", 91).Count("pid", 12).Word("process", "server").Count("open", 19_990).
			Count("limit", 20_000),
		f("idle_timeout", 97).Count("closed", 1990).Count("established", 2000).Count("from_ns", 60e9).
			Count("to_ns", 60.4e9).Number("over_seconds", 12).Count("often_ns", 30e9),
		late(f("idle_yet_slow", 75)),
		f("local_ports_used_up", 97).Count("failed", 7).Count("used", 28_232).Count("ports", 28_232).
			Word("from", "127.0.0.1").Word("to", "127.0.0.1:5432").Count("in_time_wait", 28_000),
		f("local_ports_used_up", 97).Count("failed", 7),
		f("many_in_time_wait", 40).Count("sockets", 8300).Count("came", 1400).Number("over_seconds", 10).
			Count("connecting", 0).Count("accepting", 8300),
		f("memory_low", 94).Number("free_bytes", 1<<30).Number("total_bytes", 100<<30),
		f("memory_low", 60).Word("bound", "memory.max of control group /a").Number("used_bytes", 900<<20).
			Number("total_bytes", 1<<30),
		late(shard.Word("measure", "messages").Count("loop", 0)),
		shard.Word("measure", "processor_time").Count("given", 16).Count("accepted", 16).Count("port", 10_000),
		shard.Word("measure", "messages").Count("held", 1000).Count("open", 1004),
		late(f("one_server_thread_busy", 71).Count("tid", 4712).Word("thread", "loop").Count("pid", 4711).
			Word("process", "server").Number("ran_share", 0.94).Number("waited_share", 0.03)),
		f("open_files_of_the_system_used_up", 92).Count("open", 99_000).Count("max", 100_000).Count("failed", 0),
		f("orphaned_sockets", 65).Count("orphans", 950).Count("max", 1000),
		f("processors_taken_by_the_hypervisor", 76).Number("stolen_share", 0.25),
		f("server_full", 93).Count("refused", 5).Count("held", 1000).Count("max", 1000),
		late(f("server_stopped", 97).Count("pid", 4711).Count("stopped", 80).Count("looks", 100)).
			Count("unread_bytes", 4096),
		f("soft_interrupts", 79).Count("core", 1).Count("cores", 4).Number("core_softirq_share", 0.75).
			Number("softirq_share", 0.2),
		f("syn_cookies_sent", 57).Count("cookies", 12).Count("sent_again", 30),
		late(f("syn_queue_full", 88).Count("dropped", 3).Count("cookies", 12)),
		f("tcp_memory", 89).Count("pages", 2500).Count("calm_pages", 1000).Count("pressure_pages", 2000).
			Count("most_pages", 3000).Count("cut", 2),
		f("the_client_is_busy", 58).Number("ran_share", 0.76).Number("waited_share", 0.22).
			Number("server_cores", 0.91),
		f("threads_used_up", 64).Word("bound", "kernel.pid_max").Count("limit", 32_768).Count("used", 32_760).
			Word("raise", "sysctl -w kernel.pid_max=..."),
		f("time_wait_table_full", 45).Count("forgotten", 9).Count("max", 1000),
		late(f("waiting_for_a_lock", 83).Number("sleeping_mean", 0.6).Word("function", "__fdget_pos").
			Count("looks", 100)),
	}
	for _, cause := range slices.Sorted(maps.Keys(refusals)) {
		if len(refusals[cause].evidence) > 0 {
			all = append(all, f(droppedPeers+cause, 85).Count("times", 1500))
		}
	}
	return all
}

// What is said of each finding, with sample facts.
func TestFindings(t *testing.T) {
	var b bytes.Buffer
	said := map[string]bool{}
	for _, f := range samples() {
		w := Finding(f)
		fmt.Fprintf(&b, "%s: %s: %s.\n  %s\n  cure: %s\n", f.Code, w.Name, w.Evidence, w.Meaning, w.Cure)
		if w.Name == "" || w.Evidence == "" || w.Meaning == "" || w.Cure == "" ||
			strings.ContainsAny(w.Evidence+w.Meaning+w.Cure, "{}[]|") {
			t.Errorf("%s is half said: %+v", f.Code, w)
		}
		said[f.Code] = true
	}
	golden(t, "findings", b.Bytes())
	want := slices.Sorted(slices.Values(diagnose.Codes()))
	if got := slices.Sorted(maps.Keys(said)); !slices.Equal(got, want) {
		t.Errorf("samples of\n%q\nfound may be\n%q", got, want)
	}
}

// Every code that diagnose may find has its words, and all words a code; every fact in
// them is one that diagnose tells, and none is told that nobody says.
func TestWordsOfFindings(t *testing.T) {
	codes := diagnose.Codes()
	for _, code := range codes {
		f, known := findingOf(code)
		if !known {
			t.Errorf("%s has no words", code)
		}
		if blocks := slices.Contains(diagnose.Blocking, code); blocks != (f.waits != "") {
			t.Errorf("%s: blocking is %v, but a server waits %q", code, blocks, f.waits)
		}
	}
	for code := range findings {
		if !slices.Contains(codes, code) {
			t.Errorf("nobody finds %s", code)
		}
	}
	files, err := filepath.Glob("../diagnose/*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	told := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\b(?:Count|Number|Word)\("(\w+)"`).FindAllStringSubmatch(string(b), -1) {
			told[m[1]] = true
		}
	}
	text := idleYetLate
	for _, code := range codes {
		f, _ := findingOf(code)
		text += strings.Join(f.evidence, " ") + f.meaning + f.cure
	}
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`\{[+~=]?(\w+)\}`).FindAllStringSubmatch(text, -1) {
		said[m[1]] = true
	}
	if !maps.Equal(told, said) {
		t.Errorf("facts of findings\n%q\nin their words\n%q", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(said)))
	}
}

// A finding of a later version is its facts, one of an older its own sentences. Either
// has a place in every form of the report.
func TestFindingsOfOtherVersions(t *testing.T) {
	r := minimal()
	r.Findings = []result.Finding{result.Found("of_tomorrow", 90).Count("n", 3).Word("why", "so"),
		stored("hot shard", 50, "91 %", "Others idle.", "more ports")}
	var text bytes.Buffer
	if err := WriteText(&text, r); err != nil {
		t.Fatal(err)
	}
	want := "What limits\n  1. limits: of_tomorrow: n 3, why so.\n" +
		"  2. strains: hot shard: 91 %.\n     Others idle.\n     cure: more ports\n"
	if !strings.Contains(text.String(), want) {
		t.Errorf("%s\nwant\n%s", text.String(), want)
	}
	for _, said := range []string{"of_tomorrow", "n 3, why so.<", "91 %. Others idle. Cure: more ports"} {
		if page := pageOf(t, r); !strings.Contains(page, said) {
			t.Errorf("the page does not say %q", said)
		}
	}
	if got := Ending(r, 1); !strings.HasSuffix(got, "of_tomorrow") {
		t.Errorf("%q", got)
	}
}

// Agents that found the same are named, and whose the figures are where they differ.
func TestFindingOfAgents(t *testing.T) {
	r := minimal()
	r.Agents = []result.Agent{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	f := result.Found("orphaned_sockets", 65).Count("orphans", 950).Count("max", 1000)
	f.On, f.Differ = []string{"b", "a"}, true
	r.Findings = []result.Finding{f}
	want := "on 2 of 3 agents (b, a); the figures are those of b: 950 of 1,000 (tcp_max_orphans)"
	if got := findingsOf(r); len(got) != 1 || got[0].Evidence != want {
		t.Errorf("%+v, want %q", got, want)
	}
}
