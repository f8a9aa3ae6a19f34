package result

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func TestHistogramSummary(t *testing.T) {
	tests := []struct {
		name string
		in   []int64 // ns
		want *Latency
	}{
		{"empty", nil, nil},
		{"one", []int64{9_999_600}, &Latency{Count: 1, P50: 9_999_600, P90: 9_999_600, P99: 9_999_600, P999: 9_999_600,
			Max: 9_999_600}},
		{"below the range", []int64{-5, 0, 999}, &Latency{Count: 3, P50: 1000, P90: 1000, P99: 1000, P999: 1000, Max: 1000}},
		{"rounded to microseconds", []int64{1_499, 1_500, 200_000}, &Latency{Count: 3, P50: 2_000, P90: 200_000,
			P99: 200_000, P999: 200_000, Max: 200_000}},
		{"beyond the range", []int64{1000, 500e9, math.MaxInt64}, &Latency{Count: 3, P50: 120_061_951_000,
			P90: 120_061_951_000, P99: 120_061_951_000, P999: 120_061_951_000, Max: math.MaxInt64}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := NewHistogram()
			for _, ns := range tt.in {
				h.Record(ns)
			}
			got := h.Summary()
			if got != nil {
				got.Encoded = ""
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Two significant digits: no quantile is off by more than 1 %.
func TestHistogramPrecision(t *testing.T) {
	h := NewHistogram()
	for us := int64(1); us <= 1_000_000; us++ {
		h.Record(us * 1000)
	}
	s := h.Summary()
	for _, q := range []struct {
		name      string
		got, want int64
	}{{"p50", s.P50, 500e6}, {"p90", s.P90, 900e6}, {"p99", s.P99, 990e6}, {"p99.9", s.P999, 999e6}} {
		if off := math.Abs(float64(q.got)/float64(q.want) - 1); off > 0.01 {
			t.Errorf("%s = %d ns, want %d: off by %.2f %%", q.name, q.got, q.want, 100*off)
		}
	}
	if s.Max != 1e9 || s.Count != 1e6 {
		t.Errorf("max %d, count %d; both are exact", s.Max, s.Count)
	}
}

func TestHistogramSize(t *testing.T) {
	if got := NewHistogram().h.ByteSize(); got > 22<<10 {
		t.Errorf("a histogram takes %d bytes; the doc comment says 21 KiB", got)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	h, ns := NewHistogram(), int64(1)
	if n := testing.AllocsPerRun(1000, func() { h.Record(ns); ns = ns * 3 % 200e9 }); n != 0 {
		t.Errorf("Record allocates %v times", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	h := NewHistogram()
	b.ReportAllocs()
	for i := range b.N {
		h.Record(int64(i) * 1000)
	}
}

// Recording in parts, writing each down, reading and merging gives the very
// histogram of the whole.
func TestHistogramMergeIsLossless(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	whole, parts := NewHistogram(), []*Histogram{NewHistogram(), NewHistogram(), NewHistogram()}
	for range 20_000 {
		ns := int64(math.Exp(random.Float64() * 26)) // 1 ns to 195 s
		whole.Record(ns)
		parts[random.IntN(3)].Record(ns)
	}
	sum := NewHistogram()
	for _, p := range parts {
		back, err := p.Summary().Histogram()
		if err != nil {
			t.Fatal(err)
		}
		sum.Merge(back)
	}
	if got, want := sum.Summary(), whole.Summary(); !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v\nwhole  %+v", got, want)
	}
}

// The fullest histogram that can be: its encoding must pass the bound.
func TestHistogramEncodedBound(t *testing.T) {
	random, h := rand.New(rand.NewPCG(3, 4)), NewHistogram()
	for us := int64(1); us <= highestMicros; us += 1 + us/300 {
		_ = h.h.RecordValues(us, random.Int64N(1<<50))
	}
	h.longest = highestMicros * 1000
	s := h.Summary()
	if len(s.Encoded) > maxEncoded {
		t.Errorf("%d bytes, bound %d", len(s.Encoded), maxEncoded)
	}
	if _, err := s.Histogram(); err != nil {
		t.Error(err)
	}
}

func TestLatencyHistogramErrors(t *testing.T) {
	h := NewHistogram()
	h.Record(5000)
	good := h.Summary().Encoded
	other, err := hdrhistogram.New(1, 3_600_000_000, 3).Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		in   Latency
		want string
	}{
		{"absent", Latency{Count: 1}, "only its summary"},
		{"not base64", Latency{Count: 1, Encoded: "?"}, "illegal base64"},
		{"cut", Latency{Count: 1, Encoded: good[:len(good)-8]}, "decode latency histogram"},
		{"too long", Latency{Count: 1, Encoded: strings.Repeat("A", maxEncoded+1)}, "at most 40000 are legal"},
		{"another count", Latency{Count: 2, Encoded: good}, "it holds 1 values, count says 2"},
		{"another range", Latency{Count: 1, Encoded: string(other)}, "want 1..120000000 with 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.in.Histogram(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
