package proc

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	idOne   = "3f9a0c11d2e4aa00bb11cc22dd33ee44ff5566778899aabbccddeeff00112233"
	idTwo   = "3f9b0c11d2e4aa00bb11cc22dd33ee44ff5566778899aabbccddeeff00112233"
	idThree = "8398259062c7a4e7ce3cc69397c73e53aabbccddeeff00112233445566778899"
)

// A container is found by the beginning of its id, however its runtime and the
// version of cgroups name the group.
func TestContainers(t *testing.T) {
	root := t.TempDir()
	for pid, cgroup := range map[string]string{
		"10": "0::/system.slice/docker-" + idOne + ".scope\n",
		"11": "0::/system.slice/docker-" + idOne + ".scope/nested\n", // of the same
		"12": "9:name=systemd:/docker/" + idTwo + "\n4:memory:/docker/" + idTwo + "\n0::/\n",
		"13": "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + idThree + ".scope\n",
		"14": "0::/machine.slice/libpod-conmon-" + idTwo[:40] + ".scope\n", // the monitor of one
		"15": "0::/user.slice/user-1000.slice/session-2.scope\n",
		"16": "0::/system.slice/run-u3f9a0c11d2e4.scope\n",
	} {
		write(t, filepath.Join(root, pid, "cgroup"), cgroup)
	}
	p, err := New(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one := Container{idOne, "/system.slice/docker-" + idOne + ".scope"}
	two := Container{idTwo, "/docker/" + idTwo}
	three := Container{idThree, "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + idThree + ".scope"}
	for _, tt := range []struct {
		prefix string
		want   []Container
	}{
		{idOne, []Container{one}}, {"3f9a", []Container{one}}, {"3f9", []Container{one, two}},
		{"8", []Container{three}}, {"0", nil},
		{strings.Repeat("3", 64), nil},
	} {
		if got := p.Containers(tt.prefix); !slices.Equal(got, tt.want) {
			t.Errorf("Containers(%q) = %v, want %v", tt.prefix, got, tt.want)
		}
	}
}

// The processes of a group are those of the groups below it as well; v1 has a
// directory for each controller.
func TestCgroupPIDs(t *testing.T) {
	for _, tt := range []struct{ name, mount, asked string }{
		{"v2", "", "/web.service"},
		{"v2, by its directory", "", "DIR/web.service"},
		{"beside v1", "unified", "web.service"},
		{"v1", "memory", "/web.service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sys := t.TempDir()
			top := filepath.Join(sys, "fs", "cgroup")
			at := filepath.Join(top, tt.mount, "web.service")
			write(t, filepath.Join(top, "cpu", "tasks"), "1\n")
			write(t, filepath.Join(at, "cgroup.procs"), "12\n7\n0\n")
			write(t, filepath.Join(at, "worker", "cgroup.procs"), "30\n7\n")
			p, err := New(t.TempDir(), sys)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := p.CgroupDir(strings.Replace(tt.asked, "DIR", top, 1))
			if err != nil {
				t.Fatal(err)
			}
			if pids, err := p.CgroupPIDs(dir); err != nil || !slices.Equal(pids, []int{7, 12, 30}) {
				t.Errorf("%v, %v: want 7, 12 and 30", pids, err)
			}
			if _, err := p.CgroupDir("/db.service"); err == nil {
				t.Error("a group that is not there was found")
			}
		})
	}
}

func TestStartTime(t *testing.T) {
	root := t.TempDir()
	stat := func(state string) string {
		return "9 (a) b) (c) " + state +
			" 1 9 9 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615\n"
	}
	write(t, filepath.Join(root, "9", "stat"), stat("S"))
	write(t, filepath.Join(root, "8", "stat"), stat("Z"))
	p, err := New(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if began, err := p.StartTime(9); err != nil || began != 987654 {
		t.Errorf("%d, %v: want 987654", began, err)
	}
	for _, pid := range []int{7, 8} { // none, and one that has ended and was not waited for
		if _, err := p.StartTime(pid); err == nil || !strings.Contains(err.Error(), ErrGone.Error()) {
			t.Errorf("process %d: %v, want %v", pid, err, ErrGone)
		}
	}
}
