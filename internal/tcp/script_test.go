package tcp

import (
	"fmt"
	"strings"
	"testing"
)

// The initial sequence numbers of scripts; a script's numbers count from them.
const (
	ourISN   = 0xffffff00 // so that every script wraps around
	theirISN = 0x7ffffff0
)

// script runs a conversation in the manner of packetdrill. Lines that begin
// with > (a segment sent) or @ (an event) are what the action before them must
// lead to, no more and no less; all others are actions:
//
//	< FLAGS SEQ:END ACK WINDOW [mss N]   a segment comes; SEQ:END is its place
//	send N, close, abort, flush, +N      the owner's calls; time goes on by N ms
//
// A segment sent is "> FLAGS SEQ:END ACK", with "mss N" for a SYN.
type script struct {
	*Stack
	t     *testing.T
	now   uint32
	heard []string
	react func(event string)
}

func newScript(t *testing.T) *script {
	s := &script{t: t, now: 0xfffffff0} // time wraps around too
	s.Stack = New(Config{Output: s, Events: s, MSS: 1460, ISN: func(int) uint32 { return ourISN }}, make([]Conn, 1))
	s.Sweep(s.now)
	return s
}

func (s *script) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	s.heard = append(s.heard, line)
	if s.react != nil {
		s.react(line)
	}
}

func (s *script) Transmit(_ int, o Out) {
	end := o.Seq - ourISN + uint32(o.Len)
	line := fmt.Sprintf("> %v %d:%d", o.Flags, o.Seq-ourISN, end)
	if o.Flags&ACK != 0 {
		line += fmt.Sprint(" ", o.Ack-theirISN)
	}
	if o.MSS != 0 {
		line += fmt.Sprint(" mss ", o.MSS)
	}
	if o.Len > 0 && o.Offset != o.Seq-ourISN-1 {
		s.t.Errorf("%s carries the stream from byte %d on", line, o.Offset)
	}
	s.note("%s", line)
}

func (s *script) Established(int)                  { s.note("@established") }
func (s *script) Data(_ int, b []byte)             { s.note("@data %d", len(b)) }
func (s *script) Acked(_ int, n uint32)            { s.note("@acked %d", n) }
func (s *script) End(int)                          { s.note("@end") }
func (s *script) Closed(_ int, why Cause, _ State) { s.note("@closed %v", why) }

// incoming reads "FLAGS SEQ:END ACK WINDOW [mss N]".
func (s *script) incoming(line string) Segment {
	var flags string
	var seq, end, ack, window, mss int
	if _, err := fmt.Sscanf(line, "%s %d:%d %d %d", &flags, &seq, &end, &ack, &window); err != nil {
		s.t.Fatalf("cannot read %q: %v", line, err)
	}
	if _, after, is := strings.Cut(line, "mss "); is {
		_, _ = fmt.Sscan(after, &mss)
	}
	g := Segment{Seq: theirISN + uint32(seq), Ack: ourISN + uint32(ack), Window: uint16(window), MSS: uint16(mss),
		Payload: make([]byte, end-seq)}
	for i, name := range "FSRP.U" {
		if strings.ContainsRune(flags, name) {
			g.Flags |= 1 << i
		}
	}
	return g
}

func (s *script) act(line string) {
	var n int
	switch verb, rest, _ := strings.Cut(line, " "); {
	case verb == "<":
		s.Input(0, s.incoming(rest))
	case verb == "open":
		s.Open(0)
	case verb == "send":
		_, _ = fmt.Sscan(rest, &n)
		s.Send(0, uint32(n))
	case verb == "close":
		s.Close(0)
	case verb == "abort":
		s.Abort(0)
	case verb == "flush":
		s.Flush()
	case verb == "unreachable":
		_, _ = fmt.Sscan(rest, &n)
		s.Unreachable(0, ourISN+uint32(n))
	case verb == "toobig":
		var mss int
		_, _ = fmt.Sscan(rest, &n, &mss)
		s.TooBig(0, ourISN+uint32(n), uint32(mss))
	case strings.HasPrefix(verb, "+"):
		_, _ = fmt.Sscan(verb[1:], &n)
		s.now += uint32(n)
		s.Sweep(s.now)
	default:
		s.t.Fatalf("cannot do %q", line)
	}
}

func (s *script) run(text string) {
	s.t.Helper()
	var action string
	var want []string
	check := func() {
		s.t.Helper()
		if got := strings.Join(s.heard, "\n"); got != strings.Join(want, "\n") {
			s.t.Fatalf("after %q:\n%s\nwant:\n%s", action, got, strings.Join(want, "\n"))
		}
	}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case line[0] == '>' || line[0] == '@':
			want = append(want, line)
		default:
			check()
			action, want, s.heard = line, nil, nil
			s.act(line)
		}
	}
	check()
}

// handshake opens a connection whose peer offers 65,535 bytes.
const handshake = `
	open
	> S 0:0 mss 1460
	< S. 0:0 1 65535 mss 1460
	@established
	flush
	> . 1:1 1
`

