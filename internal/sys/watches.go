package sys

// WatchReserve says whether epoll watches are left: fs.epoll.max_user_watches
// bounds them per user over all processes, and no file says how many are taken. So
// it adds one now and then, and keeps some in hand: when they are used up it gives
// these back, so that what is accepted by then can be watched for long enough to be
// refused in good order. epoll_ctl(2) on an accepted socket would fail with ENOSPC.
type WatchReserve struct {
	sets   []Epoll
	fds    []int // eventfds, each watched by every set but the first
	held   bool
	add    func(e Epoll, fd int) Errno
	remove func(e Epoll, fd int)
}

// reserved squared is how many watches are kept in hand.
const reserved = 8

// NewWatchReserve makes one. It takes 17 fds.
func NewWatchReserve() (*WatchReserve, error) {
	w := &WatchReserve{
		add:    func(e Epoll, fd int) Errno { return e.Add(fd, EpollIn, int32(fd), 0) },
		remove: func(e Epoll, fd int) { e.Remove(fd) },
	}
	for range reserved + 1 {
		e, err := NewEpoll()
		if err != nil {
			w.Close()
			return nil, err
		}
		w.sets = append(w.sets, e)
	}
	for range reserved {
		fd, err := Eventfd()
		if err != nil {
			w.Close()
			return nil, err
		}
		w.fds = append(w.fds, fd)
	}
	return w, nil
}

// Left reports whether there are watches left, more than those in hand.
func (w *WatchReserve) Left() bool {
	if w.add(w.sets[0], w.fds[0]) != 0 {
		w.release()
		return false
	}
	w.remove(w.sets[0], w.fds[0])
	return w.held || w.take()
}

// take takes the reserve, all or none of it.
func (w *WatchReserve) take() bool {
	for _, set := range w.sets[1:] {
		for _, fd := range w.fds {
			if w.add(set, fd) != 0 {
				w.release()
				return false
			}
		}
	}
	w.held = true
	return true
}

// release gives it back.
func (w *WatchReserve) release() {
	for _, set := range w.sets[1:] {
		for _, fd := range w.fds {
			w.remove(set, fd)
		}
	}
	w.held = false
}

// Close gives all back.
func (w *WatchReserve) Close() {
	for _, e := range w.sets {
		e.Close()
	}
	for _, fd := range w.fds {
		Close(fd)
	}
}
