package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// seen is full with what only pages show.
func seen() *result.Result {
	r := full()
	r.Command = []string{"client", "hold", "--conns", "2_500_000", "--fail-if", "setup.rate<70k", "--header", "X: it's"}
	h := result.NewHistogram()
	for i := range int64(5000) {
		h.Record(20_000 + i*i*5)
	}
	r.Setup.Latency = h.Summary()
	for i := int64(1); i < 10; i++ {
		r.Memory.Samples = append(r.Memory.Samples, result.Sample{T: float64(i) * 4, Conns: i * 250_000,
			Used: result.Used{Kernel: uint64(78_760_782 + i*250_000*8090),
				Server: ptr(uint64(114_646_016 + i*250_000*441)), Client: uint64(9_975_808 + i*250_000*26), System: 1}})
	}
	r.Thresholds = []result.Verdict{{Threshold: "setup.rate<70k", Metric: "setup.rate", Value: ptr(60_024.),
		Limit: ptr(70_000.), Failed: true},
		{Threshold: "r2<99%", Metric: "memory.fit.r2", Value: ptr(0.99997), Limit: ptr(0.99)},
		{Threshold: "p99>1ms", Metric: "setup.handshake.p99", Failed: true}}
	r.Warnings, r.Behind = warned("a doubt"), true
	r.Heat = &result.Heat{Seconds: 0.5, Bounds: []int64{64e3, 128e3, 256e3}, Counts: [][]int64{{0, 99, 1, 0},
		{0, 40, 50, 10}, {1, 2, 3, 4}}}
	r.Findings = []result.Finding{stored("accept queue", 90, "31 overflows", "Clients wait.", "raise somaxconn")}
	r.Protocols = []result.Protocol{{Proto: "tcp", Conns: result.Conns{Attempted: 2, Established: 2}, SetupRate: 1234.5,
		Connect: r.Setup.Latency},
		{Proto: "ws", Conns: result.Conns{Errors: result.ErrorCounts{"handshake_status_404": 3, "connect_timeout": 17}},
			Handshake: r.Setup.Latency, Echo: &result.Echo{Received: 7}}}
	r.StoredTables = []result.Table{{Title: "Cost by size", Columns: []result.Column{{Name: "of", Unit: unit.InText},
		{Name: "bytes", Unit: unit.InBytes}}, Rows: [][]any{{"small", 512.}, {"large", 2048.}, {"unknown", nil}},
		Plot: "bytes", Note: "Large costs more."}}
	return r
}

