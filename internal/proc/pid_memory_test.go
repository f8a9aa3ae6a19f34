package proc

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestProcess(t *testing.T) {
	for _, tt := range []struct {
		name, kernel string
		pids         []int
		want         Process
		gone         bool
	}{
		{"recorded", "6.18", []int{4711}, Process{RSS: 14556 * kB, PSS: 13069 * kB, Private: (5000 + 7936) * kB,
			Anon: 7936 * kB, CPU: 0.06, Pids: 1}, false},
		{"a name with a bracket", "5.15", []int{811}, Process{RSS: 104000 * kB, PSS: 99000 * kB, Private: 98000 * kB,
			Anon: 98000 * kB, CPU: 4, Pids: 1}, false},
		{"twice", "5.15", []int{811, 811}, Process{RSS: 208000 * kB, PSS: 198000 * kB, Private: 196000 * kB,
			Anon: 196000 * kB, CPU: 8, Pids: 2}, false},
		{"one has ended", "5.15", []int{999, 811}, Process{RSS: 104000 * kB, PSS: 99000 * kB, Private: 98000 * kB,
			Anon: 98000 * kB, CPU: 4, Pids: 1}, false},
		{"without smaps_rollup", "6.1", []int{811}, Process{RSS: 26000 * 4096, PSS: 24500 * 4096, Private: 24500 * 4096,
			Anon: 24500 * 4096, CPU: 4, Pids: 1}, false},
		{"none asked for", "6.1", nil, Process{}, false},
		{"all have ended", "6.1", []int{998, 999}, Process{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := recorded(t, tt.kernel).Process(tt.pids...)
			if got != tt.want || errors.Is(err, ErrGone) != tt.gone || !tt.gone && err != nil {
				t.Errorf("Process = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestResident(t *testing.T) {
	want := Process{RSS: 26000 * 4096, PSS: 24500 * 4096, Private: 24500 * 4096, Anon: 24500 * 4096, Pids: 1}
	got, err := recorded(t, "5.15").Resident(811, 999)
	if got != want || err != nil {
		t.Errorf("Resident = %+v, %v, want %+v", got, err, want)
	}
}

// TestProcessBroken: what is there but makes no sense is an error, not a
// process that takes nothing.
func TestProcessBroken(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/5", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/5/stat", "5 (x) S 1")
	p, err := New(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Process(5); err == nil || errors.Is(err, ErrGone) {
		t.Errorf("Process = %+v, %v, want an error", got, err)
	}
}

// TestProcessHere takes 64 MiB and looks for them in the real kernel's figures;
// and for nothing at all in those of a process that has ended, but has not been
// waited for.
func TestProcessHere(t *testing.T) {
	p := here(t)
	before, err := p.Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	// Not of the Go heap, which may have it left over from before.
	block, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(block)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	after, err := p.Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for name, grown := range map[string]int64{
		"RSS": int64(after.RSS - before.RSS), "PSS": int64(after.PSS - before.PSS),
		"Private": int64(after.Private - before.Private), "Anon": int64(after.Anon - before.Anon),
	} {
		if grown < size*3/4 || grown > size*2 {
			t.Errorf("%s grew by %d bytes, want about %d", name, grown, size)
		}
	}
	quick, err := p.Resident(os.Getpid())
	if err != nil || quick.Anon < size*3/4 || quick.CPU != 0 {
		t.Errorf("Resident = %+v, %v, want at least %d bytes", quick, err, size*3/4)
	}
	cmd := exec.Command("true")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1)) // until its end closes the pipe
	if got, err := p.Process(cmd.Process.Pid, os.Getpid()); err != nil || got.Pids < 1 || got.Pids > 2 {
		t.Errorf("Process = %+v, %v, want what is left", got, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Process(cmd.Process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("Process = %+v, %v, want ErrGone", got, err)
	}
}

func BenchmarkProcess(b *testing.B) {
	p := here(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Process(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResident(b *testing.B) {
	p := here(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Resident(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}
