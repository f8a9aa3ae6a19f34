package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	addAddresses = "../scripts/ec2/add-addresses.sh"
	userData     = "../scripts/ec2/user-data.sh"
)

func TestScriptsParse(t *testing.T) {
	for _, path := range []string{"tune.sh", addAddresses, userData} {
		if out, err := exec.Command("sh", "-n", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", path, err, out)
		}
		if info, err := os.Stat(path); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be executed: %v", path, err)
		}
	}
}

// sh runs a script and gives its exit status and both outputs.
func sh(cmd *exec.Cmd) (int, string, string) {
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); cmd.ProcessState == nil {
		return -1, "", err.Error()
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

func TestAddAddresses(t *testing.T) {
	tests := []struct {
		name, args string
		code       int
		want       string // in stdout, or in stderr where the status is not 0
	}{
		{"dry", "--dry-run --dev lo 10.0.1.100 2", 0,
			"ip address add 10.0.1.100/32 dev lo\nip address add 10.0.1.101/32 dev lo\n"},
		{"loopback needs no interface", "--dry-run 127.0.5.254 1", 0, "ip address add 127.0.5.254/32 dev lo\n"},
		{"nothing to remove", "--dry-run --remove --dev lo 10.0.1.100 1", 0, "# 10.0.1.100 is not there\n"},
		{"no arguments", "", 2, "usage:"},
		{"no count", "10.0.1.100", 2, "usage:"},
		{"unknown flag", "--force 10.0.1.100 2", 2, "usage:"},
		{"none", "10.0.1.100 0", 2, "the legal range is 1..250"},
		{"too many", "10.0.1.1 251", 2, "the legal range is 1..250"},
		{"over the end", "10.0.1.250 6", 2, "10.0.1.250 and 5 more leave 10.0.1.0/24"},
		{"no address", "localhost 2", 2, "want an IPv4 address"},
		{"three numbers", "10.0.1 2", 2, "not an IPv4 address"},
		{"five numbers", "10.0.1.2.3 2", 2, "not an IPv4 address"},
		{"large number", "10.256.1.2 2", 2, "not an IPv4 address"},
		{"options inside", "10.0.$(id).2 2", 2, "not an IPv4 address"},
		{"no interface", "--dev none0 10.0.1.100 2", 2, "no such interface"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := sh(exec.Command(addAddresses, strings.Fields(tt.args)...))
			if code != 0 {
				stdout = stderr
			}
			if code != tt.code || !strings.Contains(stdout, tt.want) {
				t.Errorf("exit %d, %q; want %d, %q", code, stdout, tt.code, tt.want)
			}
		})
	}
}

// TestAddAddressesForReal adds and removes them in a network namespace.
func TestAddAddressesForReal(t *testing.T) {
	script := `set -e
		"$1" --dev lo 10.9.8.7 3 >/dev/null
		"$1" --dev lo 10.9.8.8 3
		ip -4 -o address show dev lo | grep -c 'inet 10[.]9[.]8[.]'
		"$1" --remove --dev lo 10.9.8.7 4 >/dev/null
		ip -4 -o address show dev lo`
	cmd := exec.Command("sh", "-c", script, "sh", addAddresses)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		t.Skipf("a network namespace needs root: %v", err)
	}
	want := "# 10.9.8.8 is there already\n# 10.9.8.9 is there already\nip address add 10.9.8.10/32 dev lo\n4\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

// joinFile is what an agent gets in its user data.
const joinFile = `JOIN={"wire": 1, "address": "10.0.0.5:4222", "token": "SECRETTOKEN", "pin": "00"}`

