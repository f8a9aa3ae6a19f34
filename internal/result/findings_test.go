package result

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Findings of older files are sentences: they are kept, and get the code that such a
// finding has today.
func TestStoredFinding(t *testing.T) {
	for in, code := range map[string]string{
		`{"name":"local ports used up","severity":97,"evidence":"e","meaning":"m","cure":"c"}`: "local_ports_used_up",
		`{"name":"peers dropped: slow_reader","severity":88}`:                                  "peers_dropped_slow_reader",
		`{"name":"idle, yet slow","severity":75}`:                                              "idle_yet_slow",
		`{"name":"TIME_WAIT table full"}`:                                                      "time_wait_table_full",
	} {
		var f, again Finding
		if err := json.Unmarshal([]byte(in), &f); err != nil {
			t.Fatal(err)
		}
		if told, stored := f.Stored(); f.Code != code || !stored || told.Name == "" {
			t.Errorf("%s is read as %+v, want the code %s", in, f, code)
		}
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("%s is read again as %+v, %v", b, again, err)
		}
	}
	want := Found("server_full", 93).Count("held", 20).Word("whose", "server")
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var f Finding
	if err := json.Unmarshal(b, &f); err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("%s is read as %+v, %v", b, f, err)
	}
	if _, stored := f.Stored(); stored {
		t.Error("facts are taken for sentences")
	}
}
