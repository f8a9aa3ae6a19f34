package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func write(t *testing.T, r *Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	for name, want := range map[string]*Result{"complete": complete(), "minimal": minimal()} {
		got, err := Read(strings.NewReader(write(t, want)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: wrote %+v\nread %+v", name, want, got)
		}
	}
}

// TestWithheld: a cost that is withheld is no number of the file, but what was in
// use and the reason are.
func TestWithheld(t *testing.T) {
	r := complete()
	noisy := Warn("noisy_nothing").Count("enough", 10_000)
	r.Memory.Withheld, r.Agents, r.AgentCost = &noisy, nil, nil
	text := write(t, r)
	got, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	m := got.Memory
	if m.Withheld == nil || m.Withheld.Code != "noisy_nothing" || m.Withheld.Numbers["enough"] != 10_000 ||
		m.Method != "slabinfo" || m.Measured() || m.Held == nil || m.TotalPerConn != 0 {
		t.Errorf("read %+v", m)
	}
	for _, name := range []string{"bytes_per_conn", "at_10m", "plain", "fit"} {
		if strings.Contains(text, name) {
			t.Errorf("the file has %s", name)
		}
	}
}

// complete must name every field, or the round trip would miss one.
func TestCompleteIsComplete(t *testing.T) {
	r := complete()
	r.Memory.Withheld = ptr(caused()) // or else a cost, never both
	if bad := unset(reflect.ValueOf(r), "Result"); bad != "" {
		t.Errorf("complete() leaves %s unset", bad)
	}
}

// unset names the first field that is zero; first elements stand for slices, and a
// cause for its own causes.
func unset(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return path
		}
		if strings.HasSuffix(path, ".Cause") {
			return ""
		}
		return unset(v.Elem(), path)
	case reflect.Slice:
		if v.Len() == 0 {
			return path
		}
		if v.Type().Elem() == reflect.TypeFor[Point]() {
			return "" // a curve begins at 0
		}
		return unset(v.Index(0), path+"[0]")
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if bad := unset(v.Field(i), path+"."+f.Name); bad != "" {
					return bad
				}
			}
		}
		return ""
	}
	if v.IsZero() {
		return path
	}
	return ""
}

// paths lists every field that a file has, as a.b.c.
func paths(t *testing.T, text string) (list []string) {
	t.Helper()
	var top any
	if err := json.Unmarshal([]byte(text), &top); err != nil {
		t.Fatal(err)
	}
	var walk func(any, string)
	walk = func(v any, path string) {
		object, ok := v.(map[string]any)
		if !ok {
			list = append(list, path)
			return
		}
		for name, field := range object {
			walk(field, strings.TrimPrefix(path+"."+name, "."))
		}
	}
	walk(top, "")
	slices.Sort(list)
	return list
}

func TestAbsent(t *testing.T) {
	base := []string{"conns.attempted", "conns.established", "conns.failed", "conns.lost", "plan.conns",
		"plan.fd_tables",
		"plan.ports", "plan.sources", "plan.threads", "proto", "scenario", "schema", "started"}
	tests := []struct {
		name string
		in   func(*Result)
		want []string // beside base
	}{
		{"nothing measured", func(*Result) {}, nil},
		{"an empty count of errors", func(r *Result) { r.Conns.Errors = ErrorCounts{} }, nil},
		{"an empty histogram", func(r *Result) { r.Setup = &Setup{Seconds: 1, Latency: NewHistogram().Summary()} },
			[]string{"setup.seconds"}},
		{"memory in use only", func(r *Result) { r.Memory = &Memory{After: &Used{Kernel: 1, Client: 2, System: 3}} },
			[]string{"memory.after.client", "memory.after.kernel", "memory.after.system"}},
		{"no server to ask", func(r *Result) { r.Memory = &Memory{Method: "meminfo", Fit: Fit{Slope: 1, Samples: 2}} },
			[]string{"memory.both_ends", "memory.fit.samples", "memory.fit.slope",
				"memory.kernel_bytes_per_conn", "memory.kernel_bytes_per_socket", "memory.method",
				"memory.plain.kernel", "memory.plain.total", "memory.total_bytes_per_conn"}},
		{"a measured 0 stays", func(r *Result) { r.Echo, r.Reconcile = &Echo{}, &Counts{Server: ptr(int64(0))} },
			[]string{"echo.lost", "echo.mismatched", "echo.received", "echo.sent", "reconcile.client",
				"reconcile.server"}},
		{"CPU of the client only", func(r *Result) { r.CPU = &CPU{Client: 1} }, []string{"cpu.client_seconds"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := minimal()
			tt.in(r)
			want := slices.Sorted(slices.Values(slices.Concat(base, tt.want)))
			if got := paths(t, write(t, r)); !slices.Equal(got, want) {
				t.Errorf("the file has %q\nwant %q", got, want)
			}
		})
	}
}

