package epoll

import "github.com/c10m/c10m/internal/echo"

// sessions are the sessions of a loop's connections. The array of connections lies
// outside the Go heap and must hold no pointers, so a conn names its session by its
// place in this list.
type sessions struct {
	list []*echo.Session
	free []uint32
}

// get is a connection's session, nil if it has none.
func (t *sessions) get(c *conn) *echo.Session {
	if c.session == 0 {
		return nil
	}
	return t.list[c.session-1]
}

// set replaces it.
func (t *sessions) set(c *conn, s *echo.Session) {
	switch {
	case c.session == 0 && s == nil:
	case s == nil:
		t.list[c.session-1] = nil
		t.free = append(t.free, c.session-1)
		c.session = 0
	case c.session > 0:
		t.list[c.session-1] = s
	default:
		at := uint32(len(t.list))
		if n := len(t.free); n > 0 {
			at, t.free = t.free[n-1], t.free[:n-1]
			t.list[at] = s
		} else {
			t.list = append(t.list, s)
		}
		c.session = at + 1
	}
}

// trim releases the list if it is empty.
func (t *sessions) trim() {
	if len(t.free) == len(t.list) {
		t.list, t.free = nil, nil
	}
}
