package ws

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// errClose ends a stream that holds a close frame; what is in the frame is for
// the first oracle to judge.
var errClose = errors.New("close frame")

// secondOracle is what gobwas's own reader makes of a client's stream: its
// messages, and why there are no more. It takes lengths that are not minimal, and
// close codes that may not be.
func secondOracle(in []byte, most int64) (messages []string, end error) {
	r := wsutil.Reader{Source: bytes.NewReader(in), State: gobwas.StateServerSide, CheckUTF8: true, MaxMessageSize: most,
		OnIntermediate: func(h gobwas.Header, body io.Reader) error {
			if _, err := io.CopyN(io.Discard, body, h.Length); err != nil {
				return io.ErrUnexpectedEOF
			}
			if h.OpCode == gobwas.OpClose {
				return errClose
			}
			return nil
		}}
	for {
		h, err := r.NextFrame()
		if err != nil {
			return messages, err
		}
		payload, err := io.ReadAll(&r)
		switch {
		case err != nil:
			return messages, err
		case h.OpCode == gobwas.OpClose:
			return messages, errClose
		case h.OpCode.IsData():
			messages = append(messages, string(append([]byte{byte(h.OpCode)}, payload...)))
		}
	}
}

// compareSecond holds what Echo has sent against the second oracle.
func compareSecond(t *testing.T, in []byte, got seen, v Verdict) {
	t.Helper()
	want, end := secondOracle(bytes.Clone(in), oracleLimit)
	messages := slices.DeleteFunc(slices.Clone(got.events), func(ev string) bool {
		return ev[0] != OpText &&
			ev[0] != OpBinary
	})
	open := errors.Is(end, io.EOF) || errors.Is(end, io.ErrUnexpectedEOF)
	agreed := false
	switch v.Cause {
	case None:
		agreed = open
	case Normal:
		agreed = end == errClose
	case UTF8: // of a message, or of a close frame's reason
		agreed = end == wsutil.ErrInvalidUTF8 || end == errClose
	case TooBig: // seen in part of a header, perhaps
		agreed = end == wsutil.ErrMessageTooLarge || open
	case Protocol: // where it is stricter, the other one reads on
		agreed = true
		want = want[:min(len(want), len(messages))]
	}
	if !agreed || !slices.Equal(messages, want) {
		t.Fatalf("Echo: %v, %d messages; wsutil: %v, %d messages\n got %.200q\nwant %.200q", v, len(messages), end,
			len(want), messages, want)
	}
}
