package proc

import (
	"reflect"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

func TestSub(t *testing.T) {
	bytes := func(v float64) *float64 { return &v }
	unknown := typical.at(0, 0)
	unknown.Server = nil
	for _, tt := range []struct {
		name          string
		before, after Snapshot
		want          result.Parts
	}{
		{"grown", typical.at(100, 0), typical.at(1100, 0),
			result.Parts{Kernel: 5534, Server: bytes(420), Client: bytes(28), Total: 5982}},
		{"server not known before", unknown, typical.at(1000, 0),
			result.Parts{Kernel: 5534, Client: bytes(28), Total: 5562}},
		{"nothing came", typical.at(100, 0), typical.at(100, 0), result.Parts{}},
		{"shrunk", typical.at(100, 0), typical.at(50, 0), result.Parts{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.after.Sub(tt.before).PerConn()
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("PerConn = %+v, want %+v", got, tt.want)
			}
		})
	}
	if g := typical.at(50, 0).Sub(typical.at(100, 0)); g.Conns != -50 || g.Kernel != -50*5534 || g.System != -50*5982 {
		t.Errorf("Sub = %+v, want what came back as negative", g)
	}
}
