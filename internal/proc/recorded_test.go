package proc

import "testing"

// recorded is a machine whose files are in testdata: 6.18 as recorded, 5.15
// and 6.1 in their kernels' layouts. All have pages of 4096 bytes.
func recorded(t testing.TB, kernel string) FS {
	t.Helper()
	p, err := New("testdata/"+kernel+"/proc", "testdata/"+kernel+"/sys")
	if err != nil {
		t.Fatal(err)
	}
	p.page = 4096
	return p
}

func here(t testing.TB) FS {
	t.Helper()
	p, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
