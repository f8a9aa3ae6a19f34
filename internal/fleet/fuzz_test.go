package fleet

import "testing"

// FuzzMessages: no message, of whatever origin, crashes a decoder, and what is taken
// is within bounds.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{"", "{", "null", "[]", `{"run":"a","seq":1,"gate":"ramp","sample":{"open":1}}`,
		`{"run":"a.b"}`, `{"run":"a","from":-1}`,
		`{"run":"a","file":"lines","from":1,"size":4,"part":"AAAA"}`,
		`{"file":"ca","from":9223372036854775807,"size":3}`, `{"file":"lines"}`,
		`{"wire":1,"run":"a","lead":"\u001b[2J"}`, `{"size":1,"part":"AAAA"}`, `{"limits":[{"Max":-1}]}`,
		`{"error":"` + "\xff" + `"}`,
		`{"name":"c10m-agent","id":"x","metadata":{"wire":"1","net":"-1"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := decodeClaim(data); err == nil && (!isToken(c.Run) || len(c.Lead) > 4*maxName) {
			t.Errorf("claim %+v is taken", c)
		}
		if o, err := decodeOrder(data); err == nil {
			if o.From < 0 || o.Run != "" && !isToken(o.Run) || o.Size > MaxFiles || len(o.Sums) > mostFiles {
				t.Errorf("order %+v is taken", o)
			}
			j := &stint{files: map[string][]byte{"lines": []byte("ab")}}
			before := len(j.files["lines"])
			there, err := j.take(o)
			if err == nil && (there > o.Size || there != int64(len(j.files[o.File]))) ||
				len(j.files["lines"]) < before {
				t.Errorf("a part %+v is taken, %d bytes are there: %v", o, there, err)
			}
		}
		if a, err := decodeAnswer(data); err == nil &&
			(a.Size < 0 || len(a.Part) > partSize || len(a.Error) > 4*maxText) {
			t.Errorf("answer %+v is taken", a)
		}
		if s, err := decodeState(data); err == nil && (s.Size < 0 || s.Done < 0 || len(s.Gate) > 4*maxName) {
			t.Errorf("state %+v is taken", s)
		}
		if a, err := decodeAbout(data); err == nil && (!isToken(a.ID) || a.Name == "") {
			t.Errorf("agent %+v is taken", a)
		}
	})
}

// FuzzJoin: what is taken for a join file can be dialled, or fails with an error.
func FuzzJoin(f *testing.F) {
	f.Add([]byte(`{"wire":1,"address":"127.0.0.1:4222","token":"a"}`))
	f.Add([]byte(`{"wire":1,"address":"[::1]:99999","token":"a","pin":"zz"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if j, err := parseJoin(data); err == nil && (j.Wire != Wire || !isToken(j.Token) || j.Address == "") {
			t.Errorf("%+v is taken", j)
		}
	})
}

// FuzzRefusal: the hub's lines have words of strangers in them.
func FuzzRefusal(f *testing.F) {
	f.Add("10.0.0.7:1 - cid:5 - authentication error - User \"\x1b[2J\"")
	f.Fuzz(func(t *testing.T, line string) {
		for _, c := range refusalOf(line) {
			if c < ' ' {
				t.Errorf("a control character of %q", line)
			}
		}
	})
}
