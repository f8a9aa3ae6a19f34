//go:build !race

// The race detector makes sync.Pool forget on purpose, so allocations are
// counted without it.

package ws

import (
	"testing"
	"unsafe"
)

func TestNoAllocation(t *testing.T) {
	tmpl, err := NewTemplate("127.0.0.1:15000", "/echo?x=1", [][2]string{{"Origin", "http://localhost"}}, "chat")
	if err != nil {
		t.Fatal(err)
	}
	request := tmpl.AppendRequest(nil, 7)
	_, answer, _ := Upgrade(request, nil, Limits{})
	buf := make([]byte, 0, 1024)
	payload, reply := []byte(long(64)), server(raw{first: fin | OpText, payload: long(64)})
	var r Reader
	cases := map[string]func(){
		"Upgrade":       func() { Upgrade(request, buf, Limits{}) },
		"AppendRequest": func() { tmpl.AppendRequest(buf, 7) },
		"CheckResponse": func() { tmpl.CheckResponse(answer, 7) },
		"AppendFrame":   func() { AppendFrame(buf, OpText, payload, testKey) },
		"CloseFrame":    func() { CloseFrame(buf, CodeGoingAway, "bye") },
		"Reader":        func() { r.Next(reply) },
	}
	for _, b := range echoBenches {
		cases["Echo "+b.name] = func() { b.e.run() }
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(200, f); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
		})
	}
}

// The sizes that the package comment promises.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Reader{}); n > 4 {
		t.Errorf("a Reader has %d bytes, more than 4", n)
	}
	if n := unsafe.Sizeof(Session{}); n > 64 {
		t.Errorf("a Session has %d bytes, more than 64", n)
	}
}
