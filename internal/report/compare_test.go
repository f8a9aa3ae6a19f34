package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// repetition is full, with another cost and rate.
func repetition(cost, rate float64) *result.Result {
	r := seen()
	r.StoredTables, r.Findings, r.Thresholds, r.Protocols, r.Behind = nil, nil, nil, nil, false
	r.Memory.TotalPerConn, r.Setup.Rate = cost, rate
	return r
}

// compared are three runs, two with other figures, and one that measured
// little.
func compared(t *testing.T, way string) *Comparison {
	t.Helper()
	files := []string{"base1.json", "base2.json", "base3.json", "mine1.json", "mine2.json", "other.json"}
	runs := []*result.Result{repetition(8500, 60e3), repetition(8600, 61e3), repetition(8550, 57e3),
		repetition(9000, 66e3), repetition(9100, 59e3), failed()}
	var thresholds []result.Threshold
	for _, text := range []string{"total_bytes_per_conn>+5%", "setup.rate<-10%", "memory.fit.r2<99%"} {
		th, err := result.ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		thresholds = append(thresholds, th)
	}
	c, err := Compare(GroupRuns(way, files, runs), thresholds)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompareGolden(t *testing.T) {
	c := compared(t, GroupAuto)
	for name, width := range map[string]int{"compare": 80, "compare_wide": 120} {
		var b bytes.Buffer
		if err := c.WriteText(&b, Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
		for line := range strings.Lines(b.String()) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
	var b bytes.Buffer
	if err := c.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.html", b.Bytes())
	alone(t, b.String())
}

func TestCompareNumbers(t *testing.T) {
	c := compared(t, GroupAuto)
	if len(c.groups) != 3 || c.groups[0].Name != "base" || len(c.groups[1].Runs) != 2 {
		t.Fatalf("%+v", c.groups)
	}
	cost, rate := c.cellOf("memory.total_bytes_per_conn", 1), c.cellOf("setup.rate", 1)
	if cost.value != 9050 || cost.ratio != 9050./8550 || cost.overlaps || cost.spread() != "±0.6 %" {
		t.Errorf("cost %+v %s", cost, cost.spread())
	}
	if rate.value != 62_500 || !rate.overlaps {
		t.Errorf("rate %+v: the runs overlap", rate)
	}
	if r2 := c.cellOf("memory.fit.r2", 2); r2.known {
		t.Errorf("r2 %+v was not measured", r2)
	}
	failed := map[string]bool{}
	for _, v := range c.Verdicts {
		failed[v.Group+" "+v.Threshold] = v.Failed
	}
	for name, want := range map[string]bool{"mine total_bytes_per_conn>+5%": true, "mine setup.rate<-10%": false,
		"mine memory.fit.r2<99%":         false,
		"other total_bytes_per_conn>+5%": false, "other setup.rate<-10%": true, "other memory.fit.r2<99%": true} {
		if got, ok := failed[name]; got != want || !ok {
			t.Errorf("%s: failed %v, %v", name, got, ok)
		}
	}
	if !c.Failed() || len(failed) != 6 {
		t.Errorf("%v", failed)
	}
}

// The same for machines: by the paths of a result file, null where a group did
// not measure it.
func TestCompareJSON(t *testing.T) {
	var b bytes.Buffer
	if err := compared(t, GroupAuto).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var f comparisonFile
	if err := json.Unmarshal(b.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	if f.Schema != CompareSchema || !f.Failed || len(f.Verdicts) != 6 || len(f.Groups) != 3 ||
		f.Groups[1].Name != "mine" || !slices.Equal(f.Groups[1].Files, []string{"mine1.json", "mine2.json"}) {
		t.Errorf("%s, failed %v, %d verdicts, groups %+v", f.Schema, f.Failed, len(f.Verdicts), f.Groups)
	}
	if v := f.Verdicts[0]; v.Group != "mine" || v.Threshold != "total_bytes_per_conn>+5%" || *v.Value != 9050 ||
		!v.Verdict.Failed {
		t.Errorf("%+v", v)
	}
	if !slices.ContainsFunc(f.Differences, func(d differenceFile) bool {
		return d.Name == "host.cpus" && slices.Equal(d.Values, []string{"2", "2", "1"})
	}) {
		t.Errorf("%+v", f.Differences)
	}
	all := map[string][]*numberFile{}
	for _, m := range f.Metrics {
		for _, n := range m.Groups {
			if n != nil {
				n.Chance = nil // of three and two runs, see TestCompareChance
			}
		}
		all[m.Metric] = m.Groups
	}
	number := func(median, least, most, ratio float64, overlaps bool) *numberFile {
		n := &numberFile{Median: &median, Min: &least, Max: &most, Overlaps: overlaps}
		if ratio != 0 {
			n.Ratio = &ratio
		}
		return n
	}
	for path, want := range map[string][]*numberFile{
		"memory.total_bytes_per_conn": {{Median: ptr(8550.), Min: ptr(8500.), Max: ptr(8600.)},
			number(9050, 9000, 9100, 9050./8550, false), number(4100, 4100, 4100, 4100./8550, false)},
		"setup.rate": {number(60e3, 57e3, 61e3, 0, false), number(62_500, 59e3, 66e3, 62.5/60, true),
			number(9398, 9398, 9398, 9398./60e3, false)},
		"memory.fit.r2": {number(0.99997, 0.99997, 0.99997, 0, false),
			number(0.99997, 0.99997, 0.99997, 1, false), nil},
		"conns.errors.connect_refused": {number(0, 0, 0, 0, false), number(0, 0, 0, 0, false),
			number(700, 700, 700, 0, false)},
		"echo.latency.p50": {number(8_063_000, 8_063_000, 8_063_000, 0, false),
			number(8_063_000, 8_063_000, 8_063_000, 1, false), nil},
		"plan.hold":     {number(10e9, 10e9, 10e9, 0, false), number(10e9, 10e9, 10e9, 1, false), nil},
		"host.settings": nil,
	} {
		if !reflect.DeepEqual(all[path], want) {
			t.Errorf("%s: %+v, want %+v", path, all[path], want)
		}
	}
}

// What is below zero is noise about nothing, and no multiple of it means anything.
func TestNoRatioToLessThanNothing(t *testing.T) {
	a, b := full(), full()
	a.Memory.Plain.Client, b.Memory.Plain.Client = ptr(-4.9), ptr(-32.6)
	c, err := Compare([]Group{{"x", []string{"a"}, []*result.Result{a}}, {"y", []string{"b"}, []*result.Result{b}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if one := c.cellOf("memory.plain.client", 1); !one.known || one.value != -32.6 || one.ratio != 0 {
		t.Errorf("%+v, want no ratio", one)
	}
}

func TestGroupRuns(t *testing.T) {
	big := func() *result.Result { r := minimal(); r.Plan.Conns = 7; return r }
	auto := func(n int64) *result.Result {
		r := minimal()
		r.Plan.Conns, r.Plan.LimitedBy = n, "memory"
		return r
	}
	served := func(engine string) *result.Result { r := minimal(); r.ServerEngine = engine; return r }
	one := minimal
	for _, tt := range []struct {
		name, way string
		files     []string
		runs      []*result.Result
		want      string
	}{
		{"numbers are repetitions", GroupAuto, []string{"a1.json", "b1.json", "a2.json", "b-2.json"},
			[]*result.Result{one(), one(), one(), one()}, "a:2 b:2"},
		{"before and after are not", GroupAuto, []string{"before.json", "after.json"}, []*result.Result{one(), one()},
			"before:1 after:1"},
		{"two runs are compared, not pooled", GroupAuto, []string{"run1.json", "run2.json"},
			[]*result.Result{one(), one()}, "run1:1 run2:1"},
		{"but pooled when asked to", GroupName, []string{"run1.json", "run2.json"}, []*result.Result{one(), one()},
			"run:2"},
		{"other plans are not repetitions", GroupAuto, []string{"c1.json", "c7.json", "x.json"},
			[]*result.Result{one(), big(), one()}, "c1:1 c7:1 x:1"},
		{"another engine of the server is no repetition", GroupAuto, []string{"c1.json", "c2.json"},
			[]*result.Result{one(), served("epoll")}, "c1:1 c2:1"},
		{"what auto decided may differ", GroupAuto, []string{"m1.json", "m2.json", "x.json"},
			[]*result.Result{auto(5), auto(6), one()}, "m:2 x:1"},
		{"none", GroupNone, []string{"a1.json", "a2.json", "b1.json"}, []*result.Result{one(), one(), one()},
			"a1:1 a2:1 b1:1"},
		{"directories", GroupDir, []string{"old/1.json", "new/1.json", "old/2.json"},
			[]*result.Result{one(), one(), one()}, "old:2 new:1"},
		{"the same names in two directories", GroupAuto, []string{"old/a1.json", "new/a1.json", "old/a2.json"},
			[]*result.Result{one(), one(), one()}, "old/a:2 new/a:1"},
		{"only numbers", GroupAuto, []string{"1.json", "2.json"}, []*result.Result{one(), one()}, "1:1 2:1"},
		{"a file twice", GroupNone, []string{"a.json", "a.json"}, []*result.Result{one(), one()}, "a:1 a:1"},
	} {
		var got []string
		for _, g := range GroupRuns(tt.way, tt.files, tt.runs) {
			got = append(got, g.Name+":"+string(rune('0'+len(g.Runs))))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
}

// What differs between the groups, or within one, is said; what is alike is not.
// Each of the kernel's settings stands for itself.
func TestDifferences(t *testing.T) {
	a, b, c := full(), full(), full()
	b.Host.Kernel, c.Host.CPUs, c.Plan.Hold = "6.18.2", 4, 20e9
	c.Host.Settings["net.core.somaxconn"] = "128"
	c.Host.BootID, c.Host.Net = "started again", 7
	c.Agents = make([]result.Agent, 3)
	b.ServerEngine, c.ServerEngine = "gnet", "epoll" // a is of a version that did not say it
	want := []string{"agents: - / 3", "host.cpus: 2 / 4", "host.kernel: 6.18.1, 6.18.2 / 6.18.1",
		"net.core.somaxconn: 65535 / 128", "plan.hold: 10.0 s / 20.0 s", "server_engine: gnet / epoll"}
	if got := differ(t, a, b, c); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	b.Host.Settings = nil // a file from before they were kept
	if got := differ(t, a, b, c); !slices.Equal(got, slices.Delete(want, 3, 4)) {
		t.Errorf("%q, want no setting of the kernel", got)
	}
}

// differ compares two runs of one group with a third.
func differ(t *testing.T, a, b, c *result.Result) (list []string) {
	t.Helper()
	comparison, err := Compare([]Group{{"x", []string{"a", "b"}, []*result.Result{a, b}},
		{"y", []string{"c"}, []*result.Result{c}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range comparison.differences() {
		list = append(list, d.name+": "+strings.Join(d.values, " / "))
	}
	return list
}

// chances compares so many runs of each, whose rates are those given.
func chances(t *testing.T, base, mine []float64) *Comparison {
	t.Helper()
	group := func(name string, rates []float64) Group {
		g := Group{Name: name}
		for i, rate := range rates {
			r := repetition(8500, rate)
			r.Setup.Latency.P99 = int64(1e9 - rate) // less is better there
			g.Files, g.Runs = append(g.Files, fmt.Sprint(name, i)), append(g.Runs, r)
		}
		return g
	}
	c, err := Compare([]Group{group("base", base), group("mine", mine)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Repeated runs come with a verdict and the chance that it is noise; a single pair
// is said to prove nothing.
func TestCompareChance(t *testing.T) {
	low, high := []float64{100, 101, 102, 103, 104}, []float64{110, 111, 112, 113, 114}
	for _, tt := range []struct {
		name       string
		base, mine []float64
		word       string
		says       []string
	}{
		{"better", low, high, wordBetter,
			[]string{"mine: better in setup.rate +9.8 % (chance 0.8 %), setup.latency.p99", "Of twenty figures"}},
		{"worse", high, low, wordWorse, []string{"mine: worse in setup.rate -8.9 % (chance 0.8 %)"}},
		{"noise", low, []float64{99, 101.5, 102.5, 103.5, 105}, "",
			[]string{"mine: no difference in ", "that noise could not make"}},
		{"one pair", low[:1], high[:1], "", []string{"mine: one pair proves nothing (1 run of base, 1 run of mine)"}},
		{"one against many", low, high[:1], "", []string{"one pair proves nothing (5 runs of base, 1 run of mine)"}},
		{"too few", low[:3], high[:3], "",
			[]string{"3 and 3 runs cannot be told from noise, however far apart they are: 4 of each can"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := chances(t, tt.base, tt.mine)
			if one := c.cellOf("setup.rate", 1); one.word != tt.word {
				t.Errorf("the rate is %q, chance %v; want %q", one.word, one.chance, tt.word)
			}
			if one := c.cellOf("setup.latency.p99", 1); one.word != tt.word {
				t.Errorf("the latency is %q; want %q", one.word, tt.word)
			}
			said := ""
			for _, row := range c.judgementTable().Rows {
				said += row.Name + ": " + row.Note + "\n"
			}
			for _, words := range tt.says {
				if !strings.Contains(said, words) {
					t.Errorf("%q lacks %q", said, words)
				}
			}
			var text, page, file bytes.Buffer
			if err := errors.Join(c.WriteText(&text, Options{Color: true}), c.WriteHTML(&page),
				c.WriteJSON(&file)); err != nil {
				t.Fatal(err)
			}
			if tt.word == "" {
				return
			}
			ratio := c.cellOf("setup.rate", 1).against()
			if !strings.Contains(text.String(), "\x1b["+classColors[wordClass[tt.word]]+"m"+ratio) ||
				!strings.Contains(page.String(), `<td class="`+wordClass[tt.word]+`">`) ||
				!strings.Contains(file.String(), `"verdict": "`+tt.word+`"`) {
				t.Errorf("%s is not shown in color in the text, in the page and in the file:\n%s", tt.word,
					text.String())
			}
		})
	}
}

// The time of what never comes is shown as such, and is no number of a file.
func TestCompareNever(t *testing.T) {
	lasting, ending := minimal(), minimal()
	lasting.Churn, ending.Churn = &result.Churn{}, &result.Churn{Exhausts: true, ExhaustedAfter: ptr(30.)}
	th, err := result.ParseThreshold("churn.exhausted_after_seconds<60")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare([]Group{{"lasting", []string{"a"}, []*result.Result{lasting}},
		{"ending", []string{"b"}, []*result.Result{ending}}}, []result.Threshold{th})
	if err != nil {
		t.Fatal(err)
	}
	var text, file bytes.Buffer
	if err := errors.Join(c.WriteText(&text, Options{}), c.WriteJSON(&file)); err != nil {
		t.Fatal(err)
	}
	if !c.Failed() || !strings.Contains(text.String(), "never") || !strings.Contains(file.String(), `"never": true`) {
		t.Errorf("failed %v\n%s", c.Failed(), text.String())
	}
}