func TestUserData(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		code int
		want string // in stdout, or in stderr where the status is not 0
	}{
		{"server", nil, 0, "+ /opt/c10m/bin/tuning apply --conns 10000000 --ports 200 --role server --persist\n"},
		{"starts the server", nil, 0, "+ systemctl restart c10m-server.service\n"},
		{"client", []string{"ROLE=client", "SERVER=10.0.0.5", "PROTO=ws", "CONNS=500000"}, 0,
			"+ /opt/c10m/bin/client hold --host 10.0.0.5 --ports 200 --proto ws --conns 500000 --sources auto"},
		{"tunes only", []string{"ROLE=none"}, 0, "--role both --persist\n"},
		{"client of whom", []string{"ROLE=client"}, 2, "needs SERVER"},
		{"role", []string{"ROLE=peer"}, 2, "ROLE=peer"},
		{"agent", []string{"ROLE=agent", joinFile, "CONNS=500000", "ALLOW=10.0.0.0/8"}, 0,
			"+ /opt/c10m/bin/tuning apply --conns 500000 --ports 200 --role client --persist\n"},
		{"agent's flags", []string{"ROLE=agent", joinFile, "ALLOW=10.0.0.0/8"}, 0,
			`C10M_AGENT_ARGS="--allow 10.0.0.0/8"` + "\n"},
		{"starts the agent", []string{"ROLE=agent", joinFile}, 0, "+ systemctl restart c10m-agent.service\n"},
		{"agent of whom", []string{"ROLE=agent"}, 2, "ROLE=agent needs JOIN"},
		{"no join file", []string{"ROLE=agent", "JOIN=c10m.join"}, 2, "ROLE=agent needs JOIN"},
		{"allow", []string{"ROLE=agent", joinFile, "ALLOW=all; reboot"}, 2, "ALLOW=all; reboot: want a CIDR"},
		{"proto", []string{"PROTO=udp"}, 2, "PROTO=udp"},
		{"control", []string{"CONTROL=9090"}, 2, "CONTROL=9090: want ADDR:PORT"},
		{"wait", []string{"WAIT=soon"}, 2, "not soon"},
		{"control of the server", []string{"CONTROL=10.0.0.5:9090"}, 0,
			"--max-conns 10000000 --control 10.0.0.5:9090\"\n"},
		{"control for the client", []string{"ROLE=client", "SERVER=10.0.0.5", "CONTROL=10.0.0.5:9100"}, 0,
			"--server-control http://10.0.0.5:9100 "},
		{"memory is looked at", nil, 0, "+ /opt/c10m/bin/tuning plan --memory MemTotal --role server\n"},
		{"conns", []string{"CONNS=10M"}, 2, "not 10M"},
		{"ports", []string{"PORTS=6000"}, 2, "PORTS=6000: the legal range is 1..4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(userData)
			cmd.Env = append(append(os.Environ(), "DRY_RUN=1", "DIR=/opt/c10m"), tt.env...)
			code, stdout, stderr := sh(cmd)
			if code != 0 {
				stdout = stderr
			}
			if code != tt.code || !strings.Contains(stdout, tt.want) {
				t.Errorf("exit %d, %q; want %d, %q", code, stdout, tt.code, tt.want)
			}
			if strings.Contains(stdout+stderr, "SECRETTOKEN") {
				t.Errorf("it shows the token: %s%s", stdout, stderr)
			}
		})
	}
}

// fakeCommands are what user-data.sh finds in its PATH instead of the system's;
// each writes to $LOG how it was called. apt-get and dnf fail while $LOG.locked
// has lines left, as they do while somebody holds their lock.
var fakeCommands = map[string]string{
	"apt-get": lockedUpgrades, "dnf": lockedUpgrades,
	"git": `mkdir -p "$DIR/.git" "$DIR/bin"`,
	"go":  `[ "$1" != env ] || { echo go1.26.0; exit; }; cp "$FAKES/tuning" "$DIR/bin/tuning"`,
	"id":  `echo 0`, "sleep": "", "uname": `echo x86_64`, "systemctl": "", "install": "", "hostname": "echo 10.9.8.7",
	"ip":     `echo "default via 10.9.8.1 dev ens5 proto dhcp src 10.9.8.7 metric 100"`,
	"tuning": `case $* in *--json) printf '{\n  "conns": 2000000,\n'; exit ;; esac`,
}

const lockedUpgrades = `if [ -s "$LOG.locked" ]; then
	sed -i 1d "$LOG.locked"
	echo "Could not get lock, held by process 77"
	exit 100
fi`

