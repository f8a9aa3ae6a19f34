package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
		{"dry", "--dry-run --dev lo 10.0.1.100 2", 0, "ip address add 10.0.1.100/32 dev lo\nip address add 10.0.1.101/32 dev lo\n"},
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
		{"proto", []string{"PROTO=udp"}, 2, "PROTO=udp"},
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
		})
	}
}

// TestUnit: the unit's limits and flags are those that the rest relies on.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../scripts/systemd/c10m-server.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"LimitNOFILE=1024:infinity", "KillMode=mixed", "ExecStart=/opt/c10m/bin/server $C10M_ARGS", "EnvironmentFile=-/etc/default/c10m-server"} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
}
