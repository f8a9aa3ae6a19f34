package result

import (
	"bytes"
	"testing"
)

// FuzzRead: what Read takes can be written and merged, and reads back as the
// same. Its corpus is in testdata/fuzz/FuzzRead.
func FuzzRead(f *testing.F) {
	for _, r := range []*Result{minimal(), complete()} {
		var b bytes.Buffer
		if err := Write(&b, r); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := Read(bytes.NewReader(in))
		if err != nil {
			if r != nil {
				t.Fatalf("a result and the error %v", err)
			}
			return
		}
		var first, second bytes.Buffer
		if err := Write(&first, r); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%v in what we wrote:\n%s", err, first.String())
		}
		if err := Write(&second, again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("wrote %s\nthen  %s", first.String(), second.String())
		}
		if sum, err := Merge(r, again); err == nil && sum.Conns.Attempted != 2*r.Conns.Attempted {
			t.Fatalf("%d merged with itself is %d", r.Conns.Attempted, sum.Conns.Attempted)
		}
	})
}
