package report

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

func sample() Progress {
	return Progress{Phase: "ramp", Elapsed: 12400 * time.Millisecond, Established: 412_345, Target: 1_000_000,
		RateNow: 33_254,
		Failed:  12, Lost: 3, Received: 77, MemoryLeft: 10_952_166_604, ETA: 17_670 * time.Millisecond}
}

func TestFormatProgress(t *testing.T) {
	with := func(change func(*Progress)) Progress {
		p := sample()
		change(&p)
		return p
	}
	usual := with(func(p *Progress) { p.Failed, p.Lost, p.Received = 0, 0, 0 })
	tests := []struct {
		name  string
		in    Progress
		width int
		want  string
	}{
		{"all there is", sample(), 200, "ramp 12 s  412,345/1,000,000 established  33,254/s  12 failed  3 lost  77 " +
			"echoes  10.2 GiB left  ETA 18 s"},
		{"80 columns", sample(), 0, "ramp 12 s  412,345/1,000,000 established  33,254/s  12 failed  3 lost  ETA 18 s"},
		{"the usual", usual, 80, "ramp 12 s  412,345/1,000,000 established  33,254/s  10.2 GiB left  ETA 18 s"},
		{"narrow", sample(), 50, "ramp 12 s  412,345/1,000,000 established  33,254/s"},
		{"narrower", sample(), 40, "ramp 12 s  412,345/1,000,000 established"},
		{"the count last", sample(), 35, "ramp  412,345/1,000,000 established"},
		{"in short", sample(), 20, "412,345/1,000,000"},
		{"hardly anything", sample(), 5, "412,3"},
		{"at the start", Progress{Phase: "start", Target: 5}, 80, "start 0 s  0/5 established"},
		{"pushes", Progress{Phase: "hold", Established: 5, Target: 5, Received: 3, Answers: true, Pushed: 4321,
			PushRate: 1000}, 200,
			"hold 0 s  5/5 established  3 answers  4,321 pushes, 1,000/s"},
		{"they come and go", Progress{Phase: "soak", Elapsed: 5e9, Established: 37_034, Target: 100}, 80,
			"soak 5 s  37,034 established, 100 at a time"},
		{"they come and go, no room", Progress{Phase: "soak", Elapsed: 5e9, Established: 37_034, Target: 100}, 20,
			"37,034"},
		{"no phase", Progress{Elapsed: 65 * time.Second, Target: 5}, 80, "65 s  0/5 established"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FormatProgress(tt.in, tt.width); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	for width := 1; width < 120; width++ {
		if got := FormatProgress(sample(), width); columns(got) > width || got == "" {
			t.Errorf("width %d: %q has %d columns", width, got, columns(got))
		}
	}
}

func at(seconds float64, established int64) Progress {
	return Progress{Phase: "ramp", Elapsed: time.Duration(seconds * 1e9), Established: established, Target: 1000}
}

func TestLiveOnATerminal(t *testing.T) {
	var b bytes.Buffer
	l := NewLive(&b, true, 60)
	l.Show(at(1, 100))
	l.Show(at(2, 300))
	l.Done()
	l.Done()
	l.Show(at(3, 400)) // too late: the report has begun
	want := "\rramp 1 s  100/1,000 established  100/s  ETA 9 s\x1b[K" +
		"\rramp 2 s  300/1,000 established  130/s  ETA 5 s\x1b[K" +
		"\r\x1b[K"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
	if got := onScreen(b.String() + "report\n"); got != "report\n" {
		t.Errorf("the report looks like %q", got)
	}
}

// onScreen is what a terminal shows after s: it knows \r and erase to the end.
func onScreen(s string) string {
	var lines []string
	line, column := []rune{}, 0
	for s != "" {
		switch rest, erase := strings.CutPrefix(s, clearTail); {
		case erase:
			line, s = line[:column], rest
			continue
		case s[0] == '\r':
			column = 0
		case s[0] == '\n':
			lines, line, column = append(lines, string(line)+"\n"), nil, 0
		default:
			line = append(line[:column], append([]rune{rune(s[0])}, line[min(column+1, len(line)):]...)...)
			column++
		}
		s = s[1:]
	}
	return strings.Join(lines, "") + string(line)
}

// A line that is never wider than the terminal is rewritten, not scrolled.
func TestLiveFitsTheTerminal(t *testing.T) {
	var b bytes.Buffer
	l := NewLive(&b, true, 30)
	l.Show(sample())
	if got := onScreen(b.String()); got != "412,345/1,000,000 established" {
		t.Errorf("shown: %q", got)
	}
}

func TestLiveOffATerminal(t *testing.T) {
	tests := []struct {
		name  string
		every time.Duration
		at    []float64
		want  string
	}{
		{"every five seconds", 0, []float64{0, 0.2, 4.9, 5, 5.2, 9.9, 10.1}, "0 5 10"},
		{"every second", time.Second, []float64{0.4, 1, 1.3, 2, 9}, "0 2 9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			l := NewLive(&b, false, 0)
			if tt.every > 0 {
				l.Every = tt.every
			}
			for _, s := range tt.at {
				l.Show(Progress{Phase: "hold", Elapsed: time.Duration(s * 1e9), Established: 5, Target: 5})
			}
			l.Done()
			var got []string
			for line := range strings.Lines(b.String()) {
				fields := strings.Fields(line)
				got = append(got, fields[1])
				if strings.Join(fields[2:], " ") != "s 5/5 established" || strings.ContainsAny(line, "\r\x1b") {
					t.Errorf("line %q", line)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("lines at %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEstimate(t *testing.T) {
	before := at(1, 100)
	before.RateNow = 100
	given := at(2, 300)
	given.RateNow, given.ETA = 7, time.Hour
	failing := at(2, 300)
	failing.Failed = 700
	hold := at(2, 300)
	hold.Phase = "hold"
	tests := []struct {
		name     string
		last, in Progress
		rate     float64
		eta      time.Duration
	}{
		{"first", Progress{}, at(2, 300), 150, 700 * time.Second / 150},
		{"steadied", before, at(2, 300), 130, 700 * time.Second / 130},
		{"no time has passed", before, at(1, 100), 100, 9 * time.Second},
		{"given", before, given, 7, time.Hour},
		{"nothing left to do", Progress{}, failing, 150, 0},
		{"nothing moves", Progress{}, at(2, 0), 0, 0},
		{"hardly moves", Progress{}, Progress{Phase: "ramp", Elapsed: 1e9, Established: 1, Target: 1 << 60}, 1, maxETA},
		{"not in the ramp", before, hold, 0, 0},
	}
	for _, tt := range tests {
		got := estimate(tt.last, tt.in)
		if got.RateNow != tt.rate || (got.ETA-tt.eta).Abs() > time.Microsecond {
			t.Errorf("%s: %v/s and ETA %v, want %v/s and %v", tt.name, got.RateNow, got.ETA, tt.rate, tt.eta)
		}
	}
}

// Whoever shows while another is done must not write afterwards.
func TestLiveFromSeveralGoroutines(t *testing.T) {
	var b bytes.Buffer
	l := NewLive(&b, true, 80)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for k := range 50 {
				l.Show(at(float64(k), int64(i)))
			}
		})
	}
	l.Done()
	all.Wait()
	if got := onScreen(b.String()); got != "" {
		t.Errorf("%q stands after Done", got)
	}
}

func TestRewritesAndUTF8(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	tests := []struct {
		name     string
		terminal bool
		env      func(string) string
		want     Options
	}{
		{"a terminal", true, env("TERM", "xterm", "LANG", "en_US.UTF-8"), Options{Width: 90, Color: true}},
		{"a file", false, env("TERM", "xterm"), Options{Width: 90}},
		{"dumb", true, env("TERM", "dumb"), Options{Width: 90}},
		{"no color", true, env("TERM", "xterm", "NO_COLOR", "1"), Options{Width: 90}},
		{"empty NO_COLOR is none", true, env("TERM", "xterm", "NO_COLOR", ""), Options{Width: 90, Color: true}},
		{"C locale", false, env("LANG", "C"), Options{Width: 90, ASCII: true}},
		{"C.utf8", false, env("LANG", "C.utf8"), Options{Width: 90}},
		{"LC_ALL before LANG", false, env("LANG", "en_US.UTF-8", "LC_ALL", "POSIX"), Options{Width: 90, ASCII: true}},
		{"LC_CTYPE before LANG", false, env("LANG", "C", "LC_CTYPE", "UTF-8"), Options{Width: 90}},
	}
	for _, tt := range tests {
		if got := FromEnvironment(tt.terminal, 90, tt.env); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