// TestUserDataForReal runs all of it among fakes.
func TestUserDataForReal(t *testing.T) {
	tests := []struct {
		name   string
		lack   string // a command that this system does not have
		locked int    // tries that find the lock held
		env    []string
		code   int
		want   []string // in the log
		said   string
	}{
		{"Debian", "dnf", 0, nil, 0, []string{"apt-get -o DPkg::Lock::Timeout=60 install -y -q git make",
			"tuning apply --conns 1000000 --ports 200 --role server --persist",
			"systemctl restart c10m-server.service"}, `--control 10.9.8.7:9090"`},
		{"Amazon Linux", "apt-get", 0, nil, 0,
			[]string{"dnf install -y -q git make tar gzip ca-certificates iproute golang", "systemctl restart"}, ""},
		{"the lock is held for a while", "dnf", 3, nil, 0,
			[]string{"apt-get update -q", "sleep 5", "systemctl restart"}, ""},
		{"the lock is held for ever", "dnf", 3, []string{"WAIT=0"}, 1, []string{"apt-get update -q"},
			"held by process 77\nuser-data.sh: apt-get does not succeed for 0 s"},
		{"an agent", "dnf", 0, []string{"ROLE=agent", joinFile, "ALLOW=10.0.0.0/8"}, 0,
			[]string{"tuning apply --conns 1000000 --ports 200 --role client --persist",
				"systemctl restart c10m-agent.service"}, "+ write /etc/c10m/c10m.join"},
		{"too small", "dnf", 0, []string{"CONNS=2000001"}, 1,
			[]string{"tuning plan --conns 2000001 --role server --ports 200"},
			"CONNS=2000001: this instance's 8000000 KiB hold 2000000 as server"},
		{"another system", "apt-get dnf", 0, nil, 1, nil, "neither apt-get nor dnf"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			log, fakes := filepath.Join(dir, "log"), filepath.Join(dir, "fakes")
			put := func(path, content string) {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for name, script := range fakeCommands {
				if !slices.Contains(strings.Fields(tt.lack), name) {
					put(filepath.Join(fakes, name), "#!/bin/sh\necho \"${0##*/} $*\" >>\"$LOG\"\n"+script+"\n")
				}
			}
			for _, name := range []string{"sh", "sed", "cut", "head", "sort", "date", "cp", "mkdir", "rm", "cat"} {
				at, err := exec.LookPath(name)
				if err == nil {
					err = os.Symlink(at, filepath.Join(fakes, name))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			put(log+".locked", strings.Repeat("held\n", tt.locked))
			put(filepath.Join(dir, "meminfo"), "MemTotal:        8000000 kB\nMemFree: 1 kB\n")
			cmd := exec.Command(userData)
			cmd.Env = append([]string{"PATH=" + fakes, "LOG=" + log, "FAKES=" + fakes, "DIR=" + dir + "/c10m",
				"DEFAULTS=" + dir, "ETC=" + dir + "/etc", "CONNS=1000000",
				"MEMINFO=" + dir + "/meminfo", "PREFIX=" + dir, "WAIT=60"}, tt.env...)
			code, stdout, stderr := sh(cmd)
			called, err := os.ReadFile(log)
			if err != nil || code != tt.code || !strings.Contains(stdout+stderr, tt.said) {
				t.Errorf("exit %d, want %d with %q: %v\n%s%s", code, tt.code, tt.said, err, stdout, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(called), want) {
					t.Errorf("no %q among the calls:\n%s", want, called)
				}
			}
			if join, at := "", filepath.Join(dir, "etc/c10m/c10m.join"); slices.Contains(tt.env, joinFile) {
				if b, err := os.ReadFile(at); err == nil {
					join = string(b)
				}
				if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o600 ||
					"JOIN="+join != joinFile+"\n" {
					t.Errorf("%s: %v, %q, %v", at, info, join, err)
				}
			}
			if strings.Contains(string(called), "systemctl") != (tt.code == 0) {
				t.Errorf("exit %d after these calls:\n%s", code, called)
			}
		})
	}
}

// TestUnit: the unit's limits and flags are those that the rest relies on.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../scripts/systemd/c10m-server.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"LimitNOFILE=1024:infinity", "KillMode=mixed",
		"ExecStart=/opt/c10m/bin/server $C10M_ARGS", "EnvironmentFile=-/etc/default/c10m-server"} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
}
