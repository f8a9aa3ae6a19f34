package tests

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/rig"
)

// A server in a pid namespace of its own calls itself process 1. That is another
// process here: nothing of it may be in the report, and the two ends' sockets are
// still counted together.
func TestServerInAnotherPIDNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("a pid namespace of the server's own needs root")
	}
	rig.NoLeaks(t)
	first := rig.FreePorts(t, 2)
	control := fmt.Sprintf("127.0.0.1:%d", first+1)
	server := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", filepath.Join(rig.Bin, "server"),
		"--tcp", fmt.Sprintf("%d:1", first), "--bind", "127.0.0.1", "--control", control, "--max-conns", "2000")
	server.Stderr = os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // and its child with it
		_ = server.Wait()
		rig.Await(t, "the server to end", func() bool {
			c := http.Client{Timeout: time.Second}
			_, err := c.Get("http://" + control + "/healthz")
			return err != nil
		})
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready ") {
		t.Fatalf("server said %q (%v), want ready", line, err)
	}
	o := client(t, nil, nil, "echo", "--first-port", fmt.Sprint(first), "--ports", "1", "--server-control", "http://"+
		control,
		"--conns", "200", "--duration", "1s")
	o.HasResult(t)
	if o.Status != 0 || len(o.Result.Conns.Errors) > 0 {
		t.Fatalf("status %d, errors %v: %s", o.Status, o.Result.Conns.Errors, o.Stderr)
	}
	if c := o.Result.Reconcile; c == nil || c.Ends != 2 || c.Kernel == nil || *c.Kernel < 400 || c.Server == nil ||
		*c.Server != 200 {
		t.Errorf("counts %+v, want both ends of 200 in this network namespace", c)
	}
	if o.Result.CPU == nil || o.Result.CPU.Server == nil || o.Result.Memory == nil || o.Result.Memory.Held.Server == nil {
		t.Errorf("cpu %+v, memory %+v: want the server's own figures, by its own /proc", o.Result.CPU, o.Result.Memory)
	}
	for _, table := range report.Tables(o.Result) {
		if table.Title == "Processes of the server" && !allServer(table) {
			t.Errorf("%s: %v, want processes named server alone", table.Title, table.Rows)
		}
	}
}

// allServer says whether every row of a table begins with a process of that name.
func allServer(table report.Table) bool {
	for _, row := range table.Rows {
		if name, _ := row[0].(string); !strings.HasSuffix(name, " server") {
			return false
		}
	}
	return len(table.Rows) > 0
}