func TestScripts(t *testing.T) {
	for _, c := range []struct {
		name, text string
		state      State
		underWay   int
	}{
		{"handshake leaves nothing under way", handshake, Established, 0},
		{"SYN is repeated with back-off until the owner gives up", `
			open
			> S 0:0 mss 1460
			+999
			+1
			> S 0:0 mss 1460
			+1999
			+1
			> S 0:0 mss 1460
			+4000
			> S 0:0 mss 1460
			abort`, Closed, 0},
		{"SYN-ACK after a repeated SYN", `
			open
			> S 0:0 mss 1460
			+1000
			> S 0:0 mss 1460
			< S. 0:0 1 65535 mss 1460
			@established
			< S. 0:0 1 65535 mss 1460  // the answer to the first one
			> . 1:1 1`, Established, 0},
		{"refused", `
			open
			> S 0:0 mss 1460
			< R. 0:0 1 0
			@closed refused`, Closed, 0},
		{"an RST that does not acknowledge our SYN is not believed", `
			open
			> S 0:0 mss 1460
			< R. 0:0 7 0
			< R 0:0 0 0`, SynSent, 1},
		{"an answer to an older SYN is reset, and ours goes on", `
			open
			> S 0:0 mss 1460
			< S. 9:9 77 65535
			> R 77:77
			< . 9:9 77 65535
			> R 77:77
			< S. 0:0 1 65535 mss 1460
			@established`, Established, 0},
		{"simultaneous open", `
			open
			> S 0:0 mss 1460
			< S 0:0 0 65535 mss 1460
			> S. 0:0 1 mss 1460
			< S. 0:0 1 65535 mss 1460
			@established
			> . 1:1 1`, Established, 0},
		{"simultaneous open, its SYN-ACK repeated", `
			open
			> S 0:0 mss 1460
			< S 0:0 0 65535 mss 1460
			> S. 0:0 1 mss 1460
			+1000
			> S. 0:0 1 mss 1460
			< . 1:1 1 65535
			@established`, Established, 0},
		{"unreachable before it is established", `
			open
			> S 0:0 mss 1460
			unreachable 5 // not our SYN
			unreachable 0
			@closed unreachable`, Closed, 0},
		{"unreachable later is passing trouble", handshake + `
			send 10
			> P. 1:11 1
			unreachable 1`, Established, 1},
		{"request and answer, acknowledged by data", handshake + `
			send 64
			> P. 1:65 1
			< P. 1:65 65 65535
			@acked 64
			@data 64
			send 64
			> P. 65:129 65
			flush // nothing more to say
			< . 65:65 129 65535
			@acked 64`, Established, 0},
		{"a message of several segments", handshake + `
			send 3000
			> . 1:1461 1
			> . 1461:2921 1
			> P. 2921:3001 1
			< . 1:1 2921 65535
			@acked 2920
			< . 1:1 3001 65535
			@acked 80`, Established, 0},
		{"a peer that does not give its MSS", `
			open
			> S 0:0 mss 1460
			< S. 0:0 1 65535
			@established
			send 600
			> . 1:537 1
			> P. 537:601 1`, Established, 1},
		{"a peer that wants crumbs does not get them", `
			open
			> S 0:0 mss 1460
			< S. 0:0 1 65535 mss 8
			@established
			send 90
			> . 1:89 1
			> P. 89:91 1`, Established, 1},
		{"duplicate data is acknowledged and not delivered", handshake + `
			< P. 1:11 1 65535
			@data 10
			flush
			> . 1:1 11
			< P. 1:11 1 65535
			> . 1:1 11
			< P. 5:21 1 65535 // half of it is new
			@data 10
			flush
			> . 1:1 21`, Established, 0},
		{"data beyond a gap is asked for", handshake + `
			< P. 11:21 1 65535
			> . 1:1 1
			< P. 1:21 1 65535
			@data 20
			flush
			> . 1:1 21`, Established, 0},
		{"a keepalive probe is answered, with and without its byte", handshake + `
			< . 0:0 1 65535
			> . 1:1 1
			< . 0:1 1 65535
			> . 1:1 1`, Established, 0},
		{"lost data is repeated with back-off, and the rest follows", handshake + `
			send 3000
			> . 1:1461 1
			> . 1461:2921 1
			> P. 2921:3001 1
			+199
			+1
			> . 1:1461 1
			+400
			> . 1:1461 1
			< . 1:1 1461 65535
			> . 1461:2921 1
			> P. 2921:3001 1
			@acked 1460
			< . 1:1 3001 65535
			@acked 1540`, Established, 0},
		{"an acknowledgement that comes after the repeat is believed whole", handshake + `
			send 3000
			> . 1:1461 1
			> . 1461:2921 1
			> P. 2921:3001 1
			+200
			> . 1:1461 1
			< . 1:1 3001 65535
			@acked 3000`, Established, 0},
		{"three duplicate acknowledgements repeat at once", handshake + `
			send 5840
			> . 1:1461 1
			> . 1461:2921 1
			> . 2921:4381 1
			> P. 4381:5841 1
			< . 1:1 1 65535
			< . 1:1 1 65535
			< . 1:1 1 65535
			> . 1:1461 1
			< . 1:1 5841 65535
			@acked 5840`, Established, 0},
		{"the window bounds what is sent", `
			open
			> S 0:0 mss 1460
			< S. 0:0 1 100 mss 1460
			@established
			send 250
			> . 1:101 1
			< . 1:1 101 100
			> . 101:201 1
			@acked 100
			< . 1:1 201 100
			> P. 201:251 1
			@acked 100
			< . 1:1 251 100
			@acked 50`, Established, 0},
		{"a shut window is probed, with back-off, for as long as the peer answers", `
			open
			> S 0:0 mss 1460
			< S. 0:0 1 0 mss 1460
			@established
			send 10
			+200
			> P. 1:2 1
			< . 1:1 1 0
			+399
			+1
			> P. 1:2 1
			< . 1:1 1 0
			+800
			> P. 1:2 1
			< . 1:1 1 65535 // it opens
			> P. 1:11 1
			< . 1:1 11 65535
			@acked 10`, Established, 0},
		{"a probe's byte may be taken", `
			open
			> S 0:0 mss 1460
			< S. 0:0 1 0 mss 1460
			@established
			send 10
			+200
			> P. 1:2 1
			< . 1:1 2 65535
			> P. 2:11 1
			@acked 1
			< . 1:1 11 65535
			@acked 9`, Established, 0},
		{"a window that shuts while data is in flight", handshake + `
			send 10
			> P. 1:11 1
			< . 1:1 1 0
			+200
			> P. 1:2 1
			< . 1:1 11 0
			@acked 10`, Established, 0},
		{"we close first", handshake + `
			close
			> F. 1:1 1
			< . 1:1 2 65535
			< F. 1:1 2 65535
			@end
			> . 2:2 2
			@closed finished
			< F. 1:1 2 65535 // our answer was lost
			> . 2:2 2`, TimeWait, 0},
		{"FIN goes with the last byte, and is repeated", handshake + `
			send 10
			> P. 1:11 1
			< . 1:1 11 65535
			@acked 10
			send 20
			> P. 11:31 1
			close
			> F. 31:31 1
			+200
			> FP. 11:31 1
			< . 1:1 32 65535
			@acked 20`, FinWait2, 0},
		{"the peer closes first, and hears the rest", handshake + `
			< F. 1:1 1 65535
			@end
			flush
			> . 1:1 2
			send 10
			> P. 1:11 2
			< . 2:2 11 65535
			@acked 10
			close
			> F. 11:11 2
			< . 2:2 12 65535
			@closed finished`, Closed, 0},
		{"data and FIN in one segment", handshake + `
			< FP. 1:11 1 65535
			@data 10
			@end
			flush
			> . 1:1 12`, CloseWait, 0},
		{"simultaneous close", handshake + `
			close
			> F. 1:1 1
			< F. 1:1 1 65535
			@end
			flush
			> . 2:2 2
			< . 2:2 2 65535
			@closed finished`, TimeWait, 0},
		{"reset", handshake + `
			< R 1:1 0 0
			@closed reset`, Closed, 0},
		{"a reset elsewhere in the window is challenged", handshake + `
			< R 9:9 0 0
			> . 1:1 1
			< R 0:0 0 0 // outside the window: nothing
			< R. 70000:70000 1 0`, Established, 0},
		{"a SYN on an open connection is challenged", handshake + `
			< S 5:5 0 65535
			> . 1:1 1`, Established, 0},
		{"an acknowledgement of what was never sent is challenged", handshake + `
			< P. 1:11 9 65535
			> . 1:1 1`, Established, 0},
		{"one from before any window, too", handshake + `
			< P. 1:11 -70000 65535
			> . 1:1 1`, Established, 0},
		{"abort, and the peer that missed something", handshake + `
			send 10
			> P. 1:11 1
			abort
			> R. 11:11 1
			< . 1:1 1 65535 // its challenge ACK
			> R 1:1
			< P. 1:5 1 65535
			> R 1:1`, Closed, 0},
		{"a segment without ACK for nobody", `
			< S 4:4 0 65535
			> R. 256:256 5 // sequence number 0`, Closed, 0},
		{"an RST for nobody is not answered", `
			< R 4:4 0 0`, Closed, 0},
		{"too big: repeated in smaller segments", handshake + `
			send 1460
			> P. 1:1461 1
			toobig 1461 500 // beyond what was sent
			toobig 1 1000
			> . 1:1001 1
			> P. 1001:1461 1`, Established, 1},
		{"close before it is established", `
			open
			> S 0:0 mss 1460
			close
			< S. 0:0 1 65535
			> R 1:1`, Closed, 0},
		{"URG is data", handshake + `
			< PU. 1:2 1 65535
			@data 1`, Established, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			s.run(c.text)
			if got := s.State(0); got != c.state {
				t.Errorf("state %v, want %v", got, c.state)
			}
			if got := s.UnderWay(); got != c.underWay {
				t.Errorf("%d connections under way, want %d", got, c.underWay)
			}
		})
	}
}
