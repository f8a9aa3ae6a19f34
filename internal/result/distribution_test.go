package result

import "testing"

func TestDistribution(t *testing.T) {
	h := NewHistogram()
	for i := range int64(10_000) {
		h.Record((i + 1) * 1e6)
	}
	l := h.Summary()
	list := l.Distribution()
	at := func(share float64) int64 {
		for _, q := range list {
			if q.Share >= share {
				return q.Nanos
			}
		}
		return -1
	}
	if median := at(0.5); median < 4.9e9 || median > 5.1e9 {
		t.Errorf("median %d ns, want about 5 s", median)
	}
	if last := list[len(list)-1]; last != (Quantile{1, 10e9}) {
		t.Errorf("last %+v, want the longest", last)
	}
	for i, q := range list[1:] {
		if q.Share <= list[i].Share || q.Nanos < list[i].Nanos {
			t.Errorf("%+v after %+v", q, list[i])
		}
	}
	if len(list) < 30 || len(list) > 100 {
		t.Errorf("%d points", len(list))
	}
	if (*Latency)(nil).Distribution() != nil {
		t.Error("nothing measured has a distribution")
	}
	if s := (&Latency{Count: 3, P50: 1, P90: 2, P99: 3, P999: 4, Max: 5}).Distribution(); len(s) != 5 || s[4].Nanos != 5 {
		t.Errorf("summary only: %v", s)
	}
}
