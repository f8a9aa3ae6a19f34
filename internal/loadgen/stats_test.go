package loadgen

import (
	"reflect"
	"testing"
)

// Every count has its place in what a loop publishes, and none another's.
func TestCountsFields(t *testing.T) {
	var c Counts
	v := reflect.ValueOf(&c).Elem()
	if v.NumField() != nCounts {
		t.Fatalf("Counts has %d fields, nCounts is %d", v.NumField(), nCounts)
	}
	for i := range nCounts {
		v.Field(i).SetInt(int64(i + 1))
	}
	var p published
	p.store(&c)
	if got := p.load(); got != c {
		t.Errorf("published %+v, of %+v", got, c)
	}
	sum := c
	sum.add(c)
	for i := range nCounts {
		if got := reflect.ValueOf(sum).Field(i).Int(); got != int64(2*(i+1)) {
			t.Errorf("%s: twice %d is %d", v.Type().Field(i).Name, i+1, got)
		}
	}
}
