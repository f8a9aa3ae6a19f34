package ws

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
)

// What a server agrees to of what clients offer, and what it passes over: only what an echo
// of their own bytes can keep.
func TestAgreesToDeflate(t *testing.T) {
	const plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tt := range []struct{ offer, want string }{
		{"permessage-deflate", plain},
		{"permessage-deflate; client_max_window_bits", plain},                                 // Chrome, ws for Node
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", plain}, // ours
		{"Permessage-Deflate ; Client_Max_Window_Bits=10", plain},
		{"permessage-deflate; server_max_window_bits=12; client_max_window_bits",
			plain + "; server_max_window_bits=12; client_max_window_bits=12"},
		{"permessage-deflate; server_max_window_bits=12; client_max_window_bits=\"9\"",
			plain + "; server_max_window_bits=12; client_max_window_bits=9"},
		{"permessage-deflate; server_max_window_bits=15", plain + "; server_max_window_bits=15"},
		{"permessage-deflate; server_max_window_bits=10", ""}, // its own window cannot be bounded
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", plain},
		{"x-webkit-deflate-frame, permessage-deflate", plain},
		{"permessage-bzip2", ""},
		{"permessage-deflate; unknown", ""},
		{"permessage-deflate; server_max_window_bits", ""},
		{"permessage-deflate; server_max_window_bits=16", ""},
		{"permessage-deflate; client_max_window_bits=7", ""},
		{"permessage-deflate; server_no_context_takeover=1", ""},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", ""},
		{"permessage-deflate;", ""},
		{"", ""},
	} {
		request := []byte(handshake("Sec-WebSocket-Extensions: " + tt.offer))
		n, response, ok := Upgrade(request, nil, Limits{Deflate: true})
		_, got, _ := strings.Cut(string(response), "Sec-WebSocket-Extensions: ")
		got, _, _ = strings.Cut(got, "\r\n")
		if !ok || n != len(request) || got != tt.want || Deflates(request) != (tt.want != "") {
			t.Errorf("%q: %q, %v, deflates %v; want %q", tt.offer, got, ok, Deflates(request), tt.want)
		}
		if _, response, _ := Upgrade(request, nil, Limits{}); bytes.Contains(response, []byte("Extensions")) {
			t.Errorf("%q: agreed to without having been asked to: %q", tt.offer, response)
		}
	}
	// What ours offers is what ours agrees to, and takes.
	request, err := NewTemplate("h", "/", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	request.OfferDeflate()
	_, response, _ := Upgrade(request.AppendRequest(nil, 7), nil, Limits{Deflate: true})
	if n, err := request.CheckResponse(response, 7); err != nil || n != len(response) || !request.Deflates(response) {
		t.Errorf("%d, %v: %q", n, err, response)
	}
}

// echoed gives chunks to Echo, one read each.
func echoed(lim Limits, chunks ...[]byte) (out []byte, v Verdict) {
	var held []byte
	var s *Session
	for _, c := range chunks {
		in := append(held, c...)
		var n int
		var o []byte
		s, o, n, _, v = Echo(s, in, lim)
		out = append(out, o...)
		if s = s.Sent(); v.Closed() {
			break
		}
		held = bytes.Clone(in[n:])
	}
	s.Free()
	return out, v
}

// messagesIn are the data messages that a server sent: the first byte of their first
// frame, and the payload of all.
func messagesIn(t *testing.T, out []byte) (all []string) {
	t.Helper()
	message := ""
	for r := bytes.NewReader(out); r.Len() > 0; {
		h, err := gobwas.ReadHeader(r)
		if err != nil || h.Masked || h.Length > int64(r.Len()) {
			t.Fatalf("sent an illegal frame: %+v, %v", h, err)
		}
		payload := make([]byte, h.Length)
		_, _ = r.Read(payload)
		switch {
		case h.OpCode.IsControl():
			continue
		case h.OpCode != gobwas.OpContinuation:
			message = string([]byte{byte(h.OpCode) | h.Rsv<<4})
		case h.Rsv != 0:
			t.Errorf("a continuation has RSV %b", h.Rsv)
		}
		if message += string(payload); h.Fin {
			all = append(all, message)
		}
	}
	return all
}

// Compressed messages come back as they came, whole, in fragments or streamed, and only
// where that was agreed on; what is not compressed is checked as ever.
func TestEchoOfCompressed(t *testing.T) {
	packed := string(AppendDeflated(nil, []byte(strings.Repeat("the same again, ", 90))))
	noise := string(AppendDeflated(nil, bytes.Repeat([]byte{0xFF, 0xFE, 'x'}, 10))) // no UTF-8, which nobody sees
	random := make([]byte, 3*MaxHeld)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	large := string(AppendDeflated(nil, random))
	text := func(payload string) string { return string([]byte{OpText | Compressed}) + payload }
	for _, tt := range []struct {
		name   string
		frames []raw
		want   []string
	}{
		{"one frame", []raw{{first: fin | Compressed | OpText, payload: packed}}, []string{text(packed)}},
		{"no UTF-8 within", []raw{{first: fin | Compressed | OpText, payload: noise}}, []string{text(noise)}},
		{"fragments", []raw{{first: Compressed | OpText, payload: packed[:9]}, {first: fin | OpPing, payload: "p"},
			{first: OpContinuation, payload: packed[9:20]}, {first: fin | OpContinuation, payload: packed[20:]}},
			[]string{text(packed)}},
		{"streamed", []raw{{first: fin | Compressed | OpText, payload: large}}, []string{text(large)}},
		{"both kinds", []raw{{first: fin | Compressed | OpText, payload: packed}, {first: fin | OpText, payload: "plain"},
			{first: fin | Compressed | OpText, payload: noise}},
			[]string{text(packed), string([]byte{OpText}) + "plain", text(noise)}},
	} {
		in := client(tt.frames...)
		check := func(split string, chunks [][]byte) {
			got, v := echoed(Limits{Deflate: true}, chunks...)
			if v.Closed() || !slices.Equal(messagesIn(t, got), tt.want) {
				t.Errorf("%s, %s: %+v, or other messages came back", tt.name, split, v)
			}
		}
		for seed := range uint64(20) {
			check("chopped", chop(in, seed))
		}
		if len(in) < 1000 {
			splits(in, check)
		}
		if _, v := echoed(Limits{}, in); v.Code != CodeProtocol {
			t.Errorf("%s, not agreed on: %+v", tt.name, v)
		}
	}
	for name, in := range map[string][]byte{
		"RSV1 on a ping": client(raw{first: fin | Compressed | OpPing}),
		"RSV1 on a continuation": client(raw{first: Compressed | OpText, payload: packed[:5]},
			raw{first: fin | Compressed | OpContinuation, payload: packed[5:]}),
		"RSV2": client(raw{first: fin | 0x20 | OpText, payload: packed})} {
		if _, v := echoed(Limits{Deflate: true}, in); v.Code != CodeProtocol {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if _, v := echoed(Limits{Deflate: true}, client(raw{first: fin | OpText, payload: "\xff"})); v.Code != CodeUTF8 {
		t.Errorf("plain text that is none: %+v", v)
	}
}
