package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/tests/golden"
)

// call runs the program.
func call(args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	code = run(context.Background(), args, &out, &errOut)
	return code, out.String(), errOut.String()
}

// machine makes a root directory with a kernel's files: 122 GiB, every setting
// as small as can be.
func machine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put := func(path, content string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range tune.Settings() {
		value := "1"
		switch s.Kind {
		case tune.Triple:
			value = "1\t2\t3"
		case tune.Range:
			value = "32768\t60999"
		case tune.PortSet, tune.Choice:
			value = ""
		}
		if s.Kind == tune.Choice {
			value = "7"
		}
		if strings.Contains(s.Key, ".") && s.Scope != tune.Process && s.Scope != tune.Boot {
			put("proc/sys/"+strings.ReplaceAll(s.Key, ".", "/"), value)
		}
	}
	put("proc/meminfo", "MemTotal:       127926272 kB")
	put("proc/self/limits", "Max open files            1024                 20000000             files")
	put("proc/self/status", "CapEff:\t0000000000000000")
	put("proc/sys/kernel/random/boot_id", "one")
	for _, dir := range []string{"etc/security", "etc/systemd"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		args string
		want string // in the one line on stderr
	}{
		{"nothing", "", "want check, apply, revert, plan or loopback"},
		{"unknown command", "tune", `"tune" is not a command`},
		{"unknown flag", "check --conn 5", "did you mean --conns?"},
		{"conns", "check --conns lots", `"lots" is not a count`},
		{"no conns", "check --conns 0", "the legal range is 1.."},
		{"too many conns", "check --conns 5G", "--conns 5G: the legal range is 1..1073741824"},
		{"ports", "check --ports 0", "--ports 0: the legal range is 1..4096"},
		{"too many ports", "plan --conns 1M --ports 4097", "1..4096"},
		{"tcp", "check --tcp 65000:1000", "legal range 1..65535"},
		{"overlap", "check --tcp 10000:200 --ws 10100:200", "share ports"},
		{"no ports", "check --tcp none --ws none", "at least one port"},
		{"role", "check --role peer", "--role peer: the legal values are server, client, both"},
		{"scope", "check --scope here", "--scope here: the legal values are all, global, namespace"},
		{"only", "check --only net.core.none", `--only "net.core.none"`},
		{"memory", "check --memory 12", "--memory 12: the legal range is 64MiB..1024TiB"},
		{"cores", "check --cores 0", "--cores 0"},
		{"page", "plan --conns 1M --page 8KiB", "--page 8KiB: the legal values are 4KiB, 16KiB, 64KiB"},
		{"proto", "plan --conns 1M --proto udp", "--proto udp: the legal values are tcp, ws"},
		{"clients", "plan --conns 1M --clients 0", "--clients 0"},
		{"plan asks no kernel", "plan", "give --conns N"},
		{"argument", "check 10M", `unexpected argument "10M"`},
		{"flag of another command", "check --persist",
			"--persist means nothing to tuning check: it is a flag of tuning apply"},
		{"revert of what", "revert --conns 10M", "--conns means nothing to tuning revert"},
		{"persist of a part", "apply --conns 1M --persist --scope namespace", "--persist writes all settings"},
		{"revert from nowhere", "revert --state none", "--state none"},
		{"proto without ports", "plan --conns 1M --proto ws --tcp 10000:10", "--proto ws has no ports"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := call(strings.Fields(tt.args)...)
			if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit %d, stdout %q, stderr %q; want 2 and one line with %q", code, stdout, stderr, tt.want)
			}
		})
	}
}

// Every command has a help of one screen.
func TestHelp(t *testing.T) {
	for _, command := range []string{"", "check", "apply", "revert", "plan", "loopback"} {
		code, text, stderr := call(append(strings.Fields(command), "--help")...)
		if code != 0 || stderr != "" || !strings.HasPrefix(text, strings.TrimSpace("usage: tuning "+command)) {
			t.Errorf("%s --help: exit %d, %s%s", command, code, stderr, text)
		}
		if n := strings.Count(text, "\n"); n > 40 {
			t.Errorf("%s --help has %d lines, at most 40 fit a terminal", command, n)
		}
		for line := range strings.Lines(text) {
			if len(line) > 81 {
				t.Errorf("%s --help has a line of %d columns: %q", command, len(line)-1, line)
			}
		}
	}
}

