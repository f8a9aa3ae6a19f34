package ws

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// helper is gobwas's side of the extension.
var helper = wsflate.Helper{
	Compressor:   func(w io.Writer) wsflate.Compressor { f, _ := flate.NewWriter(w, flate.BestCompression); return f },
	Decompressor: func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) },
}

// TestDeflate: what we compress others read, and the other way round.
func TestDeflate(t *testing.T) {
	for _, text := range []string{"", "a", "Hello", strings.Repeat("tick ", 1000),
		string(bytes.Repeat([]byte{0, 0, 255, 255}, 9)), strings.Repeat("x", 1<<20)} {
		ours := AppendDeflated([]byte("before"), []byte(text))
		if again := AppendDeflated([]byte("before"), []byte(text)); !bytes.Equal(ours, again) {
			t.Errorf("%.10q is compressed to %d bytes, then to %d others", text, len(ours), len(again))
		}
		body, ok := bytes.CutPrefix(ours, []byte("before"))
		if read, err := helper.Decompress(body); err != nil || string(read) != text || !ok {
			t.Errorf("gobwas reads %d bytes of %d of ours, %v", len(read), len(text), err)
		}
		theirs, err := helper.Compress([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range [][]byte{body, theirs} {
			read, err := AppendInflated([]byte("before"), message, len(text))
			if err != nil || string(read) != "before"+text {
				t.Errorf("%d bytes of %d, %v", len(read), len(text), err)
			}
			if read, err := AppendInflated(nil, message, len(text)-1); len(text) > 0 &&
				(!errors.Is(err, ErrInflated) || len(read) > 0) {
				t.Errorf("one byte too many: %v", err)
			}
		}
	}
	// RFC 7692 section 7.2.3.1 and 7.2.3.4: "Hello" in one block, and in one that is the last.
	for _, hello := range []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"} {
		if read, err := AppendInflated(nil, []byte(hello), 100); err != nil || string(read) != "Hello" {
			t.Errorf("%x is %q, %v", hello, read, err)
		}
	}
	if _, err := AppendInflated(nil, []byte("\xff\xff"), 100); err == nil || errors.Is(err, ErrInflated) {
		t.Errorf("nonsense is inflated: %v", err)
	}
	bomb := AppendDeflated(nil, make([]byte, 64<<20))
	if read, err := AppendInflated(nil, bomb, 1<<20); !errors.Is(err, ErrInflated) || cap(read) > 4<<20 {
		t.Errorf("a bomb of %d bytes: %v, after %d bytes", len(bomb), err, cap(read))
	}
}

func TestDeflateHandshake(t *testing.T) {
	request, err := NewTemplate("h", "/", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	request.OfferDeflate()
	if got := string(request.AppendRequest(nil, 1)); len(got) != request.Size() ||
		!strings.Contains(got, "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "+
			"client_no_context_takeover\r\n") {
		t.Errorf("%d bytes, %q", request.Size(), got)
	}
	k := keyOf(1)
	for _, tt := range []struct {
		extensions string
		deflates   bool
		err        error
	}{
		{"", false, nil},
		{"Sec-WebSocket-Extensions:\r\n", false, nil},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n", true, nil},
		{"sec-websocket-extensions: Permessage-Deflate;server_no_context_takeover ; client_no_context_takeover\r\n",
			true, nil},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"10\"; server_no_context_takeover\r\n",
			true, nil},
		{"Sec-WebSocket-Extensions: permessage-deflate\r\n", false, ErrDeflate},
		{"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n", false, ErrDeflate},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=10\r\n",
			false, ErrDeflate},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=16\r\n",
			false, ErrDeflate},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_no_context_takeover\r\n",
			false, ErrDeflate},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover, permessage-deflate\r\n", false,
			ErrDeflate},
		{"Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n", false, ErrExtension},
		{strings.Repeat("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n", 2), false,
			ErrExtension},
	} {
		answer := append(appendAccept([]byte(switching), k[:]), ("\r\n" + tt.extensions + "\r\n")...)
		n, err := request.CheckResponse(answer, 1)
		if !errors.Is(err, tt.err) || err == nil && (n != len(answer) || request.Deflates(answer) != tt.deflates) {
			t.Errorf("%q: %d bytes, %v, deflates %v", tt.extensions, n, err, request.Deflates(answer))
		}
	}
}

// A compressed message is one only where that was agreed, and RSV1 is set on its first
// frame alone (RFC 7692 section 6.1).
func TestReadDeflated(t *testing.T) {
	frame := func(op gobwas.OpCode, fin, rsv bool, payload string) gobwas.Frame {
		f := gobwas.NewFrame(op, fin, []byte(payload))
		f.Header.Rsv = gobwas.Rsv(rsv, false, false)
		return f
	}
	for _, tt := range []struct {
		name   string
		frames []gobwas.Frame
		agreed bool
		want   string // pieces; in capitals if compressed
	}{
		{"one", []gobwas.Frame{frame(gobwas.OpText, true, true, "a"), frame(gobwas.OpText, true, false, "b")}, true,
			"A.b."},
		{"fragments", []gobwas.Frame{frame(gobwas.OpBinary, false, true, "ab"), frame(gobwas.OpPing, true, false, ""),
			frame(gobwas.OpContinuation, true, false, "c"),
			frame(gobwas.OpText, true, false, "d")}, true, "ABC.d."},
		{"not agreed", []gobwas.Frame{frame(gobwas.OpText, true, true, "a")}, false, "!compressed"},
		{"on a later frame", []gobwas.Frame{frame(gobwas.OpText, false, true, "a"),
			frame(gobwas.OpContinuation, true, true, "b")}, true, "A!"},
		{"on a ping", []gobwas.Frame{frame(gobwas.OpPing, true, true, "")}, true, "!"},
		{"on a ping, not agreed", []gobwas.Frame{frame(gobwas.OpPing, true, true, "")}, false, "!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all bytes.Buffer
			for _, f := range tt.frames {
				if err := gobwas.WriteFrame(&all, f); err != nil {
					t.Fatal(err)
				}
			}
			var r Reader
			next, got := r.Next, ""
			if tt.agreed {
				next = r.NextDeflated
			}
			for in := all.Bytes(); ; {
				ev, n := next(in)
				in = in[n:]
				switch {
				case ev.Kind == More:
				case ev.Kind == Error:
					got += "!"
					if ev.Compressed {
						got += "compressed"
					}
				case ev.Kind == Data:
					text := string(ev.Payload)
					if ev.Compressed {
						text = strings.ToUpper(text)
					}
					if got += text; ev.Final {
						got += "."
					}
				}
				if ev.Kind == More || ev.Kind == Error {
					break
				}
			}
			if got != tt.want || got[len(got)-1] == '.' && r != (Reader{}) {
				t.Errorf("%q, want %q; the reader is left as %+v", got, tt.want, r)
			}
		})
	}
}

// FuzzInflate: whatever a server sends, it is inflated within its bound or refused, and
// what we compress comes back.
func FuzzInflate(f *testing.F) {
	for _, text := range []string{"", "Hello", strings.Repeat("tick ", 100)} {
		f.Add(AppendDeflated(nil, []byte(text)))
	}
	f.Add([]byte("\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const most = 1 << 12
		if read, err := AppendInflated(nil, in, most); len(read) > most || err != nil && len(read) > 0 {
			t.Errorf("%d bytes of %d, %v", len(read), most, err)
		}
		if read, err := AppendInflated(nil, AppendDeflated(nil, in), len(in)); err != nil || !bytes.Equal(read, in) {
			t.Errorf("%q comes back as %q, %v", in, read, err)
		}
	})
}