// The names that design.md promises to other readers.
func TestContract(t *testing.T) {
	got := paths(t, write(t, complete()))
	for _, want := range strings.Fields(
		`schema scenario proto started host.kernel host.cpus host.memory_bytes host.nofile host.go host.commit
		plan.conns plan.ports plan.sources plan.threads plan.rate conns.attempted conns.established conns.failed conns.lost
		conns.errors.connect_refused setup.seconds setup.rate setup.latency.p50 setup.latency.p90 setup.latency.p99 setup.latency.p999
		setup.latency.max setup.curve memory.method memory.kernel_bytes_per_conn memory.kernel_bytes_per_socket
		memory.server_bytes_per_conn memory.client_bytes_per_conn memory.total_bytes_per_conn memory.caches memory.fit.slope
		memory.fit.r2 memory.fit.samples echo.sent echo.received echo.lost echo.mismatched echo.rate echo.latency.p50
		cpu.server_seconds cpu.client_seconds cpu.softirq_seconds warnings`) {
		if !slices.Contains(got, want) {
			t.Errorf("the file has no %s", want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	good := write(t, complete())
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the file has no %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	tests := []struct{ name, in, want string }{
		{"empty", " \n", "read result: it is empty"},
		{"an array", `[1]`, "read result: a JSON array, want an object"},
		{"another JSON", `{"a":1}`, `read result: no schema, want "c10m/result/2": not a result file of c10m`},
		{"a later schema with other types", `{"schema":"c10m/result/3","conns":7}`,
			`read result: schema "c10m/result/3", want "c10m/result/2"`},
		{"what client compare wrote", `{"schema":"c10m/compare/1"}`,
			`read result: schema "c10m/compare/1": a comparison of runs, want a run, "c10m/result/2"`},
		{"what bench wrote", `{"schema":"c10m/bench/1"}`,
			`read result: schema "c10m/bench/1": a comparison of runs, want a run, "c10m/result/2"`},
		{"a sweep's best", with(`"best_variant": 1`, `"best_variant": 2`), "read result: sweep: variant 2 of 2"},
		{"a sweep's equals", with(`"pick": 1`, `"pick": -1`), "read result: sweep: variant -1 of 2"},
		{"schema of another type", `{"schema":2}`, "read result: schema: a JSON number, want string"},
		{"not JSON", "established: 7", "read result: broken JSON at byte 1: invalid character 'e' looking for " +
			"beginning of value"},
		{"cut", good[:100], "read result: broken JSON: it ends early, after 100 bytes"},
		{"something after it", good + "{}", "broken JSON at byte"},
		{"text for a number", with(`"attempted": 120`, `"attempted": "120"`),
			"read result: conns.attempted: a JSON string, want int64"},
		{"a fraction for a count", with(`"attempted": 120`, `"attempted": 1.5`),
			"read result: conns.attempted: a JSON number 1.5, want int64"},
		{"attempted", with(`"attempted": 120`, `"attempted": 121`),
			"read result: conns: 121 attempted is not 100 established + 20 failed"},
		{"lost", with(`"lost": 3`, `"lost": 103`),
			"read result: conns: 103 lost is more than 100 established and 2 reconnected"},
		{"reconnected", with(`"reconnected": 2`, `"reconnected": 4`),
			"read result: conns: 4 reconnected is more than 3 lost"},
		{"negative", with(`"failed": 20`, `"failed": -20`), "read result: conns: -20 is outside 0..2^53"},
		{"too large", with(`"failed": 20`, `"failed": 9007199254740993`),
			"read result: conns: 9007199254740993 is outside 0..2^53"},
		{"errors", with(`"connect_refused": 20`, `"connect_refused": -1`),
			"read result: conns.errors.connect_refused: -1 is outside 0..2^53"},
		{"seconds", with(`"seconds": 2.5`, `"seconds": -2.5`),
			"read result: setup: a number is negative: seconds -2.5, rate 40, client_seconds 2.25"},
		{"processor time", with(`"server_seconds": 1.5`, `"server_seconds": -1.5`),
			"read result: cpu: -1.5 seconds are negative"},
		{"curve", with(`"t": 2.25`, `"t": 1`), "read result: setup.curve: point 2 at 1 s is not after the one before"},
		{"curve count", with(`"conns": 60`, `"conns": -60`), "read result: setup.curve: -60 is outside 0..2^53"},
		{"quantiles", with(`"p50": `, `"p50": 9`), "do not rise"},
		{"histogram", with(`"encoded": "`, `"encoded": "?`),
			"read result: setup.latency: decode latency histogram: illegal base64 data at input byte 0"},
		{"histogram's count", with(`"count": 100`, `"count": 99`),
			"read result: setup.latency: decode latency histogram: it holds 100 values, count says 99"},
		{"echo", with(`"sent": 100`, `"sent": -1`), "read result: echo: -1 is outside 0..2^53"},
		{"plan", with(`"ports": 2`, `"ports": -2`), "read result: plan: -2 is outside 0..2^53"},
		{"spread", with(`"min": 48`, `"min": 53`),
			"read result: spread over ports: 53 to 52 with mean 50 over 2 cannot be"},
		{"reconcile", with(`"kernel": 196`, `"kernel": 9223372036854775807`),
			"read result: reconcile: 9223372036854775807 is outside -2^53..2^53"},
		{"started", with(`"started": "2026`, `"started": "yesterday`), "read result: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestReadTakes(t *testing.T) {
	good := write(t, minimal())
	tests := []struct{ name, in string }{
		{"a field of a later version", strings.Replace(good, `"proto"`, `"colour": {"r": 1}, "proto"`, 1)},
		{"space after it", good + " \n\n"},
		{"a mean that lost its last digit",
			strings.Replace(good, `"proto"`,
				`"spread":[{"over":"ports","n":3,"min":5,"mean":4.999999999,"max":5}], "proto"`, 1)},
		{"a server's count below 0", strings.Replace(good, `"proto"`, `"reconcile":{"client":3,"server":-2}, "proto"`,
			1)},
	}
	for _, tt := range tests {
		if _, err := Read(strings.NewReader(tt.in)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestReadBreaks(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if _, err := Read(zeros{}); err == nil || !strings.Contains(err.Error(), "larger than 67108864 bytes") {
		t.Errorf("an endless file: error %v", err)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestWriteErrors(t *testing.T) {
	tests := []struct {
		name, want string
		in         func(*Result)
	}{
		{"NaN", "write result: memory.fit.r2 is not a finite number", func(r *Result) { r.Memory.Fit.R2 = math.NaN() }},
		{"infinite", "write result: setup.curve[1].rate is not a finite number",
			func(r *Result) { r.Setup.Curve[1].Rate = math.Inf(1) }},
		{"behind a pointer", "write result: cpu.softirq_seconds is not a finite number",
			func(r *Result) { r.CPU.Softirq = ptr(math.Inf(-1)) }},
		{"in a part of a sample", "write result: memory.samples[0].t is not a finite number",
			func(r *Result) { r.Memory.Samples[0].T = math.NaN() }},
	}
	for _, tt := range tests {
		r := complete()
		tt.in(r)
		if err := Write(io.Discard, r); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
	full := errors.New("no space left on device")
	if err := Write(failing{full}, minimal()); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestShort(t *testing.T) {
	tests := []struct {
		name string
		in   func(*Result)
		want bool
	}{
		{"as asked", func(*Result) {}, false},
		{"fewer", func(r *Result) { r.Plan.Conns++ }, true},
		{"lost", func(r *Result) { r.Conns.Lost = 1 }, true},
		{"all echoes", func(r *Result) { r.Echo = &Echo{Sent: 3, Received: 3} }, false},
		{"a lost echo", func(r *Result) { r.Echo = &Echo{Lost: 1} }, true},
		{"a wrong echo", func(r *Result) { r.Echo = &Echo{Mismatched: 1} }, true},
	}
	for _, tt := range tests {
		r := minimal()
		tt.in(r)
		if got := r.Short(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A file of the schema before is read, and what it found out is kept as it stands.
// One with a byte order mark is no worse.
func TestReadSchema1(t *testing.T) {
	b, err := os.ReadFile("testdata/schema1-churn.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"recorded": b,
		"with a byte order mark": append([]byte("\ufeff"), b...)} {
		r, err := Read(bytes.NewReader(content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Scenario != "churn" || len(r.StoredTables) != 1 || len(r.StoredTables[0].Rows) != 13 ||
			!strings.Contains(r.StoredVerdict, "TIME_WAIT") || r.Churn != nil {
			t.Errorf("%s: %s with tables %+v, verdict %q", name, r.Scenario, r.StoredTables, r.StoredVerdict)
		}
		told, stored := r.Findings[0].Stored()
		if f := r.Findings[0]; f.Code != "others_use_the_processors" || f.Severity != 77 || !stored ||
			told.Name != "others use the processors" || !strings.HasPrefix(told.Evidence, "2 cores, 92 % busy") ||
			!strings.HasPrefix(told.Meaning, "Other programs") || !strings.HasPrefix(told.Cure, "end them") {
			t.Errorf("%s: finding %+v", name, f)
		}
		var again bytes.Buffer
		if err := Write(&again, r); err != nil {
			t.Fatal(err)
		}
		if same, err := Read(&again); err != nil || !reflect.DeepEqual(same, r) {
			t.Errorf("%s: written and read again it is %+v, %v", name, same, err)
		}
	}
}