// readAll reads every file of a root directory.
func readAll(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCheckApplyRevert(t *testing.T) {
	root := machine(t)
	before := readAll(t, root)
	steps := []struct {
		args string
		code int
		want string // in stdout
	}{
		{"check --conns 10M", 1, "not all is well: sudo bin/tuning apply --conns 10000000 --role both"},
		{"apply --conns 10M --dry-run --persist", 0, "would change net.core.somaxconn: 1 -> 65535\n"},
		{"revert", 0, "nothing to revert"}, // the dry run saved nothing
		{"apply --conns 10M", 0, "net.core.somaxconn: 1 -> 65535\n"},
		{"apply --conns 10M", 0, "nothing to change"},
		{"check --conns 10M", 0, "for 10,000,000 connections, role both: all is well\n"},
		{"apply --conns 10M --persist", 0, "etc/sysctl.d/99-c10m.conf: written\n"},
		{"apply --conns 10M --persist", 0, "nothing to change"},
		{"revert --dry-run", 0, "would change net.core.somaxconn: 65535 -> 1\n"},
		{"revert", 0, "net.core.somaxconn: 65535 -> 1\n"},
		{"check --conns 10M", 1, "low          net.core.somaxconn "},
	}
	for _, s := range steps {
		code, stdout, stderr := call(append(strings.Fields(s.args), "--root", root)...)
		if code != s.code || !strings.Contains(stdout, s.want) || stderr != "" {
			t.Errorf("%s: exit %d, stderr %q, stdout:\n%s\nwant %d and %q", s.args, code, stderr, stdout, s.code, s.want)
		}
	}
	after := readAll(t, root)
	for path, content := range before {
		if strings.Join(strings.Fields(after[path]), " ") != strings.Join(strings.Fields(content), " ") {
			t.Errorf("%s is %q after revert, was %q", path, after[path], content)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files after revert, were %d", len(after), len(before))
	}
}

func TestMissingKeyIsReportedNotFatal(t *testing.T) {
	root := machine(t)
	if err := os.Remove(filepath.Join(root, "proc/sys/net/core/netdev_max_backlog")); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call("apply", "--conns", "1M", "--root", root)
	if code != 1 || !strings.Contains(stdout, "NOT DONE net.core.netdev_max_backlog") || !strings.Contains(stdout,
		"net.core.somaxconn: 1 -> 65535\n") {
		t.Errorf("exit %d, stderr %q:\n%s", code, stderr, stdout)
	}
}

func TestOnlyAndScope(t *testing.T) {
	root := machine(t)
	code, stdout, _ := call("apply", "--conns", "10M", "--root", root, "--state", "none", "--only",
		"net.ipv4.tcp_child_ehash_entries")
	if code != 0 || stdout != "net.ipv4.tcp_child_ehash_entries: 1 -> 16777216\n" {
		t.Errorf("exit %d: %s", code, stdout)
	}
	code, stdout, _ = call("apply", "--conns", "10M", "--root", root, "--state", "none", "--scope", "namespace")
	if code != 0 || strings.Contains(stdout, "fs.nr_open") || !strings.Contains(stdout, "net.core.somaxconn") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	if _, err := os.Stat(filepath.Join(root, tune.DefaultStateFile)); err == nil {
		t.Error("--state none wrote a state file")
	}
}

// TestTwoSizesAtOnce: whichever is last, the larger of each value stays, and
// revert finds all old values.
func TestTwoSizesAtOnce(t *testing.T) {
	root := machine(t)
	before := readAll(t, root)
	for range 20 {
		var done sync.WaitGroup
		for _, conns := range []string{"10k", "10M", "100k"} {
			done.Go(func() { call("apply", "--conns", conns, "--persist", "--root", root) })
		}
		done.Wait()
		if code, stdout, stderr := call("check", "--conns", "10M", "--root", root); code != 0 {
			t.Fatalf("the larger did not stay: exit %d, %s%s", code, stderr, stdout)
		}
		for _, path := range []string{tune.SysctlFile, tune.LimitsFile, tune.SystemFile} {
			if text := readAll(t, root)[filepath.Join(root, path)]; !strings.Contains(text, "1001") {
				t.Fatalf("%s is of the smaller one: %s", path, text)
			}
		}
		if code, stdout, stderr := call("revert", "--root", root); code != 0 {
			t.Fatalf("revert: exit %d, %s%s", code, stderr, stdout)
		}
		for path, content := range readAll(t, root) {
			if strings.Join(strings.Fields(before[path]), " ") != strings.Join(strings.Fields(content), " ") {
				t.Fatalf("%s is %q after revert, was %q", path, content, before[path])
			}
		}
	}
}

// TestCureRepeatsFlags: what check advises is for what it was asked.
func TestCureRepeatsFlags(t *testing.T) {
	root := machine(t)
	limits := filepath.Join(root, "proc/self/limits")
	if err := os.WriteFile(limits, []byte("Max open files            1024                 4096             files\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := call("check", "--conns", "1M", "--role", "server", "--ws", "none", "--tcp", "7000:300", "--memory",
		"8GiB", "--root", root)
	_, cure, _ := strings.Cut(strings.TrimSpace(stdout), "sudo bin/tuning ")
	want := "apply --conns 1000000 --role server --tcp 7000:300 --ws none --memory 8GiB --root " + root
	if cure != want {
		t.Fatalf("the cure is %q, want %q", cure, want)
	}
	text := strings.Join(strings.Fields(stdout), " ")
	if n, of := strings.Count(text, "bin/tuning "+want), strings.Count(text, "bin/tuning apply"); n != of || n < 3 {
		t.Errorf("%d of %d cures repeat the flags:\n%s", n, of, stdout)
	}
	call(strings.Fields(cure)...)
	if text := readAll(t, root)[filepath.Join(root,
		"proc/sys/net/ipv4/ip_local_reserved_ports")]; text != "7000-7299,9090\n" {
		t.Errorf("reserved %q", text)
	}
}

func TestPlanForLargePages(t *testing.T) {
	for _, tt := range []struct{ page, want string }{
		{"4KiB", "tcp_mem = 3997696 5996544 7995392"},
		{"64KiB", "tcp_mem = 249856 374784 499712"},
		{"65536", "tcp_mem = 249856 374784 499712"},
	} {
		code, stdout, stderr := call("plan", "--conns", "10M", "--memory", "122GiB", "--page", tt.page, "--conf")
		if code != 0 || !strings.Contains(stdout, tt.want) {
			t.Errorf("--page %s: exit %d, %s, no %q in %s", tt.page, code, stderr, tt.want, stdout)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	code, stdout, _ := call("check", "--conns", "1M", "--json", "--root", machine(t))
	var got struct {
		Conns  int64
		Memory int64 `json:"memory_bytes"`
		OK     bool
		Rows   []tune.Row `json:"settings"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 1 {
		t.Fatalf("exit %d, %v: %s", code, err, stdout)
	}
	if got.Conns != 1_000_000 || got.Memory != 127926272*1024 || got.OK || len(got.Rows) < 30 ||
		got.Rows[0].Key != "fs.nr_open" ||
		got.Rows[0].Now != "1" || got.Rows[0].Status != tune.Low || got.Rows[0].Why == "" || got.Rows[0].Source == "" {
		t.Errorf("%+v", got)
	}
}

func TestConnsAuto(t *testing.T) {
	// 122 GiB of MemTotal hold about 14 million pairs at 8,682 B and 5 % free.
	if _, stdout, stderr := call("check", "--root", machine(t)); !strings.Contains(stdout, "for 14,2") || stderr != "" {
		t.Errorf("stderr %q, %s", stderr, stdout[strings.LastIndex(stdout, "for "):])
	}
	_, stdout, stderr := call("apply", "--conns", "100M", "--dry-run", "--root", machine(t))
	if !strings.Contains(stderr, "--conns 100,000,000, role both, needs") || stdout == "" {
		t.Errorf("stderr %q", stderr)
	}
}

// A slip of the finger is not written: this machine holds 14 million pairs.
func TestApplyOfFarTooMany(t *testing.T) {
	root := machine(t)
	before := readAll(t, root)
	code, stdout, stderr := call("apply", "--conns", "1G", "--root", root)
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr,
		"--conns 1000000000: the legal range is 1..5") {
		t.Errorf("exit %d, stdout %q, stderr %q; want 2 and one line", code, stdout, stderr)
	}
	for path, content := range readAll(t, root) {
		if before[path] != content {
			t.Errorf("%s was written", path)
		}
	}
	if code, stdout, _ := call("apply", "--conns", "1G", "--dry-run", "--root", root); code == 2 ||
		!strings.Contains(stdout, "would change fs.nr_open") {
		t.Errorf("--dry-run: exit %d, %q", code, stdout)
	}
}

func TestPlan(t *testing.T) {
	code, stdout, _ := call("plan", "--conns", "10M", "--clients", "4")
	for _, want := range []string{"86.03 GiB", "r3.4xlarge (16 vCPU, 122 GiB)  both ends    14,0",
		"each of 4 client machines, 2,500,000 connections", "fs.nr_open "} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, no %q in:\n%s", code, want, stdout)
		}
	}
	code, stdout, _ = call("plan", "--conns", "10M", "--proto", "ws", "--json")
	var s tune.Sizing
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != 0 || s.Proto != "ws" || len(s.Layouts) != 3 {
		t.Errorf("exit %d, %v: %+v", code, err, s)
	}
	if code, stdout, stderr := call("plan", "--memory", "122GiB"); code != 0 || !strings.Contains(stdout,
		" tcp connections\n") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// TestConf keeps 99-c10m.conf equal to what the table says for ten million
// connections, both ends, on 122 GiB and 16 cores.
func TestConf(t *testing.T) {
	code, stdout, stderr := call("plan", "--conns", "10M", "--memory", "122GiB", "--cores", "16", "--conf")
	if code != 0 {
		t.Fatal(stderr)
	}
	golden.Compare(t, "99-c10m.conf", stdout)
}

// TestReadme: the README explains every setting of the table.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range tune.Settings() {
		if !strings.Contains(string(text), "`"+s.Key+"`") {
			t.Errorf("README.md says nothing of %s", s.Key)
		}
	}
}

// TestWrapper runs tune.sh, with a program of ours in place of bin/tuning.
func TestWrapper(t *testing.T) {
	dir := t.TempDir()
	echo := filepath.Join(dir, "echo-args")
	if err := os.WriteFile(echo, []byte("#!/bin/sh\necho \"$@\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, args, want string }{
		{"apply is the default", "--conns 10M", "apply --conns 10M\n"},
		{"nothing", "", "apply\n"},
		{"another command", "check --conns 10M", "check --conns 10M\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("sh", append([]string{"tune.sh"}, strings.Fields(tt.args)...)...)
			cmd.Env = append(os.Environ(), "TUNING="+echo)
			out, err := cmd.Output()
			if string(out) != tt.want || cmd.ProcessState.ExitCode() != 3 {
				t.Errorf("%q, %v; want %q and exit 3", out, err, tt.want)
			}
		})
	}
}

// TestWrapperThroughLink: as /usr/local/sbin/tune it finds the repository's bin.
func TestWrapperThroughLink(t *testing.T) {
	script, err := os.ReadFile("tune.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for path, content := range map[string]string{"repo/tuning/tune.sh": string(script),
		"repo/bin/tuning": "#!/bin/sh\necho ours \"$@\"\n", "sbin/x": ""} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "sbin/tune")
	if err := os.Symlink("../repo/tuning/tune.sh", link); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(link, "--conns", "1M").CombinedOutput(); err != nil ||
		string(out) != "ours apply --conns 1M\n" {
		t.Errorf("%v, %q", err, out)
	}
}

// An error is one line without orders to the terminal, whatever a file is named.
func TestErrorsAreOneLine(t *testing.T) {
	state := filepath.Join(t.TempDir(), "a\n\x1b[2J")
	if err := os.Mkdir(state, 0o755); err != nil {
		t.Fatal(err)
	}
	code, _, line := call("revert", "--state", state)
	if code != 1 || strings.IndexFunc(line, unicode.IsControl) != len(line)-1 {
		t.Errorf("status %d, %q", code, line)
	}
}
