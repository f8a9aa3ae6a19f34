package scripts

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestUnits: a unit may raise its own fd limit, since "infinity" is what fs.nr_open
// was when PID 1 started; it ignores no signal that drains, and systemd takes it,
// where it is installed.
func TestUnits(t *testing.T) {
	for _, unit := range []string{"systemd/c10m-server.service", "systemd/c10m-agent.service"} {
		b, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"AmbientCapabilities=CAP_SYS_RESOURCE", "CapabilityBoundingSet=CAP_SYS_RESOURCE",
			"KillMode=mixed",
			"After=network-online.target systemd-sysctl.service", "LimitNOFILE=1024:infinity"} {
			if !strings.Contains(string(b), "\n"+line+"\n") {
				t.Errorf("%s lacks %q", unit, line)
			}
		}
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("no systemd-analyze here: " + err.Error())
		}
		out, _ := exec.Command("systemd-analyze", "verify", unit).CombinedOutput()
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			if line != "" && !strings.Contains(line, "is not executable: No such file") { // /opt/c10m, not installed
				t.Errorf("systemd-analyze: %s", line)
			}
		}
	}
}
