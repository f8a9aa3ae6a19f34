package diagnose

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
)

// TestBusyPartsAddUp: the parts that "all processors busy" names are the whole,
// and soft interrupts are no part beside the threads that they are charged to.
func TestBusyPartsAddUp(t *testing.T) {
	for _, tt := range []struct {
		name                       string
		busy, softirq              float64 // of two cores, in ten seconds
		server, client             float64
		finding, evidence          string
		wantServer, wantClient     float64 // cores
		wantOthers, wantsStrangers float64
	}{
		{"soft interrupts charged to the threads", 19.6, 7.4, 9.4, 9.8, ProcessorsBusy,
			"98 % busy: server 47 %, client 49 %, others 2 %; of all this, soft interrupts 37 %", 0.94, 0.98, 0.04, 0.04},
		{"soft interrupts on their own", 19.6, 7.4, 6, 6, ProcessorsBusy,
			"98 % busy: server 30 %, client 30 %, others 38 %; of all this, soft interrupts 37 %", 0.6, 0.6, 0.76, 0.02},
		{"otherPrograms", 20, 1, 5, 4, OthersBusy,
			"100 % busy: server 25 %, client 20 %, others 55 %; of all this, soft interrupts 5 %", 0.5, 0.4, 1.1, 1},
		{"clocks that disagree", 19.6, 2, 10.1, 10, ProcessorsBusy,
			"98 % busy: server 50 %, client 50 %, others 0 %; of all this, soft interrupts 10 %", 1, 1, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := time.Unix(1000, 0)
			moment := func(share float64) Moment {
				core := proc.Core{Busy: share * tt.busy / 2, Softirq: share * tt.softirq / 2}
				return Moment{At: at.Add(time.Duration(share) * 10 * time.Second), Cores: proc.Cores{Each: []proc.Core{core, core}},
					Server: []Process{{PID: 1, Threads: []proc.Thread{{TID: 1, Run: share * tt.server}}}},
					Client: []Process{{PID: 2, Threads: []proc.Thread{{TID: 2, Run: share * tt.client}}}}}
			}
			w := Window{Before: moment(0), After: moment(1)}
			got := w.whoHas()
			for _, v := range []struct {
				of        string
				got, want float64
			}{{"server", got.server.run, tt.wantServer}, {"client", got.client.run, tt.wantClient},
				{"others", got.others, tt.wantOthers}, {"otherPrograms", got.otherPrograms, tt.wantsStrangers}} {
				if math.Abs(v.got-v.want) > 1e-9 {
					t.Errorf("%s has %.3f cores, want %.3f", v.of, v.got, v.want)
				}
			}
			said := ""
			for _, f := range processorsBusy(&w) {
				said += fmt.Sprintf("%s: %s\n", f.Code, report.Finding(f).Evidence)
			}
			if !strings.HasPrefix(said, tt.finding) || !strings.Contains(said, tt.evidence) {
				t.Errorf("found %q, want %s with %q", said, tt.finding, tt.evidence)
			}
		})
	}
}
