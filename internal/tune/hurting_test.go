package tune

import (
	"os"
	"testing"
)

func TestCurrent(t *testing.T) {
	st := &fake{values: map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_mem": "1\t2\t3",
		"net.ipv4.ip_local_reserved_ports": "",
		KeyNofileSoft:                      "1024", KeyTHP: "always", "kernel.hostname": "secret"},
		broken: map[string]error{"fs.nr_open": os.ErrPermission}}
	got := current(st)
	if len(got) != 3 || got["net.core.somaxconn"] != "4096" || got["net.ipv4.tcp_mem"] != "1 2 3" ||
		got[KeyTHP] != "always" {
		t.Errorf("%v", got)
	}
	if here := InForce(); here["net.core.somaxconn"] == "" || here["net.ipv4.ip_local_port_range"] == "" ||
		here["net.ipv4.tcp_mem"] == "" || here["fs.epoll.max_user_watches"] == "" {
		t.Errorf("this machine: %v", here)
	}
}