func pageOf(t *testing.T, r *result.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteHTML(t *testing.T) {
	for name, r := range map[string]*result.Result{"seen": seen(), "minimal": minimal(), "failed": failed(),
		"interrupted": interrupted()} {
		got := pageOf(t, r)
		golden(t, name+".html", []byte(got))
		alone(t, got)
	}
}

var (
	style  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	policy = regexp.MustCompile(`style-src &#39;sha256-(.*?)&#39;`)
	link   = regexp.MustCompile(
		`(?i)<(script|link|img|iframe|object|embed|form|a|base|video|audio)[\s>]|` +
			`\b(src|href|style|on[a-z]+)\s*=\s*"|url\(|@import`)
)

// alone wants a page that needs nothing else and may do nothing else.
func alone(t *testing.T, page string) {
	t.Helper()
	css, hash := style.FindStringSubmatch(page), policy.FindStringSubmatch(page)
	if css == nil || hash == nil || !strings.Contains(page, "default-src &#39;none&#39;") {
		t.Fatal("no style or no policy")
	}
	sum := sha256.Sum256([]byte(css[1]))
	if want := base64.StdEncoding.EncodeToString(sum[:]); strings.ReplaceAll(hash[1], "&#43;", "+") != want {
		t.Errorf("the policy has style %s, the style is %s", hash[1], want)
	}
	if bad := link.FindString(page); bad != "" {
		at := strings.Index(page, bad)
		t.Errorf("there is %q: %q", bad, page[max(0, at-100):min(len(page), at+100)])
	}
	if n := strings.Count(page, "<style"); n != 1 {
		t.Errorf("%d styles", n)
	}
}

// hostile fills every string of a value with s, and every list and pointer.
func hostile(v reflect.Value, s string, depth int) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(s)
		}
	case reflect.Pointer:
		if depth > 20 { // a cause may have causes without end
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		hostile(v.Elem(), s, depth+1)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			hostile(v.Field(i), s, depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			hostile(v.Index(i), s, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		hostile(value, s, depth+1)
		v.SetMapIndex(reflect.ValueOf(s), value)
	case reflect.Int64:
		v.SetInt(5)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Interface:
		v.Set(reflect.ValueOf(s))
	}
}

// Nothing that came from a file or from a peer becomes markup.
func TestHostileStrings(t *testing.T) {
	for _, s := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`,
		`</style><script>x</script>`, `</title></svg><a href="javascript:x">`, "]]>&amp;<!--", "'-alert(1)-'",
		"\x00\x1b]0;x\x07\u202e\xff"} {
		r := new(result.Result)
		hostile(reflect.ValueOf(r).Elem(), s, 0)
		if strings.Contains(s, "<") && strings.Count(pageOf(t, r), "&lt;") < 20 {
			t.Errorf("%q is hardly in the page: the test is blind", s)
		}
		c, err := Compare([]Group{{s, []string{s}, []*result.Result{r}},
			{s + "2", []string{s, s}, []*result.Result{r, r}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Verdicts = append(c.Verdicts, GroupVerdict{s, result.Verdict{Threshold: s, Metric: s}})
		var b bytes.Buffer
		if err := c.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		for _, page := range []string{pageOf(t, r), b.String()} {
			alone(t, page)
			if strings.Contains(s, "<") && strings.Contains(page, s) {
				t.Errorf("%q is in the page as it is", s)
			}
		}
	}
}

// A page of any numbers can be written: values that make no sense draw nothing
// or something, but never fail.
func TestAnyNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var scramble func(v reflect.Value)
	scramble = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Float64:
			v.SetFloat([]float64{0, -1, 1e18, 1e-9, random.NormFloat64() * 1e6}[random.IntN(5)])
		case reflect.Int64, reflect.Int:
			v.SetInt([]int64{0, -1, 1 << 50, random.Int64N(1e6)}[random.IntN(4)])
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() && v.Kind() == reflect.Pointer {
				scramble(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					scramble(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				scramble(v.Index(i))
			}
		}
	}
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		r := seen()
		scramble(reflect.ValueOf(r).Elem())
		alone(t, pageOf(t, r))
	}
}

func TestShellQuote(t *testing.T) {
	for _, tt := range []struct {
		in   []string
		want string
	}{
		{[]string{"client", "--conns", "10M", "--host=::1"}, "client --conns 10M --host=::1"},
		{[]string{"", "a b", "it's", "$x `y` \"z\" \\"}, `'' 'a b' 'it'\''s' '$x ` + "`y`" + ` "z" \'`},
		{[]string{"--fail-if", "setup.rate<30k", "größe"}, "--fail-if 'setup.rate<30k' 'größe'"},
		{[]string{"a\nb\x1b[31m'\\", "\xff"}, `$'a\x0ab\x1b[31m\'\\' $'\xff'`},
	} {
		if got := ShellQuote(tt.in); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.in, got, tt.want)
		}
	}
}

// A long table over time becomes a curve and is shown at its ends; one that
// cannot be a curve is not drawn at all.
func TestLongTables(t *testing.T) {
	r := minimal()
	byTime := result.Table{Title: "Memory over time", Columns: []result.Column{{Name: "time", Unit: unit.InSeconds},
		{Name: "server", Unit: unit.InBytes}}, Plot: "server"}
	byName := result.Table{Title: "By name", Columns: []result.Column{{Name: "name", Unit: unit.InText},
		{Name: "cost", Unit: unit.InBytes}}, Plot: "cost"}
	for i := range 1440 {
		byTime.Rows = append(byTime.Rows, []any{float64(i) * 60, float64(i * i)})
		byName.Rows = append(byName.Rows, []any{fmt.Sprint("n", i), float64(i)})
	}
	byTime.Rows[7][1] = nil // not measured
	r.StoredTables = []result.Table{byTime, byName}
	got := pageOf(t, r)
	if n := strings.Count(got, `class="plot plot-lines"`); n != 2 { // two widths
		t.Errorf("%d curves", n)
	}
	if strings.Contains(got, "plot-bars") || strings.Count(got, "1,380 rows more in the result file") != 2 ||
		strings.Count(got, "<tr") > 200 {
		t.Errorf("%d rows", strings.Count(got, "<tr"))
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHTMLReportsWriteErrors(t *testing.T) {
	if err := WriteHTML(brokenWriter{}, minimal()); err == nil || !strings.Contains(err.Error(), "write page") {
		t.Errorf("%v", err)
	}
}

func BenchmarkWriteHTML(b *testing.B) {
	r := seen()
	for b.Loop() {
		if err := WriteHTML(io.Discard, r); err != nil {
			b.Fatal(fmt.Errorf("write: %w", err))
		}
	}
}
