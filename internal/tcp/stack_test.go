package tcp

import "testing"

func TestGivesUp(t *testing.T) {
	s := newScript(t)
	s.run(handshake + "send 10\n> P. 1:11 1\n")
	for range 20 {
		s.now += maxRTO
		s.Sweep(s.now)
	}
	if last := s.heard[len(s.heard)-1]; last != "@closed timed out" {
		t.Errorf("last event %q, want that it timed out", last)
	}
	if s.Counts.Repeated != giveUp {
		t.Errorf("repeated %d times, want %d", s.Counts.Repeated, giveUp)
	}
}

// The owner's calls from within an event must not upset what is under way.
func TestAnswerWithinEvents(t *testing.T) {
	s := newScript(t)
	s.react = func(event string) {
		switch event {
		case "@established", "@acked 5":
			s.Send(0, 5)
		case "@end":
			s.Close(0)
		}
	}
	s.run(`
		open
		> S 0:0 mss 1460
		< S. 0:0 1 65535 mss 1460
		@established
		> P. 1:6 1
		flush
		< P. 1:5 6 65535
		@acked 5
		> P. 6:11 1
		@data 4
		flush
		> . 11:11 5
		< F. 5:5 11 65535
		@acked 5
		> P. 11:16 5
		@end
		> F. 16:16 6
		flush
		< . 6:6 17 65535
		@acked 5
		@closed finished`)
}

func TestAnswersAreBounded(t *testing.T) {
	s := newScript(t)
	for range 3 * answersPerSweep {
		s.Input(0, Segment{Flags: ACK})
	}
	if len(s.heard) != answersPerSweep || s.Counts.Withheld != 2*answersPerSweep {
		t.Errorf("%d answers, %d withheld", len(s.heard), s.Counts.Withheld)
	}
	s.heard = nil
	s.Sweep(s.now + 10)
	s.Input(0, Segment{Flags: ACK})
	if len(s.heard) != 1 {
		t.Error("no answer after the next sweep")
	}
}

// A storm of forged RSTs ends nothing, and is not answered one by one.
func TestStormOfResets(t *testing.T) {
	s := newScript(t)
	s.run(handshake)
	s.heard = nil
	for i := range uint32(3 * answersPerSweep) {
		s.Input(0, Segment{Seq: theirISN + 2 + i*20, Flags: RST})
	}
	if s.State(0) != Established || len(s.heard) != answersPerSweep {
		t.Errorf("%v, %d answers", s.State(0), len(s.heard))
	}
}
