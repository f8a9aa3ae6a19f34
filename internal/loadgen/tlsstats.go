package loadgen

import (
	"maps"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
)

// TLS are handshakes that succeeded. Its zero value is none.
type TLS struct {
	Full, Resumed int64
	Took          *result.Histogram       // ns, from the ClientHello on; nil: none
	Agreed        map[secure.Agreed]int64 // on what, how often
	Alerts        map[string]int64        // of the peers, by their names in RFC 8446, how often
}

// alert counts an alert of the peer, if the error is one.
func (t *TLS) alert(err error) {
	name := secure.AlertOf(err)
	if name == "" {
		return
	}
	if t.Alerts == nil {
		t.Alerts = map[string]int64{}
	}
	t.Alerts[name]++
}

func (t *TLS) add(micros uint64, on secure.Agreed, resumed bool) {
	t.make()
	if resumed {
		t.Resumed++
	} else {
		t.Full++
	}
	t.Took.Record(int64(micros) * 1000)
	t.Agreed[on]++
}

func (t *TLS) make() {
	if t.Took == nil {
		t.Took, t.Agreed = result.NewHistogram(), map[secure.Agreed]int64{}
	}
}

// copyTo makes to equal to t, where that has changed.
func (t *TLS) copyTo(to *TLS) {
	if !maps.Equal(t.Alerts, to.Alerts) {
		to.Alerts = maps.Clone(t.Alerts)
	}
	if t.Took == nil || to.Took != nil && to.Took.Count() == t.Took.Count() {
		return
	}
	to.make()
	to.Full, to.Resumed, to.Agreed = t.Full, t.Resumed, maps.Clone(t.Agreed)
	to.Took.Set(t.Took)
}

func (t *TLS) merge(from *TLS) {
	for name, n := range from.Alerts {
		if t.Alerts == nil {
			t.Alerts = map[string]int64{}
		}
		t.Alerts[name] += n
	}
	if from.Took == nil {
		return
	}
	t.make()
	t.Full, t.Resumed = t.Full+from.Full, t.Resumed+from.Resumed
	t.Took.Merge(from.Took)
	for on, n := range from.Agreed {
		t.Agreed[on] += n
	}
}
