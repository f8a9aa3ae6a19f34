package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// recycledSoak is of a server whose workers grow and are replaced.
func recycledSoak(verdict result.GrowthVerdict) *result.Result {
	s := &result.Soak{LoadHeld: true, Server: &result.Growth{Verdict: verdict, PerHour: 1e5, Low: -1e5, High: 3e5,
		Last: 2.5e7, Seconds: 480}, Recycled: &result.Recycled{Count: 30, Lost: 1,
		P99: ptr(int64(16_384_000)), RestP99: ptr(int64(8_192_000)), Troughs: 28, Trough: ptr(2.5e7), Peak: ptr(4e7),
		List: []result.Recycling{{Worker: 1, PID: 70, T: 5, Seconds: 1.5, Conns: 20, Lost: 1,
			P99: ptr(int64(16_384_000)), Before: ptr(2e7), After: ptr(1e7)}, {Worker: 2, PID: 71, T: 15, Seconds: 1.25,
			Conns: 18}}}}
	for i := range 40 {
		old, young := 1e7+5e5*float64(i%20), 1e7+5e5*float64((i+10)%20)
		total := old + young + 5e6
		s.Series = append(s.Series, result.SoakSample{T: float64(i), Server: &total, Workers: []result.WorkerMemory{
			{Worker: i / 20, PID: 70 + i/20, Bytes: old}, {Worker: 2, PID: 90, Bytes: young}}})
	}
	r := minimal()
	r.Scenario, r.Soak = "soak", s
	return r
}

// The saw-tooth of a server that replaces its workers: each worker's memory and the
// sum, what each recycling was like, and what all of them cost.
func TestRecycled(t *testing.T) {
	r := recycledSoak(result.Flat)
	var text, csv bytes.Buffer
	if err := WriteLab(&text, r, Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	golden(t, "recycled", text.Bytes())
	if err := WriteCSV(&csv, r); err != nil || !strings.HasPrefix(csv.String(), "t,server_bytes,kernel_bytes,fds,"+
		"close_wait,worker_0_bytes,worker_1_bytes,worker_2_bytes\n0,30000000,,,,10000000,,15000000\n") {
		t.Errorf("%v, %q", err, csv.String())
	}
	page := pageOf(t, r)
	for _, want := range []string{">worker 0<", ">worker 1<", ">worker 2<", "Workers replaced"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for i := range 20 {
		r.Soak.Series[0].Workers = append(r.Soak.Series[0].Workers, result.WorkerMemory{Worker: i})
	}
	if n := workersOf(r.Soak); n != nil {
		t.Errorf("columns for 20 workers: %v", n)
	}
}

// What is said of its memory: only what is left after each recycling is a leak.
func TestRecycledWords(t *testing.T) {
	for verdict, want := range map[result.GrowthVerdict]string{
		result.Flat:      "No leak that recycling leaves: the server is back at 23.8 MiB; what could hide",
		result.Leaks:     "LEAK: from one recycling to the next the server grows by",
		result.Settled:   "No leak that recycling leaves: what the server has after each grew at first and less",
		result.TooLittle: "Undecided: from one recycling to the next the server grew by",
		result.Undecided: "Undecided: after 30 recyclings it cannot be told from noise",
	} {
		said := Verdict(recycledSoak(verdict))
		if !strings.HasPrefix(said, want) || !strings.Contains(said, ". 30 workers replaced, one at a time: between two "+
			"the server's memory goes from 23.8 MiB to 38.1 MiB; meanwhile 1 connection lost and 0 connects failed, and "+
			"99 % of the answers came within 16.4 ms, of all other time within 8.19 ms") {
			t.Errorf("%s: %q, want %q and the cost", verdict, said, want)
		}
	}
}
